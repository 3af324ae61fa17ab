//! State file v1

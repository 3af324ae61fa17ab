//! The write-ahead record of an apply.

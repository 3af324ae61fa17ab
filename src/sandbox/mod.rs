//! The embedded stand-in for Dixa: a real HTTP server with the same API and limits.

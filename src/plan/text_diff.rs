//! A line diff of two texts with the changed words marked.

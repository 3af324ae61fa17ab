//! Dixa's API: what is asked of it in our words, its JSON, and the HTTP client with its pacing and retries.

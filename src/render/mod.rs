//! Plans, reports and findings as text. Renderers take values and return text; they print nothing and decide nothing.

pub mod escape;
pub mod findings;
pub mod json_v1;
pub mod number;
pub mod palette;
pub mod report;
pub mod text;

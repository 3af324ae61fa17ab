//! Plans, reports and findings as text. Renderers take values and return text; they print nothing and decide nothing.

pub mod alike;
pub mod apply_json_v1;
pub mod catalog;
pub mod error_json_v1;
pub mod escape;
pub mod findings;
pub mod github;
pub mod gitlab;
pub mod handed;
pub mod html;
pub mod init;
pub mod json_v1;
mod lines;
pub mod manifest;
pub mod markdown;
mod naming;
pub mod note;
pub mod number;
pub mod palette;
pub mod pieces;
pub mod price;
pub mod recover;
pub mod remark;
pub mod report;
pub mod review;
pub mod sarif;
pub mod state;
pub mod text;
pub mod validate_json_v1;

#[cfg(test)]
pub(crate) mod tests;

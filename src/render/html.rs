//! Plans, findings and reports as one page for a browser, without a request to anywhere.
//!
//! The page carries its style and its script, and its policy allows those two and nothing else, by their digests: not
//! even a mistake in escaping could load or run anything. Foreign text goes through [`crate::render::escape`] and
//! through maud, which escapes by type.
//!
//! Everything can be read without the script. Bodies of changes are in `noscript`: a browser that runs scripts takes
//! what is in there as one piece of text, so ten thousand of them cost little until the script makes elements of one
//! that is opened; any other browser shows them as they are. None of the markup in there is `noscript` itself, and
//! foreign text has no `<` left by then, so nothing can end it early.

mod breakdown;
mod chart;
mod controls;
mod diff;
mod findings_page;
mod overview;
mod plan_page;
mod report_page;
mod shell;
mod timeline;

pub use crate::render::html::findings_page::findings;
pub use crate::render::html::plan_page::plan;
pub use crate::render::html::report_page::report;

#[cfg(test)]
mod tests;

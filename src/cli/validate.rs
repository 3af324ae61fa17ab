//! `dixaform validate`: findings, and nothing else.

use crate::cli::args::ValidateArgs;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::{Formats, Goes};
use crate::cli::forms::FindingsForm;
use crate::cli::load::{self, Tenants};
use crate::cli::session::Session;
use crate::cli::surroundings;
use crate::finding::Findings;
use crate::render::number::counted;
use crate::render::palette::Palette;
use crate::render::{self, github, gitlab, html, markdown, sarif, validate_json_v1};

pub fn run(session: &Session, args: &ValidateArgs) -> Result<Exit, Error> {
    let formats = Formats::open(session, &args.format, None, &args.paths)?;
    let tenant = session.named_tenant()?;
    let tenants = Tenants::new(session, tenant, &args.paths)?;
    let (desired, findings) = load::manifests(session, &args.paths, tenants)?;
    let valid = !findings.has_errors() && (findings.is_empty() || !args.warnings_as_errors);
    let manifests = counted(desired.len(), "manifest");
    formats.write(&session.output, FindingsForm::Text, |form, goes| match form {
        FindingsForm::Text => {
            let palette = if goes == Goes::ToStdout { session.output.palette } else { Palette::plain() };
            text(&findings, args.all, valid, &manifests, &palette)
        }
        FindingsForm::Json => validate_json_v1::findings(&findings, valid),
        FindingsForm::Markdown => markdown::findings(&findings, valid, desired.len(), args.max_bytes),
        FindingsForm::Html => html::findings(&findings, desired.len(), valid),
        FindingsForm::Github => github::findings(&findings, &surroundings::checkout()),
        FindingsForm::Gitlab => gitlab::findings(&findings, &surroundings::checkout()),
        FindingsForm::Sarif => sarif::findings(&findings, &surroundings::checkout()),
    })?;
    Ok(if valid { Exit::Done } else { Exit::Failed })
}

fn text(findings: &Findings, all: bool, valid: bool, manifests: &str, palette: &Palette) -> String {
    let mut out = render::findings::findings(findings, all, palette);
    if valid {
        out.push_str(&format!("{manifests}: {}.\n", render::findings::verdict(findings, valid)));
    }
    out
}

//! `dixaform show`: a saved plan, or the state, in any form.

use crate::cli::args::ShowArgs;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::Formats;
use crate::cli::forms::{Form, FormatArg};
use crate::cli::session::Session;
use crate::cli::{plan, saved_plan, state, state_access};
use crate::render::escape::escape_json;
use crate::state::file_v1;

pub fn run(session: &Session, args: &ShowArgs) -> Result<Exit, Error> {
    let formats = Formats::open(session, &args.forms.format, None, &[])?;
    match &args.plan {
        Some(path) => plan::write(session, &saved_plan::read(path)?, &formats, &args.forms, 0)?,
        None if args.forms.open => {
            return Err(Error::new(Exit::Usage, "the state has no page: --open is for plans")
                .hint("name a saved plan: dixaform show PLANFILE --open"));
        }
        None => show_state(session, &formats, &args.forms.format)?,
    }
    Ok(Exit::Done)
}

fn show_state(session: &Session, formats: &Formats<Form>, asked: &[FormatArg<Form>]) -> Result<(), Error> {
    if asked.iter().any(|format| !matches!(format.form, Form::Text | Form::Json)) {
        return Err(Error::new(Exit::Usage, "the state is shown as text or json")
            .hint("the other forms are for plans: dixaform show PLANFILE"));
    }
    let state = state_access::look(&session.open()?)?.state;
    let records = state::listed(&state, &[])?;
    formats.write(&session.output, Form::Text, |form, goes| match form {
        Form::Json => escape_json(&file_v1::write(&state)).into_owned(),
        Form::Text | Form::Markdown | Form::Html | Form::Github | Form::Gitlab => {
            state::list_text(session, &records, goes)
        }
    })
}

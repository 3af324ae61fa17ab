//! `dixaform show`: a saved plan, or the state, in any form.

use crate::cli::args::{Form, ShowArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::session::Session;
use crate::cli::{plan, saved_plan, state, state_access};
use crate::render::json_v1;
use crate::state::file_v1;

pub fn run(session: &Session, args: &ShowArgs) -> Result<Exit, Error> {
    let text = match &args.plan {
        Some(path) => {
            let saved = saved_plan::read(path)?;
            match args.format.form {
                Form::Text => plan::as_text(session, &saved, 0),
                Form::Json => json_v1::plan(&saved),
            }
        }
        None => {
            let state = state_access::look(session, session.tenant()?)?.state;
            match args.format.form {
                Form::Text => state::listed(&state, &[])?,
                Form::Json => file_v1::write(&state),
            }
        }
    };
    session.output.result(&text)?;
    Ok(Exit::Done)
}

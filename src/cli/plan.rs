//! `dixaform plan`: what an apply would do. No request is made, and no token is looked for.
#![expect(clippy::disallowed_methods, reason = "--format writes files")]

use crate::cli::args::{Form, FormatArg, PlanArgs, PlanningArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::session::Session;
use crate::cli::state_access::{self, Standing};
use crate::desired::Desired;
use crate::plan::{self, Plan, PlanOptions, Scope, Target};
use crate::project::Tenant;
use crate::render::text::TextOptions;
use crate::render::{json_v1, text};
use crate::state::State;

pub fn run(session: &Session, args: &PlanArgs) -> Result<Exit, Error> {
    let tenant = session.tenant()?;
    let options = options(tenant, &args.planning)?;
    let desired = load::desired(session, &args.planning.paths, args.planning.warnings_as_errors)?;
    let Standing { state, in_doubt } = state_access::look(session, tenant)?;
    let plan = make(&desired, &state, options);
    write(session, &plan, &args.format)?;
    state_access::tell_in_doubt(session, &in_doubt);
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::ChangesPending } else { Exit::Done })
}

/// The options of a plan, from flags and tenant.
pub fn options(tenant: &Tenant, args: &PlanningArgs) -> Result<PlanOptions, Error> {
    let scope =
        Scope::new(&args.target, &args.exclude, &args.selector).map_err(|error| Error::of(Exit::Usage, &error))?;
    Ok(PlanOptions {
        tenant: Target {
            name: tenant.name.clone(),
            base_url: tenant.identity(),
            organization_id: tenant.organization_id.clone(),
            rate_limit: tenant.rate_limit,
        },
        allow_replace: args.allow_replace,
        prune: args.prune,
        scope,
        removed_attributes: tenant.removed_attributes,
    })
}

/// Plans, with the organization that the state knows where the project file names none.
pub fn make(desired: &Desired, state: &State, mut options: PlanOptions) -> Plan {
    let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    options.tenant.organization_id = options.tenant.organization_id.or(known);
    plan::plan(desired, state, &options)
}

/// Writes every form that was asked for; text when none goes to standard output otherwise.
fn write(session: &Session, plan: &Plan, formats: &[FormatArg]) -> Result<(), Error> {
    for FormatArg { form, file } in formats {
        let Some(path) = file else { continue };
        let rendered = rendered(session, plan, *form, false);
        std::fs::write(path, rendered)
            .map_err(|error| Error::new(Exit::Failed, format!("can't write {}: {error}", path.display())))?;
    }
    let mut to_stdout: Vec<Form> =
        formats.iter().filter(|format| format.file.is_none()).map(|format| format.form).collect();
    if to_stdout.len() > 1 {
        return Err(Error::new(Exit::Usage, "only one --format can go to standard output")
            .hint("give the others a file: --format json=plan.json"));
    }
    let form = to_stdout.pop().unwrap_or(Form::Text);
    session.output.result(&rendered(session, plan, form, true))
}

fn rendered(session: &Session, plan: &Plan, form: Form, to_terminal: bool) -> String {
    match form {
        Form::Json => json_v1::plan(plan),
        Form::Text if to_terminal => as_text(session, plan),
        Form::Text => text::plan(
            plan,
            &TextOptions { palette: crate::render::palette::Palette::plain(), width: None, requests_sent: 0 },
        ),
    }
}

/// The plan as a person reads it here.
pub fn as_text(session: &Session, plan: &Plan) -> String {
    let options = TextOptions { palette: session.output.palette, width: session.output.width, requests_sent: 0 };
    text::plan(plan, &options)
}

//! `dixaform plan`: what an apply would do. No request is made, and no token is looked for.

use crate::cli::args::{Form, FormatArg, PlanArgs, PlanningArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::cli::refresh;
use crate::cli::saved_plan;
use crate::cli::session::Session;
use crate::cli::state_access::{self, Standing};
use crate::desired::Desired;
use crate::journal::InDoubt;
use crate::plan::{self, Plan, PlanOptions, Scope, Target};
use crate::project::Tenant;
use crate::render::palette::Palette;
use crate::render::text::TextOptions;
use crate::render::{json_v1, text};
use crate::state::State;

pub fn run(session: &Session, args: &PlanArgs) -> Result<Exit, Error> {
    let tenant = session.tenant()?;
    let options = options(tenant, &args.planning)?;
    let desired = load::desired(session, &args.planning.paths, args.planning.warnings_as_errors)?;
    let Standing { state, in_doubt } = state_access::look(session, tenant)?;
    let mut options = options;
    let mut requests = 0;
    if args.refresh {
        options.observations = refresh::observe(session, tenant, &desired, &state, &options)?;
        requests = options.observations.len() + usize::from(!options.observations.is_empty());
    }
    let plan = make(&desired, &state, &in_doubt, options);
    if let Some(path) = &args.out {
        saved_plan::write(path, &plan)?;
    }
    write(session, &plan, &args.format, requests)?;
    state_access::tell_in_doubt(session, &in_doubt);
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::ChangesPending } else { Exit::Done })
}

/// The options of a plan, from flags and tenant.
pub fn options(tenant: &Tenant, args: &PlanningArgs) -> Result<PlanOptions, Error> {
    let scope =
        Scope::new(&args.target, &args.exclude, &args.selector).map_err(|error| Error::of(Exit::Usage, &error))?;
    let target = Target {
        name: tenant.name.clone(),
        base_url: tenant.identity(),
        organization_id: tenant.organization_id.clone(),
        rate_limit: tenant.rate_limit,
    };
    Ok(PlanOptions {
        allow_replace: args.allow_replace,
        prune: args.prune,
        scope,
        removed_attributes: tenant.removed_attributes,
        markers: tenant.markers,
        verify: args.verify,
        ..PlanOptions::new(target)
    })
}

/// Plans, with the organization that the state knows where the project file names none.
pub fn make(desired: &Desired, state: &State, in_doubt: &[InDoubt], mut options: PlanOptions) -> Plan {
    options.in_doubt = in_doubt.iter().map(|in_doubt| in_doubt.address.clone()).collect();
    let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    options.tenant.organization_id = options.tenant.organization_id.or(known);
    plan::plan(desired, state, &options)
}

/// Writes every form that was asked for; text when none goes to standard output otherwise.
fn write(session: &Session, plan: &Plan, formats: &[FormatArg], requests: usize) -> Result<(), Error> {
    for FormatArg { form, file } in formats {
        let Some(path) = file else { continue };
        let rendered = rendered(session, plan, *form, None);
        saved_plan::save(path, &rendered)?;
    }
    let mut to_stdout: Vec<Form> =
        formats.iter().filter(|format| format.file.is_none()).map(|format| format.form).collect();
    if to_stdout.len() > 1 {
        return Err(Error::new(Exit::Usage, "only one --format can go to standard output")
            .hint("give the others a file: --format json=plan.json"));
    }
    let form = to_stdout.pop().unwrap_or(Form::Text);
    session.output.result(&rendered(session, plan, form, Some(requests)))
}

/// `requests` is given for what goes to standard output.
fn rendered(session: &Session, plan: &Plan, form: Form, requests: Option<usize>) -> String {
    match form {
        Form::Json => json_v1::plan(plan),
        Form::Text => match requests {
            Some(requests) => as_text(session, plan, requests),
            None => text::plan(plan, &TextOptions { palette: Palette::plain(), width: None, requests_sent: 0 }),
        },
    }
}

/// The plan as a person reads it here, after this many requests were sent to make it.
pub fn as_text(session: &Session, plan: &Plan, requests_sent: usize) -> String {
    text::plan(plan, &TextOptions { palette: session.output.palette, width: session.output.width, requests_sent })
}

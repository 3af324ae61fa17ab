//! `dixaform plan`: what an apply would do. No request is made, and no token is looked for.

use crate::cli::args::{PlanArgs, PlanFormsArgs, PlanningArgs};
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::formats::{Formats, Goes};
use crate::cli::forms::Form;
use crate::cli::load::{self, Files, Tenants};
use crate::cli::page;
use crate::cli::reader::Reader;
use crate::cli::session::Session;
use crate::cli::settling;
use crate::cli::state_access::{self, Standing};
use crate::cli::surroundings;
use crate::cli::{rebuild, refresh};
use crate::desired::Desired;
use crate::journal::InDoubt;
use crate::plan::{self, Plan, PlanOptions, Scope, Target, Unfit};
use crate::project::Tenant;
use crate::render::number::{counted, grouped};
use crate::render::palette::Palette;
use crate::render::pieces::Pieces;
use crate::render::text::{TextOptions, index};
use crate::render::{github, gitlab, html, json_v1, markdown, note, text};
use crate::state::{Known, State};

pub fn run(session: &Session, args: &PlanArgs) -> Result<Exit, Error> {
    let formats = Formats::open(session, &args.forms.format, args.out.as_deref(), &args.planning.paths)?;
    let open = session.open()?;
    let tenant = open.tenant;
    state_access::tell_if_lost(&open);
    let mut options = options(tenant, &args.planning)?;
    let PlanningArgs { paths, warnings_as_errors, .. } = &args.planning;
    let tenants = Tenants::new(session, Some(tenant), paths)?;
    let hash = || Files::hashed(load::find(session, paths)?, open.may_have_state(), tenants, session.folder());
    let (files, standing) = rayon::join(hash, || state_access::look_unchecked(&open));
    let (files, Standing { mut state, seal, in_doubt }) = (files?, standing?);
    // A refresh compares every manifest with the tenant.
    let known = if args.planning.refresh { Known::default() } else { known(&state, &in_doubt, &options.scope) };
    let desired = load::desired(session, &files, &known, &state, *warnings_as_errors)?;
    state_access::check_specs(&open, &mut state, |address| !desired.is_as_recorded(address))?;
    options.seal = seal;
    let mut requests = 0;
    if args.planning.refresh {
        let wanted = refresh::wanted(&desired, &state, &options);
        requests = refresh::calls(&wanted);
        options.observations = refresh::observe_alone(&open, &desired, &state, &wanted)?;
    }
    let flags = options.scope.flags();
    let plan = make(session, &desired, &state, &in_doubt, options)?;
    tell_if_nothing_fits(session, &plan, &flags);
    if let Some(message) = too_many(&args.planning, &plan) {
        session.output.note(&format!("warning: {message}; apply refuses it\n"));
    }
    if let Some(saved) = formats.saved() {
        saved.write(&session.output, json_v1::pieces(&plan), Reader::Program)?;
    }
    if let Some(job) = &session.ci {
        job.planned(&plan, !in_doubt.is_empty(), formats.has(Form::Github));
    }
    write(session, &plan, &formats, &args.forms, requests)?;
    tell_what_was_compared(session, &plan);
    state_access::tell_in_doubt(session, &in_doubt);
    settling::tell_doubled(session, &state);
    // An apply also settles what is in doubt.
    let is_pending = !plan.is_empty() || !in_doubt.is_empty();
    Ok(if args.detailed_exitcode && is_pending { Exit::ChangesPending } else { Exit::Done })
}

/// The files that need not be parsed: none where labels decide what is in scope, or where a call is in doubt, since the
/// records are not what they will be.
pub fn known<'s>(state: &'s State, in_doubt: &[InDoubt], scope: &Scope) -> Known<'s> {
    if scope.asks_for_labels() || !in_doubt.is_empty() { Known::default() } else { Known::of(state) }
}

/// The options of a plan, from flags and tenant.
pub fn options(tenant: &Tenant, args: &PlanningArgs) -> Result<PlanOptions, Error> {
    let scope = Scope::new(&args.target, &args.exclude, &args.selector)?;
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

/// That a plan has more changes than `--max-changes` allows.
pub fn too_many(args: &PlanningArgs, plan: &Plan) -> Option<String> {
    let (changes, most) = (plan.changes.len(), args.max_changes?);
    (changes > most).then(|| format!("the plan has {}, and --max-changes allows {most}", counted(changes, "change")))
}

/// Plans, with the organization that the state knows where the project file names none.
///
/// # Errors
/// A `--target` or `--selector` that fits nothing, or a record that can't move.
pub fn make(
    session: &Session,
    desired: &Desired,
    state: &State,
    in_doubt: &[InDoubt],
    mut options: PlanOptions,
) -> Result<Plan, Error> {
    load::check_moves(session, desired, state)?;
    if !options.scope.is_everything() {
        let manifests = desired.iter().map(|manifest| (&manifest.address, Some(&manifest.labels)));
        let records = state.records.keys().map(|address| (address, None));
        if let Some(Unfit { message, hint }) = options.scope.unfit(&manifests.chain(records).collect::<Vec<_>>()) {
            return Err(Error::new(Exit::Failed, message).hint(hint));
        }
    }
    options.in_doubt = in_doubt.iter().map(|in_doubt| in_doubt.address.clone()).collect();
    options.is_lost = rebuild::is_lost(&options.tenant, state, in_doubt);
    let known = state.tenant.as_ref().and_then(|tenant| tenant.organization_id.clone());
    options.tenant.organization_id = options.tenant.organization_id.or(known);
    Ok(plan::plan(desired, state, &options))
}

/// Says on standard error that a plan is empty because of these flags: a name with a slip, as a rule.
pub fn tell_if_nothing_fits(session: &Session, plan: &Plan, flags: &[&str]) {
    if plan.compares_nothing() {
        let left_out = plan.summary.left_out;
        let all = format!("{} address{}", grouped(left_out as u64), if left_out == 1 { "" } else { "es" });
        let (flags, leave) = match flags {
            [only] => ((*only).to_owned(), "leaves"),
            [first @ .., last] => (format!("{} and {last}", first.join(", ")), "leave"),
            [] => ("the filters of the plan".to_owned(), "leave"),
        };
        session.output.note(&format!("warning: {flags} {leave} none of {all}\n"));
    }
}

/// Says on standard error what the words about a plan without changes rest on.
pub fn tell_what_was_compared(session: &Session, plan: &Plan) {
    if plan.is_empty() && !plan.compares_nothing() {
        session.output.note(&format!("{}\n", note::compared(plan)));
    }
}

/// Writes every form that was asked for; text when none goes to standard output otherwise.
pub fn write(
    session: &Session,
    plan: &Plan,
    formats: &Formats<Form>,
    args: &PlanFormsArgs,
    requests: usize,
) -> Result<(), Error> {
    let PlanFormsArgs { format: _, max_bytes, full, open } = args;
    formats.write(&session.output, Form::Text, |form, target| match (form, target) {
        (Form::Text, Goes::ToStdout) => {
            let folds = session.output.width.is_some() && !full;
            as_text(session, plan, folds, Some(requests))
        }
        (Form::Text, Goes::ToFile) => {
            text::pieces(plan, &TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(requests) })
        }
        (Form::Json, _) => json_v1::pieces(plan),
        (Form::Markdown, _) => markdown::plan(plan, *max_bytes).into(),
        (Form::Html, _) => html::plan(plan).into(),
        (Form::Github, _) => github::plan(plan, &surroundings::checkout()).into(),
        (Form::Gitlab, _) => gitlab::plan(plan).into(),
    })?;
    // The plan was written, whatever becomes of its page.
    if *open { page::open(&session.output, plan).map_err(Error::in_result) } else { Ok(()) }
}

/// The plan as a person reads it here; for `requests_sent` see [`TextOptions`]. `folds` says whether a long one is
/// folded. A width is known of terminals only.
pub fn as_text<'p>(session: &Session, plan: &'p Plan, folds: bool, requests_sent: Option<usize>) -> Pieces<'p> {
    let options = TextOptions { palette: session.output.palette, width: session.output.width, requests_sent };
    if index::is_long(plan) && folds {
        return index::folded(plan, &options).into();
    }
    text::pieces(plan, &options)
}

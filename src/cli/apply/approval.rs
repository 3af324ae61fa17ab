//! What comes before the first write: refusals that no approval overrides, and the approval by a person.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use crate::api::contract::Organization;
use crate::apply::guard;
use crate::cli::apply::naming;
use crate::cli::args::ApplyArgs;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::plan::too_many;
use crate::cli::saved_plan;
use crate::cli::session::Session;
use crate::plan::{self, Plan, Target};
use crate::project::Tenant;
use crate::render::number::grouped;

/// How many differences from an approved plan are listed; the rest is counted.
const DIFFERENCES_MAX: usize = 50;

/// What was approved before this command began.
pub struct Approval<'a> {
    args: &'a ApplyArgs,
    /// The plan that was reviewed, and its file.
    reviewed: Option<(&'a Path, Plan)>,
    /// A saved plan is what is applied.
    is_saved: bool,
}

impl<'a> Approval<'a> {
    /// Reads the reviewed plan, if there is one. A saved plan, where that is what is applied, is an approval by itself.
    ///
    /// # Errors
    /// The file is no plan that can be used, or is not the plan whose fingerprint was approved as well.
    pub fn given(args: &'a ApplyArgs, is_saved: bool) -> Result<Self, Error> {
        let is_stdin = |path: &std::path::PathBuf| path.as_os_str() == "-";
        if args.approved_plan.as_ref().is_some_and(is_stdin) && args.planning.paths.iter().any(is_stdin) {
            return Err(Error::new(Exit::Usage, "standard input can't be the manifests and the approved plan"));
        }
        let reviewed = match args.approved_plan.as_deref() {
            Some(path) => Some((path, reviewed(path)?)),
            None => None,
        };
        if let (Some(approved), Some((path, plan))) = (&args.approved, &reviewed)
            && *approved != plan.fingerprint
        {
            let file = path.display();
            let message =
                format!("--approved is {approved}, and the fingerprint of the plan in {file} is {}", plan.fingerprint);
            return Err(
                Error::new(Exit::Refused, message).hint("nothing was sent; give one of the two, or make them equal")
            );
        }
        Ok(Approval { args, reviewed, is_saved })
    }

    /// Whether paths say what is applied: perhaps not all that the project describes.
    pub fn names_paths(&self) -> bool {
        !self.args.planning.paths.is_empty()
    }

    /// Whether somebody has to be asked.
    fn asks(&self) -> bool {
        let ApplyArgs { yes, approved, .. } = self.args;
        !yes && approved.is_none() && self.reviewed.is_none() && !self.is_saved
    }

    /// Whether it was approved before this command began.
    pub fn is_given(&self) -> bool {
        !self.asks()
    }

    /// Whether there is somebody who is asked, and needs to see the plan.
    pub fn asks_somebody(&self) -> bool {
        self.asks() && io::stdin().is_terminal()
    }

    /// Refuses what is refused whatever anybody approves, and a plan that is not the approved one.
    pub fn guard(&self, plan: &Plan, tenant: &Tenant) -> Result<(), Error> {
        let allow_outbound = self.args.allow_outbound || tenant.allow_outbound;
        if let Some(refusal) = guard::refusals(plan, allow_outbound).into_iter().next() {
            return Err(refusal.into());
        }
        if let Some(message) = too_many(&self.args.planning, plan) {
            let hint = "nothing was sent; look at the plan, and allow more if it is right";
            return Err(Error::new(Exit::Refused, message).hint(hint));
        }
        let hint = "nothing was sent; review the plan and approve it again";
        let now = &plan.fingerprint;
        match (&self.reviewed, &self.args.approved) {
            (Some((path, approved)), _) if approved.fingerprint != *now => {
                Err(Error::new(Exit::Refused, not_approved(path, approved, plan)).hint(hint))
            }
            (None, Some(approved)) if approved != now => {
                let message = format!("the new plan has the fingerprint {now}, and {approved} was approved");
                Err(Error::new(Exit::Refused, message).hint(hint))
            }
            _ => Ok(()),
        }
    }

    /// Refuses where somebody has to be asked, and nobody is there.
    pub fn can_be_asked(&self, plan: &Plan) -> Result<(), Error> {
        if !self.asks() || io::stdin().is_terminal() {
            return Ok(());
        }
        let message = "not approved: standard input is not a terminal, so nobody can be asked";
        let hint = format!(
            "nothing was sent; approve exactly this plan with `--approved {}`, or any plan with `--yes`",
            plan.fingerprint
        );
        Err(Error::new(Exit::Refused, message).hint(hint))
    }

    /// Says what begins now and whose tenant it is, where nobody was asked.
    pub fn begin(&self, session: &Session, tenant: &Target, organization: Option<&Organization>) {
        if !self.asks() {
            session.output.note(&naming::beginning(tenant, organization));
        }
    }

    /// Asks, unless it was approved already; the question names whose tenant it is.
    ///
    /// # Errors
    /// The answer is not `yes`.
    pub async fn settle(
        &self,
        session: &Session,
        tenant: &Target,
        organization: Option<&Organization>,
    ) -> Result<(), Error> {
        if !self.asks() {
            return Ok(());
        }
        session.output.error(&naming::question(tenant, organization));
        // Whoever waits for an answer can still be interrupted.
        let answer = tokio::task::spawn_blocking(|| io::stdin().lock().lines().next()).await;
        if matches!(answer, Ok(Some(Ok(answer))) if answer == "yes") {
            session.output.error("\n");
            return Ok(());
        }
        Err(Error::new(Exit::Refused, "not approved; nothing was sent"))
    }
}

fn reviewed(path: &Path) -> Result<Plan, Error> {
    saved_plan::read(path).map_err(|error| {
        let hint = "give the JSON of the plan that was reviewed: dixaform plan --format json=FILE, or --out FILE";
        Error { hints: vec![hint.to_owned()], ..error }
    })
}

/// Which changes are not those that were approved.
fn not_approved(path: &Path, approved: &Plan, now: &Plan) -> String {
    let mut message = format!(
        "the new plan has the fingerprint {}, and {} was approved (in {})",
        now.fingerprint,
        approved.fingerprint,
        path.display()
    );
    let (then, there) = (&approved.tenant, &now.tenant);
    if (&then.name, &then.base_url) != (&there.name, &there.base_url) {
        message.push_str(&format!(
            "\n  it was approved for the tenant `{}` ({}), but this is `{}` ({})",
            then.name,
            then.whereabouts(),
            there.name,
            there.whereabouts()
        ));
    }
    let differences = plan::differences(approved, now);
    for difference in differences.iter().take(DIFFERENCES_MAX) {
        message.push_str(&format!("\n  {difference}"));
    }
    if let Some(more) = differences.len().checked_sub(DIFFERENCES_MAX).filter(|more| *more > 0) {
        message.push_str(&format!("\n  and {} more", grouped(more as u64)));
    }
    message
}

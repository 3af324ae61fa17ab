//! Moving a state in from a branch of the repository: one that scripts kept, with a file for each tenant.
//!
//! The branch has `<tenant>.json`, `<tenant>.journal`, and `<tenant>.taken` as long as a run has the tenant. Whoever
//! pushes first wins. So this command takes the tenant too before it uploads anything, by the same mark.

use std::path::Path;

use crate::access::StoreUrl;
use crate::cli::clock::SystemClock;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::held::{self, Knowledge};
use crate::cli::output::shown;
use crate::cli::session::OpenTenant;
use crate::cli::state_access::same_tenant;
use crate::cli::state_args::MoveToArgs;
use crate::cli::state_move::{COMMAND, Moved, Word, leave_word, take, url_of};
use crate::journal::{Entry, without_cut_off_rebuild};
use crate::state::file_v1::{self, StateFileError};
use crate::state::{Seal, State};
use crate::workspace::{GitBranch, JournalFile, Pushed, StateError, StateStore, without_user_info};

/// How often a push is tried that others were faster than: tenants share the branch.
const PUSHES_MAX: u32 = 5;

/// What the branch has of the tenant.
struct OnBranch {
    branch: GitBranch,
    state: State,
    entries: Vec<Entry>,
    /// This command has taken the tenant already, and was cut off.
    is_taken: bool,
}

/// Where a state is looked for, and whose it is.
struct Source<'s> {
    open: &'s OpenTenant<'s>,
    remote: &'s str,
    name: &'s str,
    url: &'s StoreUrl,
}

pub fn from_branch(open: &OpenTenant<'_>, far: &OpenTenant<'_>, name: &str, args: &MoveToArgs) -> Result<Moved, Error> {
    let url = url_of(far);
    let source = Source { open, remote: &args.remote, name, url };
    let found = source.find()?;
    let copy = source.check_copy(&found)?;
    let mut there = take(far, args.lock.lock_timeout)?;
    there.can_receive(&found.state, &found.entries, found.is_taken)?;
    let is_resumed = found.is_taken;
    let OnBranch { state, entries, .. } = source.mark(found)?;
    let again = format!(
        "no run takes the tenant meanwhile; the same command goes on from here, and its mark on {name} is `{}`",
        source.owner()
    );
    let mut finish = || {
        there.receive(&state, &entries, is_resumed)?;
        let arrived = there.standing()?;
        leave_word(open, url, copy, &Word::Arrived(None))?;
        source.leave_word()?;
        Ok::<_, Error>(arrived)
    };
    let (state, entries) = finish().map_err(|error| error.hint(again))?;
    let left_behind =
        format!("{} and the branch {name} of {}", shown(&open.files.state), without_user_info(&args.remote));
    Ok(Moved { state, entries, left_behind })
}

impl Source<'_> {
    fn file(&self, ending: &str) -> String {
        format!("{}.{ending}", self.open.tenant.name)
    }

    /// Who the mark says has taken the tenant, when it is this command.
    fn owner(&self) -> String {
        format!("dixaform {COMMAND} {}", self.url)
    }

    fn fetch(&self) -> Result<GitBranch, Error> {
        let Source { remote, name, .. } = self;
        GitBranch::fetch(Path::new("."), remote, name)?.ok_or_else(|| {
            Error::new(Exit::Failed, format!("{} has no branch {name}", without_user_info(remote)))
                .hint("--from-branch names the branch that has the state, and --remote the repository")
        })
    }

    /// Whoever has the tenant, by the mark on the branch, whatever is in it.
    fn owner_on(&self, branch: &GitBranch) -> Result<Option<String>, Error> {
        let mark = branch.read(&self.file("taken"))?;
        Ok(mark.map(|mark| String::from_utf8_lossy(&mark).lines().next().unwrap_or_default().to_owned()))
    }

    fn find(&self) -> Result<OnBranch, Error> {
        let branch = self.fetch()?;
        let owner = self.owner_on(&branch)?;
        if let Some(owner) = owner.as_ref().filter(|owner| **owner != self.owner()) {
            let message = format!("the tenant {} is taken by {owner}", self.open.tenant.name);
            let hint = format!(
                "let that run end. If it has died, save its state, or remove {} from the branch {} if it left none",
                self.file("taken"),
                self.name
            );
            return Err(Error::new(Exit::Refused, message).hint(hint));
        }
        let named = |file: &str| format!("{file} of the branch {}", self.name);
        let file = self.file("json");
        let Some(text) = branch.read(&file)? else {
            let message = format!("the branch {} has no {file}", self.name);
            return Err(Error::new(Exit::Failed, message).hint("an apply to the store makes a state there"));
        };
        let text = String::from_utf8(text)
            .map_err(|_| Error::new(Exit::Failed, format!("{} is not text in UTF-8", named(&file))))?;
        let (mut state, _) = held::read_state(text, &named(&file))?;
        held::check_specs(&mut state, |_| true, &named(&file))?;
        same_tenant(&state, self.open.tenant, &named(&file))?;
        let journal = branch.read(&self.file("journal"))?.unwrap_or_default();
        let entries = held::read_journal(&journal, &named(&self.file("journal")))?;
        let entries = without_cut_off_rebuild(entries, state.serial);
        Ok(OnBranch { branch, state, entries, is_taken: owner.is_some() })
    }

    /// Makes sure that the file here, in whose place word is left, has nothing that the branch lacks; gives back its
    /// seal, if it is a state.
    fn check_copy(&self, found: &OnBranch) -> Result<Option<Seal>, Error> {
        let files = &self.open.files;
        let mut store = StateStore::open(&files.state);
        let mut lacking = None;
        let is_known = match store.load_unchecked() {
            Ok(None) => true,
            Ok(Some(here)) => {
                // Serials alone say nothing of two that went on from the same state.
                lacking = Knowledge::of(&found.state, &found.entries).lacks_of(&here);
                let is_older = here.lineage == found.state.lineage && here.serial <= found.state.serial;
                is_older && lacking.is_none()
            }
            Err(StateError::Unusable { source: StateFileError::Moved { to, .. }, .. }) => to == self.url.to_string(),
            Err(error) => return Err(error.into()),
        };
        let journal = JournalFile::read_all(&files.journal)?;
        if is_known && (journal.is_empty() || journal == found.entries) {
            return Ok(store.seal());
        }
        let named = lacking.map_or(String::new(), |lacking| format!(": {lacking}"));
        let message = format!("the state {} has what the branch {} lacks{named}", shown(&files.state), self.name);
        let hint = "save it to the branch first; if nothing needs it, move it away";
        Err(Error::new(Exit::Refused, message).hint(hint))
    }

    /// Takes the tenant on the branch. What is there by then is what moves.
    fn mark(&self, mut found: OnBranch) -> Result<OnBranch, Error> {
        let mark = format!("{}\n{}\n", self.owner(), SystemClock::timestamp());
        let files = [(self.file("taken"), Some(mark.into_bytes()))];
        let message = format!("Take {} [skip ci]", self.open.tenant.name);
        for _ in 0..PUSHES_MAX {
            if found.is_taken {
                return Ok(found);
            }
            if found.branch.push(&files, &message)? == Pushed::Done {
                return Ok(OnBranch { is_taken: true, ..found });
            }
            let now = self.find()?;
            if now.state.serial != found.state.serial || now.entries != found.entries {
                let message = format!("the state on the branch {} was changed while this ran", self.name);
                return Err(Error::new(Exit::Refused, message).hint("nothing was moved; run it again"));
            }
            found = now;
        }
        Err(self.overtaken())
    }

    /// Leaves word on the branch in place of the state, and gives the tenant back.
    fn leave_word(&self) -> Result<(), Error> {
        let word = file_v1::moved(&self.url.to_string(), None).into_bytes();
        let files = [(self.file("json"), Some(word)), (self.file("journal"), None), (self.file("taken"), None)];
        let message = format!("Move the state of {} to {} [skip ci]", self.open.tenant.name, self.url);
        for _ in 0..PUSHES_MAX {
            let branch = self.fetch()?;
            if self.owner_on(&branch)?.is_none_or(|owner| owner != self.owner()) {
                let message = format!("somebody has removed {} from the branch {}", self.file("taken"), self.name);
                let hint = "the state is in the store; make sure that no run goes on with the branch";
                return Err(Error::new(Exit::Refused, message).hint(hint));
            }
            if branch.push(&files, &message)? == Pushed::Done {
                return Ok(());
            }
        }
        Err(self.overtaken())
    }

    fn overtaken(&self) -> Error {
        let message = format!("others push to the branch {} again and again", self.name);
        Error::new(Exit::Failed, message).hint("run it again")
    }
}

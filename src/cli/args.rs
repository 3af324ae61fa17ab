//! The command line.

use std::path::PathBuf;

use clap::{Arg, Args, Parser, Subcommand, ValueEnum, value_parser};

pub use crate::cli::catalog_args::CatalogCommand;
use crate::cli::forms::{FindingsForm, Form, FormatArg, ResultFormsArgs};
use crate::cli::init::workflow::Service;
use crate::cli::lock_args::LockArgs;
pub use crate::cli::state_args::StateCommand;
use crate::render::markdown;
use crate::sandbox::FaultPlan;

/// Plan and apply for Dixa conversations described in YAML manifests.
#[derive(Debug, Parser)]
#[command(name = "dixaform", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  dixaform plan examples/quickstart --tenant sandbox
                                      show what an apply would do
  dixaform apply examples/quickstart --tenant sandbox
                                      do it, on the embedded sandbox
  dixaform plan --detailed-exitcode   exit with 2 when changes are pending

Exit codes:
  0    done, or nothing to do
  1    failed
  2    changes are pending (plan --detailed-exitcode)
  3    the token is missing or refused
  4    applied in part
  5    refused for safety
  6    something is in doubt
  64   wrong usage
  130  interrupted")]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Name of the tenant in the project file; `sandbox` always exists
    #[arg(long, global = true, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Work in this folder
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// Use this state instead of the tenant's own: a file, or the URL of a store
    #[arg(long, global = true, value_name = "FILE|URL")]
    pub state: Option<PathBuf>,
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say more: -v logs each call, -vv also the HTTP libraries
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set; always with CLICOLOR_FORCE
    Auto,
    /// Even in files and pipes
    Always,
    /// Plain text, even on a terminal
    Never,
}

/// Global flags that mean nothing to a command. Scripts may pass them all the same, so it takes them, and its help is
/// without them.
fn unused<const N: usize>(names: [&'static str; N]) -> [Arg; N] {
    names.map(|name| {
        let flag = Arg::new(name).long(name).global(true).hide(true);
        if name == "tenant" { flag } else { flag.value_parser(value_parser!(PathBuf)) }
    })
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter project; existing files are left as they are
    #[command(args(unused(["tenant", "state"])), after_help = "Examples:
  dixaform init                           in this folder
  dixaform init staging-seed              in a folder of its own
  dixaform init --ci gitlab               only the workflow, in a project")]
    Init(InitArgs),
    /// Check manifests; needs no network and no state
    ///
    /// Without --tenant, manifests are checked with the values and catalogs of all tenants.
    #[command(args(unused(["state"])), after_help = "Examples:
  dixaform validate                       the manifests of the project
  dixaform validate manifests/orders.yaml
  kustomize build . | dixaform validate -
  dixaform validate --format github       annotations in a pull request
  dixaform validate --format markdown     a page for a comment
  dixaform validate --format gitlab=gl-code-quality-report.json
  dixaform validate --format sarif=dixaform.sarif --format json=findings.json")]
    Validate(ValidateArgs),
    /// Show what an apply would do; without --refresh, it needs neither Dixa nor a token
    #[command(after_help = "Examples:
  dixaform plan
  dixaform plan manifests/orders --target 'conversation.late-*'
  dixaform plan --selector wave=1 --format json=plan.json
  dixaform plan --format markdown=plan.md --format github    for a pull request
  dixaform plan --open                    a page to look through, in a browser
  dixaform plan --format html=plan.html   the same page as a file
  dixaform plan --full                    all of a long plan, on a terminal too
  dixaform plan --detailed-exitcode       exit with 2 when changes are pending")]
    Plan(PlanArgs),
    /// Plan, show the plan, ask for approval, and carry it out
    #[command(after_help = "Examples:
  dixaform apply --tenant sandbox         on the embedded sandbox: no account
  dixaform apply --yes                    in CI: don't ask
  dixaform apply --selector wave=1
  dixaform apply --allow-outbound         allow messages that reach real people
  dixaform apply --approved-plan plan.json
                                          only what was reviewed, without asking
  dixaform apply --yes --format markdown=report.md --format json=report.json
  dixaform apply --yes --format json      a line of JSON for each event
  dixaform apply --tenant sandbox --sandbox-faults drop-after@create#2
                                          rehearse a lost answer; for all faults
                                          see `dixaform sandbox --help`")]
    Apply(ApplyArgs),
    /// Show a saved plan, or the state
    #[command(after_help = "Examples:
  dixaform plan --out seed.plan && dixaform show seed.plan
  dixaform show seed.plan --format markdown --max-bytes 32768
  dixaform show --format json             the state as it is")]
    Show(ShowArgs),
    /// Look at the state, and correct it
    #[command(
        subcommand,
        after_help = "Examples:
  dixaform state list
  dixaform state show conversation.late-order
  dixaform state mv conversation.late-order conversation.late-parcel"
    )]
    State(StateCommand),
    /// Read what the tenant has: attributes, agents, queues, tags, mailboxes and numbers
    #[command(
        subcommand,
        after_help = "Examples:
  dixaform catalog pull                   write state/<tenant>.catalog.json
  dixaform catalog diff                   what changed in the tenant since"
    )]
    Catalog(CatalogCommand),
    /// Settle calls whose outcome is unknown
    #[command(after_help = "Examples:
  dixaform recover                        look for what is in doubt, settle it
  dixaform recover --adopt conversation.late-order=1234
                                          it is conversation 1234
  dixaform recover --create conversation.late-order
                                          it was not created: plan it again")]
    Recover(RecoverArgs),
    /// Run the embedded Dixa as a server on this machine
    #[command(args(unused(["tenant", "state"])), after_help = "Examples:
  dixaform sandbox --port 8080
  dixaform sandbox --port 8080 manifests  with their custom attributes
  dixaform sandbox --strict --seed seed.yaml
  dixaform sandbox --faults '429@PATCH#1-3,drop-after@create#2,latency=5ms'
  dixaform sandbox --faults seed=42,rate=0.2

Then, for any client:
  curl -H 'Authorization: any-token' http://127.0.0.1:8080/v1/organization")]
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of a file, for editors and other programs
    #[command(args(unused(["tenant", "state", "chdir"])), after_help = "Examples:
  dixaform schema manifest > .dixaform/manifest.schema.json
  dixaform schema plan                    what `plan --format json` prints
  dixaform schema apply                   what `apply --format json=FILE` writes

In a manifest, for editors with a YAML language server:
  # yaml-language-server: $schema=../.dixaform/manifest.schema.json")]
    Schema(SchemaArgs),
    /// Print a script that completes commands and flags in a shell
    #[command(args(unused(["tenant", "state", "chdir"])), after_help = "Examples:
  source <(dixaform completions bash)
  dixaform completions zsh > ~/.zfunc/_dixaform
  dixaform completions fish > ~/.config/fish/completions/dixaform.fish
  dixaform completions powershell >> $PROFILE")]
    Completions(CompletionsArgs),
    /// Print a SKILL.md that tells an agent how to work with dixaform
    #[command(args(unused(["tenant", "state", "chdir"])), after_help = "Examples:
  dixaform skill > .claude/skills/dixaform/SKILL.md")]
    Skill,
    /// Print the manual page, or write the pages of all commands
    #[command(args(unused(["tenant", "state"])), after_help = "Examples:
  dixaform man | man -l -                 read the main page
  dixaform man --out ~/.local/share/man/man1
                                          install them: man dixaform-plan")]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the project; created if missing
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
    /// Write the CI workflow for this service; in an existing project, write nothing else
    ///
    /// Without --ci, init writes a starter project with the workflow for GitHub.
    #[arg(long, value_name = "SERVICE")]
    pub ci: Option<Service>,
    #[command(flatten)]
    pub forms: ResultFormsArgs,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The kind of file
    #[arg(value_name = "FILE")]
    pub subject: SchemaSubject,
}

/// See [`crate::schema::Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaSubject {
    /// One YAML document that describes a conversation, an end user, or a set of them
    Manifest,
    /// dixaform.yaml
    Project,
    /// A state file
    State,
    /// A catalog file
    Catalog,
    /// What `catalog diff --format json` prints
    CatalogDiff,
    /// A plan as JSON
    Plan,
    /// How an apply ended, as JSON
    Apply,
    /// One line of `apply --format json`
    ApplyEvent,
    /// Findings as JSON
    Validate,
    /// What `init --format json` prints
    Init,
    /// What `state list --format json` prints
    StateList,
    /// What `state show --format json` prints
    Record,
    /// What `state mv`, `forget`, `rebuild`, `accept` and `move-to` print with `--format json`
    StateChange,
    /// What `state path --format json` prints
    StatePath,
    /// What `state unlock --format json` prints
    StateLock,
    /// What `recover --format json` prints
    Recover,
    /// What every command prints with `--format json` when it fails
    Error,
    /// What a sandbox starts with
    SandboxSeed,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that runs the script
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command to this folder; created if missing
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Files and folders of manifests; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Treat warnings as errors
    #[arg(long)]
    pub warnings_as_errors: bool,
    /// Show every finding; otherwise similar findings are shown as one
    #[arg(long)]
    pub all: bool,
    /// text, json, markdown, html, github, gitlab or sarif; =FILE writes it to a file; may be repeated
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<FindingsForm>>,
    /// Limit on markdown output; what doesn't fit is counted, not shown
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
}

/// Which changes are planned, and how.
#[derive(Debug, Args)]
pub struct PlanningArgs {
    /// Files and folders of manifests; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Plan only addresses that match, for example 'conversation.late-*'; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Leave out addresses that match; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// Plan only manifests that have all of these labels; may be repeated
    #[arg(short = 'l', long, value_name = "KEY=VALUE")]
    pub selector: Vec<String>,
    /// Allow replacements: Dixa can't delete, so the old conversation stays beside the new one
    #[arg(long)]
    pub allow_replace: bool,
    /// Forget records without a manifest; their conversations stay in Dixa
    #[arg(long)]
    pub prune: bool,
    /// Read the tenant first, one call per record, to find changes made outside of dixaform
    #[arg(long)]
    pub refresh: bool,
    /// Refuse to apply a plan with more than N changes, in case the folder or the tenant is the wrong one
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
    /// After each write, read it back and compare
    #[arg(long)]
    pub verify: bool,
    /// Treat warnings as errors
    #[arg(long)]
    pub warnings_as_errors: bool,
    /// Show every finding; otherwise similar findings are shown as one
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Taken for the sake of older scripts
    #[arg(long, hide = true)]
    pub no_index: bool,
    /// Save the plan, for `dixaform apply FILE`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 2 when changes are pending, 0 when there are none
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    pub forms: PlanFormsArgs,
}

/// What a plan is written as.
#[derive(Debug, Args)]
pub struct PlanFormsArgs {
    /// text, json, markdown, html, github or gitlab; =FILE writes it to a file; may be repeated
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<Form>>,
    /// Limit on markdown output; what doesn't fit is counted, not shown
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
    /// Show all of a long plan, even on a terminal
    #[arg(long)]
    pub full: bool,
    /// Open the plan in a browser, as a page in a private temporary file
    #[arg(long)]
    pub open: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Apply without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Apply without asking, if the new plan has this fingerprint
    #[arg(long, value_name = "FINGERPRINT")]
    pub approved: Option<String>,
    /// Apply without asking, if the new plan matches this reviewed plan
    ///
    /// FILE is a plan as JSON: `plan --format json=FILE` or `plan --out FILE`; `-` is standard input. If the new plan
    /// does something else, nothing is sent, and the changes that are new, gone or different are listed.
    #[arg(long, value_name = "FILE")]
    pub approved_plan: Option<PathBuf>,
    /// Allow Outbound messages, which reach real people
    #[arg(long)]
    pub allow_outbound: bool,
    #[command(flatten)]
    pub lock: LockArgs,
    /// Apply even if the state is older than one that was seen here
    ///
    /// What was created since then is not in it, and is created again.
    #[arg(long)]
    pub accept_older_state: bool,
    /// Faults of the embedded sandbox, to rehearse recovery; only with --tenant sandbox
    ///
    /// See `dixaform sandbox --help` for SPEC. Calls are counted from the start of this apply.
    #[arg(long, value_name = "SPEC")]
    pub sandbox_faults: Option<FaultPlan>,
    #[command(flatten)]
    pub forms: ApplyFormsArgs,
}

/// What the report of an apply is written as.
#[derive(Debug, Args)]
pub struct ApplyFormsArgs {
    /// text, json, markdown, html, github or gitlab; =FILE writes it to a file; may be repeated
    ///
    /// json on standard output is one line per event, and the last line is the report; json=FILE is the report alone.
    /// Every form is written, however the apply ends.
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<Form>>,
    /// Limit on markdown output; what doesn't fit is counted, not shown
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
    /// Show all of a long plan, even on a terminal
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// Record ADDRESS as conversation ID; may be repeated
    #[arg(long, value_name = "ADDRESS=ID")]
    pub adopt: Vec<String>,
    /// ADDRESS was not created: plan it again; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub create: Vec<String>,
    /// Stop tracking ADDRESS; leave whatever exists in Dixa; may be repeated
    ///
    /// Remove its manifest too, or it is planned again.
    #[arg(long, value_name = "ADDRESS")]
    pub forget: Vec<String>,
    #[command(flatten)]
    pub lock: LockArgs,
    #[command(flatten)]
    pub forms: ResultFormsArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A plan saved with `plan --out`, `-` for standard input; without one, the state is shown
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub forms: PlanFormsArgs,
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Manifests with custom attributes that the sandbox should have
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The port on loopback to listen on; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Keep the data in this file; without it, they are gone when the command ends
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// What exists when the sandbox starts: end users, agents, queues, tags, mailboxes, definitions (YAML or JSON)
    ///
    /// See `dixaform schema sandbox-seed` for what the file can say. With --strict, nothing else exists.
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Answer 404 or 400 to unknown ids instead of inventing what they name
    #[arg(long)]
    pub strict: bool,
    /// Requests per second that a token may make
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = positive)]
    pub rate: f64,
    /// Requests that a token may make at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = value_parser!(u32).range(1..))]
    pub burst: u32,
    /// No rate limit
    #[arg(long, conflicts_with_all = ["rate", "burst"])]
    pub no_rate_limit: bool,
    /// Log every request, with its body, as a line of JSON to this file
    #[arg(long, value_name = "FILE")]
    pub request_log: Option<PathBuf>,
    /// What goes wrong on purpose: KIND@CALL#N or seed=N,rate=R; see --help
    ///
    /// By call: KIND@CALL#WHICH. KIND is one of 429, 401, 401-user, 400, 404, redirect, 500-before, drop-before, hang,
    /// duplicate-before (before the commit: nothing changes), 500-after, drop-after, hang-after, duplicate-after (after
    /// it), 500-early, drop-early (answered before it), slow-body, rubbish, garbled, huge, partial, 200-empty,
    /// 201-empty, 202-empty, 204-empty, 200-text, 201-text, 202-text, 200-no-id, 201-no-id, 202-no-id (committed, and
    /// answered badly), empty-page, circle (in lists: an empty first page, pages in a circle). CALL is one of any,
    /// write, GET, POST, PUT, PATCH, DELETE, create, import, conversation, messages, conversations, organization,
    /// definitions, attributes, add-message, close, reopen, followup, transfer, claim, conversation-tags, put-tag,
    /// take-tag, bulk-tags, tags, make-tag, endusers, make-enduser, enduser, change-enduser, enduser-attributes,
    /// agents, queues, contact-endpoints. WHICH is N, N-M or *, counted from 1 for each CALL.
    ///
    /// By chance: seed=N,rate=0.2 and optionally kinds=429+drop-after.
    ///
    /// Slow: latency=5ms..20ms (answers come later); commit-delay=8s or 2s..40s (writes are carried out later, even if
    /// the client has gone); slow=2s (how long a slow-body takes); retry-after=SECONDS (sent with 429).
    ///
    /// Behind: lag=2s (new conversations are invisible for 2 s), list-lag=7s (only in lists), read-lag=2s (only in
    /// calls with their id). incident=3-8 or incident=2s..40s: these POSTs, or all POSTs in that time, are carried out
    /// but answered with 500, and what they made is missing from lists for incident-lag=1m.
    ///
    /// Repeated external ids: duplicates=refuse or accept; wording=TEXT or vary (what the 400 says).
    ///
    /// Separate several items with commas.
    #[arg(long, value_name = "SPEC")]
    pub faults: Option<FaultPlan>,
}

fn max_bytes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(bytes) if bytes >= markdown::BYTES_MIN => Ok(bytes),
        _ => Err(format!("a number of bytes, at least {}", markdown::BYTES_MIN)),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a positive number".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::sandbox::{Call, Fault};

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }

    /// Every command with its full name, nested ones among them.
    fn commands(command: &clap::Command, name: &str, found: &mut Vec<(String, clap::Command)>) {
        found.push((name.to_owned(), command.clone()));
        for below in command.get_subcommands() {
            commands(below, &format!("{name} {}", below.get_name()), found);
        }
    }

    #[test]
    fn the_help_of_every_command_has_examples_of_it() {
        let mut found = Vec::new();
        commands(&super::Cli::command(), "dixaform", &mut found);
        assert!(found.len() > 10);
        for (name, mut command) in found {
            let help = command.render_long_help().to_string();
            let (_, examples) = help.split_once("\nExamples:\n").expect(&name);
            assert!(examples.contains(&name), "{name}: {examples}");
            let width = examples.lines().map(str::len).max();
            assert!(width <= Some(80), "{name}: {examples}");
        }
    }

    #[test]
    fn the_help_of_a_command_has_its_own_flags_first_and_none_that_it_does_not_use() {
        let mut found = Vec::new();
        commands(&super::Cli::command(), "dixaform", &mut found);
        for (name, _) in found {
            let words: Vec<&str> = name.split(' ').chain(["--help"]).collect();
            let help = super::Cli::try_parse_from(words).expect_err("the help").to_string();
            let (own, globals) = help.split_once("\nGlobal options:\n").expect(&name);
            assert!(!own.contains("--color") && globals.contains("--color"), "{name}: {help}");
            let uses_state = name == "dixaform"
                || ["plan", "apply", "show", "state", "catalog", "recover"].iter().any(|uses| name.contains(uses));
            // Values and catalogs are those of a tenant.
            let uses_tenant = uses_state || name == "dixaform validate";
            let offers = |flag: &str| globals.contains(&format!("{flag} <"));
            assert_eq!((offers("--tenant"), offers("--state")), (uses_tenant, uses_state), "{name}: {help}");
        }
        // An older script passes them all the same.
        let given = super::Cli::try_parse_from(["dixaform", "validate", "--tenant", "a", "--state", "b"]);
        assert!(given.is_ok_and(|cli| cli.globals.tenant.as_deref() == Some("a")));
    }

    #[test]
    fn the_help_has_every_fault_and_every_call() {
        let mut command = super::Cli::command();
        let help = command.find_subcommand_mut("sandbox").expect("a command").render_long_help().to_string();
        let (_, help) = help.split_once("--faults <SPEC>").expect("a flag");
        let words: Vec<&str> = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        for fault in Fault::ALL {
            assert!(words.contains(&fault.as_str()), "{fault}");
        }
        for call in Call::ALL {
            assert!(words.contains(&call.as_str()), "{call}");
        }
    }
}

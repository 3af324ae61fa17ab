//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::render::markdown;
use crate::render::number::named;
use crate::sandbox::FaultPlan;

/// Plan and apply for Dixa conversations described in YAML manifests.
#[derive(Debug, Parser)]
#[command(name = "dixaform", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  dixaform plan examples/quickstart --tenant sandbox       show what an apply would do
  dixaform apply examples/quickstart --tenant sandbox      do it, on the embedded sandbox
  dixaform plan --detailed-exitcode                        exit 2 when changes are pending

Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode), 3 token missing or refused,
4 applied in part, 5 refused for safety, 6 in doubt, 64 wrong usage, 130 interrupted.")]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// The tenant to work on, by its name in the project file; `sandbox` always exists
    #[arg(long, global = true, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Work in this folder
    #[arg(long, global = true, value_name = "DIR")]
    pub chdir: Option<PathBuf>,
    /// The state file, in place of the tenant's own
    #[arg(long, global = true, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Say more: -v each call, -vv what the libraries below say
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set; always with CLICOLOR_FORCE
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a starter project; what is there already is left as it is
    #[command(after_help = "Examples:
  dixaform init                           in this folder
  dixaform init staging-seed              in a folder of its own")]
    Init(InitArgs),
    /// Check manifests; no network, no state
    #[command(after_help = "Examples:
  dixaform validate                       the manifests of the project
  dixaform validate manifests/orders.yaml
  kustomize build . | dixaform validate -
  dixaform validate --format github       annotations in a pull request
  dixaform validate --format markdown     a page for a comment
  dixaform validate --format gitlab=gl-code-quality-report.json --format sarif=dixaform.sarif")]
    Validate(ValidateArgs),
    /// Show what an apply would do; no network, no token
    #[command(after_help = "Examples:
  dixaform plan
  dixaform plan manifests/orders --target 'conversation.late-*'
  dixaform plan --selector wave=1 --format json=plan.json
  dixaform plan --format markdown=plan.md --format github    for a pull request
  dixaform plan --format html=plan.html   a page to look through
  dixaform plan --full                    every block of a long plan, on a terminal too
  dixaform plan --detailed-exitcode       exit 2 when changes are pending")]
    Plan(PlanArgs),
    /// Plan, show the plan, ask, and carry it out
    #[command(after_help = "Examples:
  dixaform apply --tenant sandbox         on the embedded sandbox: no account, no network
  dixaform apply --yes                    in CI: don't ask
  dixaform apply --selector wave=1
  dixaform apply --allow-outbound         allow messages that reach real people
  dixaform apply --approved-plan plan.json
                                          only what was reviewed; don't ask
  dixaform apply --yes --format markdown=report.md --format json=report.json
  dixaform apply --yes --format json      a line of JSON for each thing that happens
  dixaform apply --tenant sandbox --sandbox-faults drop-after@create#2
                                          rehearse a lost answer; `dixaform sandbox --help` has all faults")]
    Apply(ApplyArgs),
    /// Show a saved plan, or the state
    #[command(after_help = "Examples:
  dixaform plan --out seed.plan && dixaform show seed.plan
  dixaform show seed.plan --format markdown --max-bytes 32768
  dixaform show --format json             the state as it is")]
    Show(ShowArgs),
    /// Look at the state, and mend it
    #[command(
        subcommand,
        after_help = "Examples:
  dixaform state list
  dixaform state show conversation.late-order
  dixaform state mv conversation.late-order conversation.late-parcel"
    )]
    State(StateCommand),
    /// Settle calls whose end is unknown
    #[command(after_help = "Examples:
  dixaform recover                                   look for what is in doubt, and settle it
  dixaform recover --adopt conversation.late-order=1234
  dixaform recover --create conversation.late-order  it was not made: plan it again")]
    Recover(RecoverArgs),
    /// Run the embedded Dixa as a server on this machine
    #[command(after_help = "Examples:
  dixaform sandbox --port 8080
  dixaform sandbox --port 8080 manifests  know the custom attributes of these manifests
  dixaform sandbox --strict --seed seed.yaml
  dixaform sandbox --faults '429@PATCH#1-3,drop-after@create#2,latency=5ms..20ms'
  dixaform sandbox --faults seed=42,rate=0.2

Then, for any client: curl -H 'Authorization: any-token' http://127.0.0.1:8080/v1/organization")]
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of a file, for editors and other programs
    #[command(after_help = "Examples:
  dixaform schema manifest > .dixaform/manifest.schema.json
  dixaform schema plan                    of what `plan --format json` prints
  dixaform schema apply                   of what `apply --format json=FILE` writes

In a manifest, for editors with a YAML language server:
  # yaml-language-server: $schema=../.dixaform/manifest.schema.json")]
    Schema(SchemaArgs),
    /// Print a script that completes commands and flags in a shell
    #[command(after_help = "Examples:
  source <(dixaform completions bash)
  dixaform completions zsh > ~/.zfunc/_dixaform
  dixaform completions fish > ~/.config/fish/completions/dixaform.fish
  dixaform completions powershell >> $PROFILE")]
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands
    #[command(after_help = "Examples:
  dixaform man | man -l -                 read the main page
  dixaform man --out ~/.local/share/man/man1
                                          install them: man dixaform-plan")]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the project; it is made when it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// What the schema is of
    #[arg(value_name = "FILE")]
    pub subject: SchemaSubject,
}

/// See [`crate::schema::Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaSubject {
    /// One YAML document that describes one conversation
    Manifest,
    /// dixaform.yaml
    Project,
    /// A state file
    State,
    /// A plan as JSON
    Plan,
    /// How an apply ended, as JSON
    Apply,
    /// One line of `apply --format json`
    ApplyEvent,
    /// Findings as JSON
    Validate,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command to this folder; it is made when it is not there
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Files and folders of manifests; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Take warnings as errors
    #[arg(long)]
    pub warnings_as_errors: bool,
    /// text, json, markdown, html, github, gitlab or sarif; with =FILE it goes to the file, beside the text; may be
    /// repeated
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<FindingsForm>>,
    /// The most that markdown may take; what does not fit is counted
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
}

/// Which changes are planned, and how.
#[derive(Debug, Args)]
pub struct PlanningArgs {
    /// Files and folders of manifests; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Look only at addresses that match, for example 'conversation.late-*'; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Leave out addresses that match; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// Look only at manifests with these labels; several must all hold
    #[arg(short = 'l', long, value_name = "KEY=VALUE")]
    pub selector: Vec<String>,
    /// Allow replacements: Dixa can't update or delete, so the old conversation stays beside the new one
    #[arg(long)]
    pub allow_replace: bool,
    /// Forget records that no manifest describes; their conversations stay in Dixa
    #[arg(long)]
    pub prune: bool,
    /// Plan to read everything back that is written, and to compare
    #[arg(long)]
    pub verify: bool,
    /// Take warnings as errors
    #[arg(long)]
    pub warnings_as_errors: bool,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Read the tenant first, one call per record, and plan against what is there
    #[arg(long)]
    pub refresh: bool,
    /// Read every manifest, also those that the index beside the state knows to be unchanged
    ///
    /// The index goes by size, times and inode. A program that keeps a file mapped into memory can write to it again
    /// without changing them.
    #[arg(long)]
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
    /// text, json, markdown, html, github or gitlab; with =FILE it goes to the file, beside the text; may be repeated
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<Form>>,
    /// The most that markdown may take; what does not fit is counted
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
    /// Show every block of a long plan, on a terminal too
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub planning: PlanningArgs,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
    /// Apply only if the plan made now has this fingerprint; then don't ask
    #[arg(long, value_name = "FINGERPRINT")]
    pub approved: Option<String>,
    /// Apply only if the plan made now does what the reviewed one in this file does; then don't ask
    ///
    /// The file is the JSON of a plan: `plan --format json=FILE`, or `--out FILE`. Where the plan made now is another
    /// one, nothing is sent, and the changes that are new, gone or different are listed.
    #[arg(long, value_name = "FILE")]
    pub approved_plan: Option<PathBuf>,
    /// Allow Outbound messages, which reach real people
    #[arg(long)]
    pub allow_outbound: bool,
    /// How long to wait for another apply to let go of the state
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::duration::parse)]
    pub lock_timeout: std::time::Duration,
    /// Faults of the embedded sandbox, to rehearse recovery; only with --tenant sandbox
    ///
    /// As for `dixaform sandbox --faults`. Calls are counted from the start of this apply.
    #[arg(long, value_name = "SPEC")]
    pub sandbox_faults: Option<FaultPlan>,
    #[command(flatten)]
    pub forms: ApplyFormsArgs,
}

/// What the report of an apply is written as.
#[derive(Debug, Args)]
pub struct ApplyFormsArgs {
    /// text, json, markdown, html, github or gitlab; with =FILE it goes to the file, beside the text; may be repeated
    ///
    /// json on standard output is a line for each thing that happens, and the last line has the report; json=FILE is
    /// the report alone. The forms are written however the apply ends.
    #[arg(long, value_name = "FORM[=FILE]")]
    pub format: Vec<FormatArg<Form>>,
    /// The most that markdown may take; what does not fit is counted
    #[arg(long, value_name = "BYTES", default_value_t = markdown::BYTES_DEFAULT, value_parser = max_bytes)]
    pub max_bytes: usize,
    /// Show every block of a long plan, on a terminal too
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the records: address, Dixa id, when it was applied, and where from
    #[command(after_help = "Examples:
  dixaform state list
  dixaform state list 'import.*'          only imports")]
    List {
        /// Only addresses that match
        #[arg(value_name = "ADDRESS")]
        patterns: Vec<String>,
    },
    /// Show one record whole
    #[command(after_help = "Examples:
  dixaform state show conversation.late-order")]
    Show {
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
    /// Give a record another address, after its manifest was renamed
    #[command(after_help = "Examples:
  dixaform state mv conversation.late-order conversation.late-parcel")]
    Mv {
        #[arg(value_name = "FROM")]
        from: String,
        #[arg(value_name = "TO")]
        to: String,
    },
    /// Drop records and leave their conversations alone
    #[command(after_help = "Examples:
  dixaform state forget import.legacy-42  its conversation stays in Dixa")]
    Forget {
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<String>,
    },
    /// Print where the state is, for scripts; there need not be one yet
    #[command(after_help = "Examples:
  dixaform state path --tenant staging    state/staging.json, or what the project file says")]
    Path,
    /// Say who holds the lock; a lock whose process died is free by itself
    #[command(after_help = "Examples:
  dixaform state unlock --tenant staging")]
    Unlock,
}

#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// It is this conversation, or one that the journal has and the state does not know; may be repeated
    #[arg(long, value_name = "ADDRESS=ID")]
    pub adopt: Vec<String>,
    /// It was not made: plan it again; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub create: Vec<String>,
    /// Leave alone whatever it made, and forget the doubt; remove the manifest too, or it is planned again
    #[arg(long, value_name = "ADDRESS")]
    pub forget: Vec<String>,
    /// How long to wait for another apply to let go of the state
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = crate::duration::parse)]
    pub lock_timeout: std::time::Duration,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A plan that was saved with `plan --out`; the state when none is given
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub forms: PlanFormsArgs,
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Manifests whose custom attributes the sandbox shall know
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The port to listen on, on loopback; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Keep the data in this file; without it they end with the command
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Names what the sandbox knows: organization, end users, agents, queues, definitions (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Answer 404 and 400 to what the sandbox does not know, in place of providing it
    #[arg(long)]
    pub strict: bool,
    /// Requests a second that a token may make
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = positive)]
    pub rate: f64,
    /// Requests that a token may make at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub burst: u32,
    /// No rate limit
    #[arg(long, conflicts_with_all = ["rate", "burst"])]
    pub no_rate_limit: bool,
    /// Keep every request, with its body, as a line of JSON in this file
    #[arg(long, value_name = "FILE")]
    pub request_log: Option<PathBuf>,
    /// What goes wrong on purpose: KIND@CALL#N or seed=N,rate=R; --help has all kinds
    ///
    /// On request, KIND@CALL#WHICH. KIND is one of 429, 401, redirect, 500-before, drop-before, hang (before the
    /// commit: nothing changes), 500-after, drop-after, hang-after, slow-body, rubbish, huge, partial (after the
    /// commit). CALL is one of any, GET, POST, PATCH, create, import, conversation, messages, conversations,
    /// organization, definitions. WHICH is N, N-M or *, counted from 1 for each CALL.
    ///
    /// By seed: seed=N,rate=0.2 and, if wanted, kinds=429+drop-after.
    ///
    /// Besides: latency=5ms..20ms; lag=2s (reads see a conversation only when it is that old); retry-after=SECONDS of a
    /// 429; slow=2s, the time that a slow-body takes. Several items have commas between them.
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

/// One `--format`: a form of a plan or of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatArg<F> {
    pub form: F,
    /// None is standard output.
    pub file: Option<PathBuf>,
}

/// The forms that one thing has.
pub trait Forms: Copy + Sized + 'static {
    /// Each with its word, in the order of the help.
    const ALL: &'static [(&'static str, Self)];
}

/// The form of a plan, or of how its apply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
    Html,
    Github,
    Gitlab,
}

impl Forms for Form {
    const ALL: &'static [(&'static str, Form)] = &[
        ("text", Form::Text),
        ("json", Form::Json),
        ("markdown", Form::Markdown),
        ("html", Form::Html),
        ("github", Form::Github),
        ("gitlab", Form::Gitlab),
    ];
}

/// The form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingsForm {
    Text,
    Json,
    Markdown,
    Html,
    Github,
    Gitlab,
    Sarif,
}

impl Forms for FindingsForm {
    const ALL: &'static [(&'static str, FindingsForm)] = &[
        ("text", FindingsForm::Text),
        ("json", FindingsForm::Json),
        ("markdown", FindingsForm::Markdown),
        ("html", FindingsForm::Html),
        ("github", FindingsForm::Github),
        ("gitlab", FindingsForm::Gitlab),
        ("sarif", FindingsForm::Sarif),
    ];
}

impl<F: Forms> std::str::FromStr for FormatArg<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file name belongs after the `=`".into()),
            Some((word, file)) => (word, Some(PathBuf::from(file))),
            None => (text, None),
        };
        match F::ALL.iter().find(|(known, _)| *known == word) {
            Some((_, form)) => Ok(FormatArg { form: *form, file }),
            None => {
                let known: Vec<&str> = F::ALL.iter().map(|(known, _)| *known).collect();
                Err(format!("`{word}` is not a form; {} are", named(known, F::ALL.len())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

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
        }
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

//! dixaform: plan and apply for [Dixa](https://www.dixa.com) conversations that are described in YAML manifests.
//!
//! See `README.md` for what it does and how to use it. This page is the map of the code: what flows where, which
//! module is for what, who may use whom, what always holds, and what the words mean.
//!
//! # From above
//!
//! ```text
//!  YAML text ──manifest──▶ Desired ─┐                        ┌─▶ render ─▶ text, JSON
//!                  └─▶ Findings     ├──plan──▶ Plan ─────────┤
//!  state text ──state────▶ State ───┘  (pure)                └─▶ apply ──▶ events ──▶ ApplyReport ─▶ render
//!                                                                 │  ▲
//!                                                   journal ◀─────┘  └── api ⇄ Dixa, or the sandbox
//!  State + journal ──replay──▶ State and what is in doubt ──workspace──▶ state file, serial + 1
//! ```
//!
//! One function is the middle of it: [`plan::plan()`] takes what is wanted, what was applied and a few options, and
//! gives a [`plan::Plan`]. It can't fail, it waits for nothing, and it knows no time of day. What is on its left turns
//! text into values that are checked by being there; what is on its right shows the plan, or does what it says without
//! deciding anything. Files, sockets, clocks and the environment are at the rim only.
//!
//! # Modules, in the order in which to read them
//!
//! Nouns, which everything else talks about:
//!
//! - [`source`]: where a thing was written: file, line, column
//! - [`spec`]: a described conversation, packed until somebody looks inside
//! - [`value`], [`json`]: a JSON value that remembers its order; JSON text to it and back
//! - [`view`]: the same, borrowed, for who looks at it once
//! - [`digest`]: the canonical form of a value, and its digest
//! - [`conversation`]: address, content and custom attributes of a described conversation
//! - [`finding`], [`reporter`]: something to tell an author, with its place; collecting them for one file
//! - [`desired`]: all manifests, checked and keyed by address
//! - [`shape`]: tables of the members that each request body can have
//! - [`scratch`]: memory that is needed for a moment, and again and again
//! - [`access`], [`duration`]: how a tenant is reached; durations as people write them
//!
//! Pure core, text or values in, values out:
//!
//! - [`yaml`]: YAML and JSON text to nodes with places
//! - [`manifest`]: nodes to [`desired::Desired`], or to findings
//! - [`project`]: the project file and its tenants
//! - [`state`]: what was applied to a tenant, and its text
//! - [`plan`]: what will be done, why, and what it costs
//! - [`journal`]: the write-ahead record of an apply, and its replay
//! - [`render`]: findings, plans and reports as text
//! - [`schema`]: JSON Schemas of what is read and written
//!
//! Edges, where the world begins:
//!
//! - [`api`]: what is asked of Dixa, its JSON, the HTTP client with its rate limit and retries
//! - [`workspace`]: manifests, state, journal and lock as files
//! - [`sandbox`]: the stand-in for Dixa, which understands the wire on its own
//!
//! And those that bring them together:
//!
//! - [`survey`]: what a plan is made of, read in proportion to what changed
//! - [`apply`]: carries out a plan
//! - [`cli`]: arguments, streams, questions, exit codes
//!
//! # Who may use whom
//!
//! Tests read this table: every use is in it, and everything in it is used. No circle is allowed, neither between
//! modules nor between the files of one.
//!
//! | module | uses, of ours | never has in it |
//! | --- | --- | --- |
//! | nouns | nouns | files, network, time, chance, the environment, async, serde derives |
//! | `yaml` | nouns | files: it gets text and a name |
//! | `manifest` | nouns, `yaml` | files |
//! | `project` | nouns, `yaml`, `plan` | files |
//! | `state` | nouns | files |
//! | `plan` | nouns, `state` | YAML, HTTP, time, colour, async |
//! | `journal` | nouns, `state` | files: appending is behind a trait |
//! | `render` | nouns, `plan`, `apply` | printing, counting, deciding |
//! | `schema` | nouns, `plan`, `state`, `apply` | files, checking |
//! | `api` | nouns | manifests, plans, state files |
//! | `survey` | nouns, `yaml`, `manifest`, `state`, `plan`, `workspace` | rules of planning, except "the digests are the same" |
//! | `workspace` | nouns, `state`, `journal` | decisions |
//! | `sandbox` | nothing | anything it could be wrong in together with the client |
//! | `apply` | nouns, `project`, `plan`, `journal`, `state`, `api` | printing, choosing what to do |
//! | `cli` | everything | domain rules |
//!
//! # What always holds
//!
//! 1. Nouns and the pure core touch no file, socket, clock, environment or source of chance.
//! 2. The same input gives the same plan, byte for byte.
//! 3. Apply chooses nothing. What it has to know, the plan says.
//! 4. A reason is for people: nothing that is done depends on a [`plan::Reason`].
//! 5. After an apply in which everything was done, the next plan is empty.
//! 6. Nothing that makes a conversation is sent before its intent is in the journal and on disk, and nothing is noted
//!    as done without the id that Dixa gave.
//! 7. The journal, the state file, JSON output, manifests and Dixa's wire have each their own types and their own
//!    version. What is newer than this program is refused and never rewritten.
//! 8. Only [`cli`] prints, asks and sets the exit code. Results go to standard output, all else to standard error.
//! 9. Renderers neither count nor decide, so that no two can differ about a number.
//! 10. Everything has a limit: bytes of a file, depth, findings, attempts, waiting, requests in flight.
//! 11. Tests reach nothing beyond loopback.
//!
//! # Words
//!
//! One word for one thing, in flags, modules, types, JSON, messages and documents.
//!
//! | word | means |
//! | --- | --- |
//! | manifest | one YAML document that describes one conversation |
//! | address | its stable name, `conversation.<name>` or `import.<name>`; never an id of Dixa |
//! | desired | all manifests, parsed, checked and keyed by address |
//! | state, record | what was applied to one tenant; one record for each address |
//! | digest | `sha256:<hex>` of the canonical form of a spec |
//! | plan, change, action, reason | ordered changes from state to desired; each has one action, and why |
//! | apply, outcome | carrying out a plan; how one change ended |
//! | journal, in doubt | the write-ahead record of an apply; a call that began and whose end is not known |
//! | marker | an `externalId` that dixaform sets on a first message, by which a lost answer is found again |
//! | settle | find out what became of a call in doubt |
//! | drift | the tenant differs from the record |
//! | adopt, forget | take a conversation that exists under management; drop a record and leave the conversation alone |
//! | tenant | one Dixa organization with its token, state and limits |
//! | sandbox | the embedded stand-in for Dixa |
//! | finding | something to tell an author: code, severity, place, message, hint |
//! | price | how many calls a plan makes, how long they take, and their share of the day's quota |
//! | fingerprint | a short digest of what a plan would do |

pub mod access;
pub mod conversation;
pub mod desired;
pub mod digest;
pub mod duration;
pub mod finding;
pub mod json;
pub mod reporter;
pub mod scratch;
pub mod shape;
pub mod source;
pub mod spec;
pub mod value;
pub mod view;

pub mod journal;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod render;
pub mod schema;
pub mod state;
pub mod yaml;

pub mod api;
pub mod sandbox;
pub mod workspace;

pub mod apply;
pub mod cli;
pub mod survey;

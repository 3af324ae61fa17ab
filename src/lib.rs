//! dixaform: plan and apply for [Dixa](https://www.dixa.com) conversations and their end users, described in YAML
//! manifests.
//!
//! See `README.md` for what it does, and `docs/` for how to use it. This page is the map of the code: what flows
//! where, which module is for what, who may use whom, what always holds, and what the words mean.
//!
//! # Overview
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
//! One function is at the centre: [`plan::plan()`] takes what is wanted, what was applied and a few options, and
//! returns a [`plan::Plan`]. It can't fail, never waits, and doesn't depend on the time. On its left, text is parsed
//! into values that are valid by construction. On its right, the plan is shown, or carried out without further
//! decisions. Only the edges touch files, sockets, clocks and the environment.
//!
//! # Modules, in the order in which to read them
//!
//! Nouns, which all other modules use:
//!
//! - [`source`]: where a thing was written: file, line, column
//! - [`json`]: JSON text to values, without duplicate members
//! - [`spec`]: what a manifest describes as JSON text, until somebody looks inside
//! - [`instant`]: points in time as they are written
//! - [`digest`]: the canonical form of a value, and its digest
//! - [`conversation`]: address, content and custom attributes of a described conversation
//! - [`handling`]: how a conversation is handled: tags, queue, assignee, open or closed
//! - [`end_user`]: by what end users are looked up, and when two of their members are the same
//! - [`name`]: what a manifest may write in place of an id of Dixa
//! - [`reading`]: a conversation and its messages, and an end user, as Dixa gives them back
//! - [`finding`], [`reporter`]: something wrong or suspicious, with its place; collecting findings for one file
//! - [`look_alike`]: characters that people take for others
//! - [`hint`]: what to do about an error
//! - [`call`]: a call to Dixa, without its body
//! - [`desired`]: all manifests, checked and keyed by address
//! - [`shape`]: tables of the members that each request body can have
//! - [`definition`]: definitions of custom attributes, and what fits them
//! - [`access`], [`settings`]: how to reach a tenant and its state; settings that planning and recording follow
//! - [`duration`]: durations as people write them
//! - [`values`]: texts of one tenant that manifests use by name
//!
//! Pure core: text or values in, values out.
//!
//! - [`yaml`]: YAML and JSON text to nodes with places
//! - [`manifest`]: nodes to [`desired::Desired`], or to findings
//! - [`project`]: the project file and its tenants
//! - [`catalog`]: what a tenant has that manifests can refer to, and its text
//! - [`state`]: what was applied to a tenant, and its text
//! - [`plan`]: what will be done, why, and what it costs
//! - [`journal`]: the write-ahead record of an apply, and its replay
//! - [`render`]: findings, plans and reports as text
//! - [`schema`]: JSON Schemas of what is read and written
//!
//! Edges: files and network.
//!
//! - [`api`]: what is asked of Dixa, its JSON, the HTTP client with its rate limit and retries
//! - [`program`]: other programs, with a limit of time and output
//! - [`workspace`]: manifests, state, journal and lock as files
//! - [`store`]: state, journal and lock in an object store, for many machines
//! - [`sandbox`]: the stand-in for Dixa, which understands the wire on its own
//!
//! Modules that bring these together:
//!
//! - [`apply`]: carries out a plan
//! - [`cli`]: arguments, streams, questions, exit codes
//!
//! # Who may use whom
//!
//! Tests read this table: every use is in it, and everything in it is used. No circle is allowed, neither between
//! modules nor between the files of one.
//!
//! | module | uses | never contains |
//! | --- | --- | --- |
//! | nouns | nouns | files, network, time, chance, the environment, async, serde derives |
//! | `yaml` | nouns | files: it takes text and a name |
//! | `manifest` | nouns, `yaml`, `catalog` | files |
//! | `project` | nouns, `yaml` | files |
//! | `catalog` | nouns | files |
//! | `state` | nouns | files |
//! | `plan` | nouns, `state` | YAML, HTTP, time, colour, async |
//! | `journal` | nouns, `state` | files: appending is behind a trait |
//! | `render` | nouns, `catalog`, `plan`, `apply` | printing, counting, deciding |
//! | `schema` | nouns, `catalog`, `plan`, `state`, `render` | files, checking |
//! | `api` | nouns, `catalog` | manifests, plans, state files |
//! | `program` | nothing | what is asked of which program |
//! | `workspace` | nouns, `program`, `state`, `journal` | decisions |
//! | `store` | nouns, `program`, `state` | decisions about a plan, the form of the state and the journal |
//! | `sandbox` | nothing | code of the client, so that the two can't share a mistake |
//! | `apply` | nouns, `catalog`, `plan`, `journal`, `state`, `api` | printing, choosing what to do |
//! | `cli` | everything | domain rules |
//!
//! # What always holds
//!
//! 1. Nouns and the pure core use no files, sockets, clocks, environment or random numbers.
//! 2. The same input gives the same plan, byte for byte.
//! 3. Apply decides nothing. Everything it needs to know is in the plan.
//! 4. A reason is for people: no action depends on a [`plan::Reason`].
//! 5. After a complete apply, the next plan is empty.
//! 6. No call that creates a conversation is sent before its intent is in the journal and on disk, and no call is
//!    recorded as done without the id from Dixa.
//! 7. The journal, the state file, JSON output, manifests and Dixa's API each have their own types and their own
//!    version. A version newer than this program is refused and never rewritten.
//! 8. Only [`cli`] prints, asks and sets the exit code. Results go to standard output, the rest to standard error.
//! 9. Renderers neither count nor decide, so that no two can show different numbers.
//! 10. Everything has a limit: bytes of a file, depth, findings, attempts, waiting, requests in flight.
//! 11. Tests use no network except loopback.
//!
//! # Words
//!
//! One word for one thing, in flags, modules, types, JSON, messages and documents.
//!
//! | word | means |
//! | --- | --- |
//! | manifest | one YAML document that describes one conversation or one end user |
//! | end user | a customer in Dixa, who requests conversations |
//! | address | its stable name, `conversation.<name>`, `import.<name>` or `enduser.<name>`; never an id from Dixa |
//! | desired | all manifests, parsed, checked and keyed by address |
//! | state, record | what was applied to one tenant; one record for each address |
//! | digest | `sha256:<hex>` of the canonical form of a spec |
//! | plan, change, action, reason | the ordered changes from state to desired; each has one action and one reason |
//! | apply, outcome | carrying out a plan; how one change ended |
//! | journal, in doubt | the write-ahead record of an apply; a call that began and whose result is unknown |
//! | name, id | what a manifest may write in place of an id of Dixa, and the id that it stands for in one tenant |
//! | marker | an `externalId` that dixaform sets on a first message or an end user, to find it if the answer is lost |
//! | settle | find out what became of a call in doubt |
//! | drift | the tenant differs from the record |
//! | adopt, forget | start managing what exists in Dixa; drop a record and leave it alone |
//! | move | give a record another address |
//! | tenant | one Dixa organization with its token, state and limits |
//! | sandbox | the embedded stand-in for Dixa |
//! | store | where the state, journal and lock of a tenant are: a folder, or an object store |
//! | hold, fence | have the state for oneself; make sure that an older holder can write nothing more |
//! | lease | how long a holder may be without a sign of life |
//! | finding | something wrong or suspicious: code, severity, place, message, hint |
//! | price | how many calls a plan makes, how long they take, and their share of the daily quota |
//! | fingerprint | a short digest of what a plan would do |
//! | set, row | one manifest that describes many from a table; one line of that table |
//! | value | a text of one tenant in the project file, which manifests use by its name |

pub mod access;
pub mod call;
pub mod conversation;
pub mod definition;
pub mod desired;
pub mod digest;
pub mod duration;
pub mod end_user;
pub mod finding;
pub mod handling;
pub mod hint;
pub mod instant;
pub mod json;
pub mod look_alike;
pub mod name;
pub mod reading;
pub mod reporter;
pub mod settings;
pub mod shape;
pub mod source;
pub mod spec;
pub mod values;

pub mod catalog;
pub mod journal;
pub mod manifest;
pub mod plan;
pub mod program;
pub mod project;
pub mod render;
pub mod schema;
pub mod state;
pub mod yaml;

pub mod api;
pub mod sandbox;
pub mod store;
pub mod workspace;

pub mod apply;
pub mod cli;

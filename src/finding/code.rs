//! Every code that a finding can have. They are stable: scripts and annotations rely on them.

use crate::finding::Severity;

/// One kind of finding.
#[derive(Debug)]
pub struct Code {
    pub name: &'static str,
    pub severity: Severity,
    pub found_in: FoundIn,
    /// What is wrong: a fragment without a full stop.
    pub meaning: &'static str,
}

/// What is looked at when a finding is made, which decides the commands that can make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundIn {
    /// Manifests, whenever they are read.
    Manifests,
    /// Manifests and the state, whenever both are read.
    State,
    /// The project file, which every command reads.
    Project,
    /// The values of the project file, together with the manifests that use them.
    Values,
    /// The tenant's attribute definitions, and what names stand for, before the first write of an apply.
    Definitions,
    /// The tenant's tags, before the first write of an apply.
    Tags,
    /// The catalog of a tenant, together with the manifests that refer to what it has.
    Catalog,
    /// The answers to the calls of an apply.
    Calls,
}

impl FoundIn {
    /// The commands, as docs/findings.md names them.
    pub fn commands(self) -> &'static str {
        match self {
            FoundIn::Manifests | FoundIn::Values => "`validate`, `plan`, `apply`",
            FoundIn::State => "`plan`, `apply`",
            FoundIn::Project => "every command",
            FoundIn::Definitions | FoundIn::Tags => {
                "`apply`, before it writes; with a catalog also `validate` and `plan`"
            }
            FoundIn::Catalog => "with a catalog `validate`, `plan`, `apply`",
            FoundIn::Calls => "`apply`, after a call",
        }
    }
}

impl Code {
    /// How its line in docs/findings.md begins; an example and advice follow there.
    pub fn row(&self) -> String {
        let Code { name, severity, found_in, meaning } = self;
        format!("| `{name}` | {} | {} | {meaning} |", severity.word(), found_in.commands())
    }

    /// Whether a manifest can say that it means this: a warning about the manifest itself.
    pub fn can_be_ignored(&self) -> bool {
        self.severity == Severity::Warning && matches!(self.found_in, FoundIn::Manifests | FoundIn::Catalog)
    }
}

/// Makes a documented constant of each code, and [`ALL`].
macro_rules! codes {
    ($($found_in:ident, $severity:ident { $($constant:ident = $name:literal, $meaning:literal;)* })*) => {
        $($(
            #[doc = $meaning]
            pub const $constant: &str = $name;
        )*)*

        /// Every code, in the order in which they are documented.
        pub const ALL: &[Code] = &[$($(Code {
            name: $constant,
            severity: Severity::$severity,
            found_in: FoundIn::$found_in,
            meaning: $meaning,
        },)*)*];
    };
}

codes! {
    Manifests, Error {
        NOT_UTF8 = "not-utf8", "the file is not UTF-8";
        BAD_CHARACTER = "bad-character", "a control character that YAML and JSON don't allow";
        TOO_LARGE = "too-large", "a file larger than 16 MiB, a document of more than 500 000 values, or too large a table";
        UNFINISHED_MERGE = "unfinished-merge", "conflict markers that a merge left in the file";
        YAML_SYNTAX = "yaml-syntax", "the file is not YAML";
        JSON_SYNTAX = "json-syntax", "the file is not JSON";
        TOO_DEEP = "too-deep", "more than 64 nested levels";
        ALIAS_BUDGET = "alias-budget", "aliases that would expand to a huge document";
        RECURSIVE_ALIAS = "recursive-alias", "an alias inside its own anchor";
        UNSUPPORTED_TAG = "unsupported-tag", "a tag other than those of the core schema";
        COMPLEX_KEY = "complex-key", "a key that is a list or a map";
        BAD_MERGE = "bad-merge", "a `<<` whose value is not a map or a list of maps";
        DUPLICATE_KEY = "duplicate-key", "a key that occurs twice in one map";
        DUPLICATE_ITEM = "duplicate-item", "an item that occurs twice in a list whose items must differ";
        TOO_MANY = "too-many", "more problems than are shown";
        WRONG_TYPE = "wrong-type", "a value of the wrong type";
        QUOTE_IT = "quote-it", "a number or boolean where a string belongs";
        BAD_NUMBER = "bad-number", "a number that JSON can't carry exactly";
        EMPTY_VALUE = "empty-value", "an empty string or list where something is needed";
        UNKNOWN_MEMBER = "unknown-member", "a member that does not exist";
        MEMBER_OF_OTHER_TYPE = "member-of-other-type", "a member of another `_type`";
        MISSING_MEMBER = "missing-member", "a required member is missing";
        NOT_A_MANIFEST = "not-a-manifest", "a document that is not a manifest";
        MISSING_TYPE = "missing-type", "`_type` is missing";
        UNKNOWN_TYPE = "unknown-type", "a `_type` that does not exist here";
        UNKNOWN_WORD = "unknown-word", "a word other than the allowed ones";
        BAD_UUID = "bad-uuid", "not a uuid";
        BAD_TIMESTAMP = "bad-timestamp", "not a timestamp as in RFC 3339";
        BAD_URL = "bad-url", "not an absolute http or https URL";
        BAD_PHONE_NUMBER = "bad-phone-number", "not a phone number as in E.164";
        BAD_API_VERSION = "bad-api-version", "an apiVersion other than dixaform/v1";
        UNKNOWN_KIND = "unknown-kind", "a kind that does not exist";
        BAD_NAME = "bad-name", "a name that can't be part of an address";
        UNKNOWN_ANNOTATION = "unknown-annotation", "a dixaform/ annotation that does not exist";
        BAD_ANNOTATION = "bad-annotation", "a dixaform/ annotation with an impossible value";
        DUPLICATE_ADDRESS = "duplicate-address", "two manifests with the same address";
        BAD_REFERENCE = "bad-reference", "a map that is used for an id, but can't be a name";
        UNKNOWN_VALUE = "unknown-value", "a value that the tenant does not have";
        NO_TABLE = "no-table", "a table that can't be read, or that is not part of the project";
        BAD_TABLE = "bad-table", "a table whose columns or quotes can't be told apart";
        BAD_ROW = "bad-row", "a row that has more or fewer cells than the header, or a cell that is a list or a map";
        UNKNOWN_COLUMN = "unknown-column", "a column that the table does not have";
        BAD_PLACEHOLDER = "bad-placeholder", "a `${` in a template without its `}`";
        BAD_KEY = "bad-key", "a cell that can't name its row";
        DIFFERENT_ROWS = "different-rows", "rows with the same `distinct` value that differ";
        DUPLICATE_END_USER = "duplicate-end-user", "two manifests of end users with the same e-mail address, phone number or externalId";
        DUPLICATE_ADOPT = "duplicate-adopt", "two manifests that adopt the same conversation or end user";
        OLD_ADDRESS_DESCRIBED = "old-address-described", "a `dixaform/moved-from` whose address is still described";
        DUPLICATE_MOVED_FROM = "duplicate-moved-from", "two manifests with the same `dixaform/moved-from`";
    }
    State, Error {
        OLD_ADDRESS_RECORDED = "old-address-recorded", "a `dixaform/moved-from` although both addresses have a record";
    }
    Manifests, Warning {
        SAME_BODY = "same-body", "several manifests with the same body";
        MESSAGES_OUT_OF_ORDER = "messages-out-of-order", "messages that are not in time order";
        CLOSED_BEFORE_LAST_MESSAGE = "closed-before-last-message", "closing before the last message";
        BAD_LANGUAGE = "bad-language", "a language that is not two letters";
        MARKDOWN = "markdown", "Markdown in a place where Dixa does not document it";
        OTHER_TIMESTAMP = "other-timestamp", "a timestamp in a form that Dixa does not document";
        NUMBER_CHANGES = "number-changes", "a number that is sent with different digits than it is written with";
        CUT_BY_COMMENT = "cut-by-comment", "a text that ends where a comment begins";
        UNLISTED_MEMBER = "unlisted-member", "`attributes` of an import that Dixa doesn't document for its channel";
        NOT_AN_ADDRESS = "not-an-address", "not an e-mail address where Dixa documents one";
        STAYS_WITH_THE_BOT = "stays-with-the-bot", "an open import that no agent sees";
        NO_MANIFEST = "no-manifest", "a file without a manifest, or a file of another program";
        EMPTY_TABLE = "empty-table", "a table without a row";
        UNKNOWN_CHANNEL_NAME = "unknown-channel-name", "a genericChannelName that the documentation doesn't list";
    }
    Values, Warning {
        UNUSED_VALUE = "unused-value", "a value in the project file that no manifest uses";
        VALUE_OF_SOME = "value-of-some", "a value that another tenant lacks";
    }
    Project, Error {
        BAD_SETTING = "bad-setting", "a setting in the project file with an impossible value";
    }
    Definitions, Error {
        UNKNOWN_ID = "unknown-id", "an id that does not exist in the tenant";
        UNKNOWN_ATTRIBUTE = "unknown-attribute", "a custom attribute that the tenant does not define";
        UNUSABLE_ATTRIBUTE = "unusable-attribute", "a custom attribute that is archived or inactive, or that a conversation uses although it is for end users (or the other way round)";
        ATTRIBUTE_MISMATCH = "attribute-mismatch", "a value that does not fit the definition of its attribute";
    }
    Tags, Error {
        INACTIVE_TAG = "inactive-tag", "a tag that can't be put on, because it is inactive in the tenant";
    }
    Definitions, Warning {
        PARTIAL_PATH = "partial-path", "the path of a Select that ends before its last option";
    }
    Definitions, Error {
        UNKNOWN_NAME = "unknown-name", "a name that fits nothing in the tenant, or more than one thing";
    }
    Catalog, Error {
        UNKNOWN_QUEUE = "unknown-queue", "a queue that the tenant does not have";
    }
    Catalog, Warning {
        UNKNOWN_AGENT = "unknown-agent", "an agent that the tenant does not list";
        UNKNOWN_CONTACT_ENDPOINT = "unknown-contact-endpoint", "a mailbox or number that the tenant does not list";
    }
    Calls, Error {
        CALL_FAILED = "call-failed", "a call of an apply failed";
        IN_DOUBT = "in-doubt", "a call of an apply has begun, and how it ended is not known";
        NEEDS_END_USER = "needs-end-user", "a change needs an end user that was not made";
    }
    Calls, Warning {
        PARTIAL_ERRORS = "partial-errors", "Dixa made a conversation only partly";
        READS_BACK_OTHERWISE = "reads-back-otherwise", "Dixa does not have what was written";
    }
}

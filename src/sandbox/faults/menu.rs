//! The words of a plan: what can go wrong, and with which calls.

use std::fmt;

use axum::http::{Method, StatusCode};

/// An enum whose variants each have a word, in the order in which they are listed to people.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            /// All of them, in the order in which they are listed to people.
            pub const ALL: [$name; [$($word),*].len()] = [$($name::$variant),*];

            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What goes wrong with one request. The words are those of the plan's text and of the logs.
    pub enum Fault {
        TooManyRequests = "429",
        Unauthorized = "401",
        Forbidden = "401-user",
        BadRequest = "400",
        NotFound = "404",
        Redirect = "redirect",
        ServerErrorBefore = "500-before",
        DropBefore = "drop-before",
        Hang = "hang",
        DuplicateBefore = "duplicate-before",
        ServerErrorAfter = "500-after",
        DropAfter = "drop-after",
        HangAfter = "hang-after",
        DuplicateAfter = "duplicate-after",
        ServerErrorEarly = "500-early",
        DropEarly = "drop-early",
        SlowBody = "slow-body",
        Rubbish = "rubbish",
        Garbled = "garbled",
        Huge = "huge",
        Partial = "partial",
        Empty200 = "200-empty",
        Empty201 = "201-empty",
        Empty202 = "202-empty",
        Empty204 = "204-empty",
        Text200 = "200-text",
        Text201 = "201-text",
        Text202 = "202-text",
        NoId200 = "200-no-id",
        NoId201 = "201-no-id",
        NoId202 = "202-no-id",
        EmptyPage = "empty-page",
        Circle = "circle",
    }
}

impl Fault {
    /// Those that a seed chooses from by default: a client that tries again gets through them.
    pub const PASSING: [Fault; 6] = [
        Fault::TooManyRequests,
        Fault::ServerErrorBefore,
        Fault::ServerErrorAfter,
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::SlowBody,
    ];

    /// The only calls that it can befall; none when it can befall all.
    pub fn only_of(self) -> &'static [Call] {
        match self {
            Fault::Partial => &[Call::Post, Call::Create, Call::Import],
            Fault::DuplicateBefore | Fault::DuplicateAfter => {
                &[Call::Post, Call::Create, Call::Import, Call::AddMessage, Call::MakeEndUser]
            }
            Fault::EmptyPage | Fault::Circle => &[Call::Get, Call::Conversations, Call::EndUsers, Call::Agents],
            _ => &[],
        }
    }

    /// Whether it can befall such a call.
    pub fn suits(self, call: Call) -> bool {
        let only = self.only_of();
        only.is_empty() || only.contains(&call)
    }

    /// The status and body of an answer that has no id of what was made.
    pub fn without_id(self) -> Option<(StatusCode, &'static str)> {
        const TEXT: &str = "Done";
        const NO_ID: &str = r#"{"data":{}}"#;
        Some(match self {
            Fault::Empty200 => (StatusCode::OK, ""),
            Fault::Empty201 => (StatusCode::CREATED, ""),
            Fault::Empty202 => (StatusCode::ACCEPTED, ""),
            Fault::Empty204 => (StatusCode::NO_CONTENT, ""),
            Fault::Text200 => (StatusCode::OK, TEXT),
            Fault::Text201 => (StatusCode::CREATED, TEXT),
            Fault::Text202 => (StatusCode::ACCEPTED, TEXT),
            Fault::NoId200 => (StatusCode::OK, NO_ID),
            Fault::NoId201 => (StatusCode::CREATED, NO_ID),
            Fault::NoId202 => (StatusCode::ACCEPTED, NO_ID),
            _ => return None,
        })
    }
}

words! {
    /// A class of requests. One request is of several: a creation is `create`, `POST`, `write` and `any`.
    pub enum Call {
        Any = "any",
        Write = "write",
        Get = "GET",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
        Create = "create",
        Import = "import",
        Conversation = "conversation",
        Messages = "messages",
        Conversations = "conversations",
        Organization = "organization",
        Definitions = "definitions",
        Attributes = "attributes",
        AddMessage = "add-message",
        Close = "close",
        Reopen = "reopen",
        FollowUp = "followup",
        Transfer = "transfer",
        Claim = "claim",
        ConversationTags = "conversation-tags",
        PutTag = "put-tag",
        TakeTag = "take-tag",
        BulkTags = "bulk-tags",
        Tags = "tags",
        MakeTag = "make-tag",
        EndUsers = "endusers",
        MakeEndUser = "make-enduser",
        EndUser = "enduser",
        ChangeEndUser = "change-enduser",
        EndUserAttributes = "enduser-attributes",
        Agents = "agents",
        Queues = "queues",
        ContactEndpoints = "contact-endpoints",
    }
}

impl Call {
    /// Its methods, and its path, in which `*` stands for one segment; none is every method or every path.
    fn shape(self) -> (&'static [&'static str], Option<&'static str>) {
        const GET: &[&str] = &["GET"];
        const POST: &[&str] = &["POST"];
        const PUT: &[&str] = &["PUT"];
        const PATCH: &[&str] = &["PATCH"];
        match self {
            Call::Any => (&[], None),
            Call::Write => (&["POST", "PUT", "PATCH", "DELETE"], None),
            Call::Get => (GET, None),
            Call::Post => (POST, None),
            Call::Put => (PUT, None),
            Call::Patch => (PATCH, None),
            Call::Delete => (&["DELETE"], None),
            Call::Create => (POST, Some("/v1/conversations")),
            Call::Import => (POST, Some("/v1/conversations/import")),
            Call::Conversation => (GET, Some("/v1/conversations/*")),
            Call::Messages => (GET, Some("/v1/conversations/*/messages")),
            Call::Conversations => (GET, Some("/v1/endusers/*/conversations")),
            Call::Organization => (GET, Some("/v1/organization")),
            Call::Definitions => (GET, Some("/v1/custom-attributes")),
            Call::Attributes => (PATCH, Some("/v1/conversations/*/custom-attributes")),
            Call::AddMessage => (POST, Some("/v1/conversations/*/messages")),
            Call::Close => (PUT, Some("/v1/conversations/*/close")),
            Call::Reopen => (PUT, Some("/v1/conversations/*/reopen")),
            Call::FollowUp => (PUT, Some("/v1/conversations/*/followup")),
            Call::Transfer => (PUT, Some("/v1/conversations/*/transfer/queue")),
            Call::Claim => (PUT, Some("/v1/conversations/*/claim")),
            Call::ConversationTags => (GET, Some("/v1/conversations/*/tags")),
            Call::PutTag => (PUT, Some("/v1/conversations/*/tags/*")),
            Call::TakeTag => (&["DELETE"], Some("/v1/conversations/*/tags/*")),
            Call::BulkTags => (POST, Some("/v1/conversations/*/tags/bulk")),
            Call::Tags => (GET, Some("/v1/tags")),
            Call::MakeTag => (POST, Some("/v1/tags")),
            Call::EndUsers => (GET, Some("/v1/endusers")),
            Call::MakeEndUser => (POST, Some("/v1/endusers")),
            Call::EndUser => (GET, Some("/v1/endusers/*")),
            Call::ChangeEndUser => (&["PATCH", "PUT"], Some("/v1/endusers/*")),
            Call::EndUserAttributes => (PATCH, Some("/v1/endusers/*/custom-attributes")),
            Call::Agents => (GET, Some("/v1/agents")),
            Call::Queues => (GET, Some("/v1/queues")),
            Call::ContactEndpoints => (GET, Some("/v1/contact-endpoints")),
        }
    }

    /// Whether a request is of this class. `path` is without its query.
    pub fn includes(self, method: &Method, path: &str) -> bool {
        let (methods, pattern) = self.shape();
        let path = path.strip_suffix('/').unwrap_or(path);
        let fits = |pattern: &str| {
            let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
            wanted.by_ref().all(|wanted| given.next().is_some_and(|given| wanted == "*" || wanted == given))
                && given.next().is_none()
        };
        (methods.is_empty() || methods.contains(&method.as_str())) && pattern.is_none_or(fits)
    }
}

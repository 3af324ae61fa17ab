//! All manifests, parsed, checked and keyed by address.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conversation::{Address, Conversation, ConversationId, Digests, OnChange};
use crate::source::{Place, Source};

/// One manifest that passed every check.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub address: Address,
    /// For `--selector`; never sent.
    pub labels: BTreeMap<String, String>,
    pub on_change: OnChange,
    /// `dixaform/adopt`: the existing conversation to take under management.
    pub adopt: Option<ConversationId>,
    pub conversation: Arc<Conversation>,
    pub digests: Digests,
    /// The first character of the document.
    pub source: Source,
    /// Where its name was written, in the same file.
    pub name_place: Place,
    /// Where each attribute of the conversation was written, so that an answer of the API can point at it.
    pub attribute_sources: BTreeMap<String, Source>,
}

/// Every manifest by its address. Only `manifest::resolve` makes one, so holding one is proof that it was checked.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    manifests: BTreeMap<Address, Manifest>,
}

impl Manifest {
    /// Where its name was written: what to point at when two manifests collide.
    pub fn name_source(&self) -> Source {
        Source::new(&self.source.file, self.name_place)
    }
}

impl Desired {
    /// For `manifest::resolve` and tests: the addresses of the manifests are unique.
    pub(crate) fn new(manifests: BTreeMap<Address, Manifest>) -> Self {
        Desired { manifests }
    }

    pub fn get(&self, address: &Address) -> Option<&Manifest> {
        self.manifests.get(address)
    }

    /// In ascending order of address.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.values()
    }

    pub fn len(&self) -> usize {
        self.manifests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }
}

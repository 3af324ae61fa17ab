//! All manifests, parsed, checked and keyed by address.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::conversation::{Address, Digests, Facts, Id, Labels, OnChange};
use crate::name::{Ids, Name};
use crate::source::{MadeOf, Place, Source};
use crate::spec::Spec;

/// One manifest that passed every check.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub address: Address,
    /// For `--selector`; never sent.
    pub labels: Labels,
    pub on_change: OnChange,
    /// `dixaform/adopt`: what exists already, to take under management.
    pub adopt: Option<Id>,
    /// `dixaform/moved-from`: the address that its record had before.
    pub moved_from: Option<Box<MovedFrom>>,
    /// `dixaform/ignore`: codes of warnings that are not reported for this manifest.
    pub ignore: Box<[&'static str]>,
    pub spec: Spec,
    pub facts: Facts,
    pub digests: Digests,
    /// The first character of the document.
    pub source: Source,
    /// Where its name was written, in the same file.
    pub name_place: Place,
    /// Where each attribute was written, in ascending order of their ids, so that an answer of the API can point at it.
    pub attribute_places: Box<[Place]>,
    /// What people call the things of the tenant that it refers to, by their ids, as far as that is known.
    pub called: BTreeMap<String, String>,
    /// The names in its spec whose ids are not known, where the ids would be.
    pub names: BTreeMap<Name, Named>,
    /// The ids that were put in the place of other names.
    pub ids: Ids,
}

/// Where a name is written, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it was written first, in the file of the manifest.
    pub place: Place,
    /// The manifest that describes the end user.
    pub manifest: Option<Address>,
}

/// An address that a record had before, and where that was written, in the file of the manifest.
#[derive(Clone, Debug)]
pub struct MovedFrom {
    pub address: Address,
    pub place: Place,
}

impl Manifest {
    /// The address that its record had before.
    pub fn former(&self) -> Option<&Address> {
        self.moved_from.as_ref().map(|moved_from| &moved_from.address)
    }

    /// Where its `dixaform/moved-from` was written; its name where it has none.
    pub fn moved_from_source(&self) -> Source {
        let place = self.moved_from.as_ref().map_or(self.name_place, |moved_from| moved_from.place);
        Source::new(&self.source.file, place)
    }

    /// Where its name was written: what to point at when two manifests collide.
    pub fn name_source(&self) -> Source {
        Source::new(&self.source.file, self.name_place)
    }

    /// Where an attribute was written; none when the manifest has no such attribute.
    pub fn attribute_source(&self, id: &str) -> Option<Source> {
        let index = self.spec.attributes().keys().position(|known| known == id)?;
        self.attribute_places.get(index).map(|place| Source::new(&self.source.file, *place))
    }
}

/// Every manifest by its address. Only `manifest::resolve` makes one, so holding one is proof that it was checked.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// In ascending order of address, each once.
    manifests: Vec<Manifest>,
    /// What the files are made of about which there is nothing to say, by name.
    files: HashMap<Arc<str>, MadeOf>,
    /// Addresses whose manifests were not parsed, since their records were made of the same bytes.
    as_recorded: HashSet<Address>,
    /// The names of the values that they use.
    values: BTreeSet<String>,
    /// The files that hold the tables of sets.
    tables: BTreeSet<Arc<str>>,
}

impl Desired {
    /// For `manifest::resolve` and tests.
    ///
    /// # Panics
    /// In debug builds, if the addresses are not in ascending order or not unique.
    pub(crate) fn new(manifests: Vec<Manifest>, files: HashMap<Arc<str>, MadeOf>, values: BTreeSet<String>) -> Self {
        debug_assert!(manifests.is_sorted_by(|one, next| one.address < next.address), "ascending and unique");
        Desired { manifests, files, as_recorded: HashSet::new(), values, tables: BTreeSet::new() }
    }

    /// Adds addresses whose manifests were not parsed.
    #[must_use]
    pub fn and_as_recorded(mut self, addresses: HashSet<Address>) -> Self {
        self.as_recorded = addresses;
        self
    }

    /// Adds the names of the files that hold the tables of sets.
    #[must_use]
    pub fn and_tables(mut self, tables: BTreeSet<Arc<str>>) -> Self {
        self.tables = tables;
        self
    }

    /// The files that hold the tables of sets.
    pub fn tables(&self) -> &BTreeSet<Arc<str>> {
        &self.tables
    }

    /// Whether the manifest of an address was not parsed, since nothing is to be done about it.
    pub fn is_as_recorded(&self, address: &Address) -> bool {
        self.as_recorded.contains(address)
    }

    /// The names of the values of the tenant that the manifests use.
    pub fn values(&self) -> &BTreeSet<String> {
        &self.values
    }

    /// What a file is made of that was parsed and about which there is nothing to say.
    pub fn made_of(&self, file: &str) -> Option<MadeOf> {
        self.files.get(file).copied()
    }

    pub fn get(&self, address: &Address) -> Option<&Manifest> {
        let found = self.manifests.binary_search_by(|manifest| manifest.address.cmp(address)).ok()?;
        Some(&self.manifests[found])
    }

    /// Those that were parsed, in ascending order of address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Manifest> {
        self.manifests.iter()
    }

    /// How many manifests there are, parsed or not.
    pub fn len(&self) -> usize {
        self.manifests.len() + self.as_recorded.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

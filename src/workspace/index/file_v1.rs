//! The index file, version 1: little-endian numbers and length-prefixed bytes, for this program's eyes only.
//!
//! ```text
//! "dixaform-index/1\n", writer, stamp of the state or none, number of files and of others, length of the files
//! files:   name, stamp, number of manifests, length of the manifests; manifests: record, labels
//! others:  records
//! SHA-256 of all that
//! ```
//!
//! A record is an address, both digests and a stretch of the state file. The digest at the end finds torn and flipped
//! bytes; every length is checked all the same.

use sha2::{Digest as _, Sha256};

use crate::conversation::{Address, Kind, Labels};
use crate::digest::Digest;
use crate::state::RecordOutline;
use crate::state::outline::Stretch;
use crate::workspace::stamp::Stamp;

const MAGIC: &[u8] = b"dixaform-index/1\n";
const CHECKSUM: usize = 32;

/// Where the parts of a whole index stand.
#[derive(Clone, Debug)]
pub struct Parts {
    pub state: Option<Stamp>,
    file_count: usize,
    other_count: usize,
    files: std::ops::Range<usize>,
    others: std::ops::Range<usize>,
}

/// One file of the index.
#[derive(Clone, Copy, Debug)]
pub struct IndexedFile<'i> {
    pub name: &'i str,
    pub stamp: Stamp,
    /// How many manifests it holds.
    pub count: usize,
    manifests: &'i [u8],
}

/// One manifest of the index.
#[derive(Clone, Debug)]
pub struct IndexedManifest<'i> {
    pub kind: Kind,
    pub name: &'i str,
    pub content_digest: Digest,
    pub attributes_digest: Option<Digest>,
    stretch: Stretch,
    labels: &'i [u8],
}

impl<'i> IndexedFile<'i> {
    /// Its manifests in the order of the file; it ends early only when the index is damaged and its digest is not.
    pub fn manifests(&self) -> impl Iterator<Item = IndexedManifest<'i>> + use<'i> {
        let mut reader = Reader(self.manifests);
        (0..self.count).map_while(move |_| reader.manifest())
    }
}

impl IndexedManifest<'_> {
    /// The record that it was as; none when its name is none, which only a damaged index has.
    pub fn record(&self) -> Option<RecordOutline> {
        Some(RecordOutline {
            address: Address::new(self.kind, self.name).ok()?,
            content_digest: self.content_digest,
            attributes_digest: self.attributes_digest,
            stretch: self.stretch,
        })
    }

    pub fn labels(&self) -> Labels {
        let mut reader = Reader(self.labels);
        let mut labels = Vec::new();
        while let (Some(name), Some(value)) = (reader.text(), reader.text()) {
            labels.push((name, value));
        }
        labels.into_iter().collect()
    }
}

/// The parts of an index that is whole and that `writer` wrote.
pub fn parts(bytes: &[u8], writer: &str) -> Option<Parts> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    let mut reader = Reader(body.strip_prefix(MAGIC)?);
    if reader.text()? != writer || Sha256::digest(body)[..] != *checksum {
        return None;
    }
    let state = match reader.byte()? {
        0 => None,
        _ => Some(reader.stamp()?),
    };
    let (file_count, other_count) = (reader.count()?, reader.count()?);
    let length = reader.count()?;
    let start = body.len() - reader.0.len();
    let end = start.checked_add(length).filter(|end| *end <= body.len())?;
    Some(Parts { state, file_count, other_count, files: start..end, others: end..body.len() })
}

pub fn files<'i>(bytes: &'i [u8], parts: &Parts) -> impl Iterator<Item = IndexedFile<'i>> + use<'i> {
    let mut reader = Reader(&bytes[parts.files.clone()]);
    (0..parts.file_count).map_while(move |_| reader.file())
}

/// None when one of them can't be read.
pub fn others(bytes: &[u8], parts: &Parts) -> Option<Vec<RecordOutline>> {
    let mut reader = Reader(&bytes[parts.others.clone()]);
    let mut others = Vec::with_capacity(parts.other_count.min(bytes.len()));
    for _ in 0..parts.other_count {
        others.push(reader.manifest()?.record()?);
    }
    Some(others)
}

/// Reads from the front; none at the end and beyond it.
struct Reader<'i>(&'i [u8]);

impl<'i> Reader<'i> {
    fn take(&mut self, length: usize) -> Option<&'i [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        self.array().map(u32::from_le_bytes).and_then(|count| usize::try_from(count).ok())
    }

    fn bytes(&mut self) -> Option<&'i [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'i str> {
        str::from_utf8(self.bytes()?).ok()
    }

    fn stamp(&mut self) -> Option<Stamp> {
        let signed = |number: u64| i64::from_le_bytes(number.to_le_bytes());
        Some(Stamp {
            size: self.number()?,
            modified: self.number().map(signed)?,
            changed: self.number().map(signed)?,
            device: self.number()?,
            inode: self.number()?,
        })
    }

    fn file(&mut self) -> Option<IndexedFile<'i>> {
        Some(IndexedFile { name: self.text()?, stamp: self.stamp()?, count: self.count()?, manifests: self.bytes()? })
    }

    fn manifest(&mut self) -> Option<IndexedManifest<'i>> {
        let flags = self.byte()?;
        Some(IndexedManifest {
            kind: if flags & IMPORT == 0 { Kind::Conversation } else { Kind::Import },
            name: self.text()?,
            content_digest: Digest::from_bytes(self.array()?),
            attributes_digest: match flags & NO_ATTRIBUTES {
                0 => Some(Digest::from_bytes(self.array()?)),
                _ => None,
            },
            stretch: Stretch { offset: self.number()?, length: self.array().map(u32::from_le_bytes)? },
            labels: self.bytes()?,
        })
    }
}

/// The address is that of an import.
const IMPORT: u8 = 1;
/// The attributes of the record were never written.
const NO_ATTRIBUTES: u8 = 2;

/// An index in the making.
#[derive(Debug)]
pub struct Writer {
    head: Vec<u8>,
    file_count: usize,
    files: Vec<u8>,
}

impl Writer {
    pub fn new(writer: &str, state: Option<Stamp>) -> Self {
        let mut head = MAGIC.to_vec();
        put_bytes(&mut head, writer.as_bytes());
        head.push(u8::from(state.is_some()));
        if let Some(state) = state {
            put_stamp(&mut head, state);
        }
        Writer { head, file_count: 0, files: Vec::new() }
    }

    pub fn file<'l>(
        &mut self,
        name: &str,
        stamp: Stamp,
        manifests: impl IntoIterator<Item = (&'l RecordOutline, &'l Labels)>,
    ) {
        let (mut count, mut bytes) = (0, Vec::new());
        for (record, labels) in manifests {
            put_record(&mut bytes, record, labels);
            count += 1;
        }
        self.put_file(name, stamp, count, &bytes);
    }

    pub fn same(&mut self, file: &IndexedFile<'_>) {
        self.put_file(file.name, file.stamp, file.count, file.manifests);
    }

    fn put_file(&mut self, name: &str, stamp: Stamp, count: usize, manifests: &[u8]) {
        self.file_count += 1;
        put_bytes(&mut self.files, name.as_bytes());
        put_stamp(&mut self.files, stamp);
        put_count(&mut self.files, count);
        put_bytes(&mut self.files, manifests);
    }

    /// All of the index.
    pub fn finish<'o>(self, others: impl IntoIterator<Item = &'o RecordOutline>) -> Vec<u8> {
        let Writer { head: mut bytes, file_count, files } = self;
        let (mut other_count, mut tail) = (0, Vec::new());
        for record in others {
            put_record(&mut tail, record, &Labels::default());
            other_count += 1;
        }
        bytes.reserve(files.len() + tail.len() + 2 * CHECKSUM);
        put_count(&mut bytes, file_count);
        put_count(&mut bytes, other_count);
        put_bytes(&mut bytes, &files);
        bytes.extend(tail);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a file of manifests is at most 16 MiB, and there are at most a million");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_stamp(out: &mut Vec<u8>, Stamp { size, modified, changed, device, inode }: Stamp) {
    for bytes in
        [size.to_le_bytes(), modified.to_le_bytes(), changed.to_le_bytes(), device.to_le_bytes(), inode.to_le_bytes()]
    {
        out.extend_from_slice(&bytes);
    }
}

fn put_record(out: &mut Vec<u8>, record: &RecordOutline, labels: &Labels) {
    let RecordOutline { address, content_digest, attributes_digest, stretch: Stretch { offset, length } } = record;
    let kind = if address.kind == Kind::Import { IMPORT } else { 0 };
    out.push(kind | if attributes_digest.is_none() { NO_ATTRIBUTES } else { 0 });
    put_bytes(out, address.name().as_bytes());
    out.extend_from_slice(content_digest.as_bytes());
    if let Some(digest) = attributes_digest {
        out.extend_from_slice(digest.as_bytes());
    }
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    let mut bytes = Vec::new();
    for (name, value) in labels.iter() {
        put_bytes(&mut bytes, name.as_bytes());
        put_bytes(&mut bytes, value.as_bytes());
    }
    put_bytes(out, &bytes);
}

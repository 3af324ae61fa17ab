//! A long text in pieces, each made when it is taken: a plan of a hundred thousand changes is never in memory as a
//! whole text.

use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSlice as _;

use crate::plan::Change;

/// The pieces of one text, in their order.
pub struct Pieces<'p>(Box<dyn Iterator<Item = String> + 'p>);

impl<'p> Pieces<'p> {
    pub fn new(pieces: impl Iterator<Item = String> + 'p) -> Self {
        Pieces(Box::new(pieces))
    }

    /// The whole text, for what is short or needed as a whole.
    pub fn whole(self) -> String {
        self.collect()
    }
}

impl From<String> for Pieces<'_> {
    fn from(text: String) -> Self {
        Pieces::new(std::iter::once(text))
    }
}

impl Iterator for Pieces<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next()
    }
}

/// Changes that one thread draws before it hands over what it has.
const PART: usize = 32;

/// Parts that each thread draws before any of them is written: a megabyte of text.
const PARTS: usize = 8;

/// The changes as `draw` appends them, by all threads, in their order. It is given the index of each.
pub fn of_changes<'p>(
    changes: &'p [Change],
    draw: impl Fn(usize, &Change, &mut String) + Sync + 'p,
) -> impl Iterator<Item = String> + 'p {
    let batch = rayon::current_num_threads() * PARTS * PART;
    (0..changes.len()).step_by(batch).flat_map(move |first| {
        let batch = &changes[first..changes.len().min(first + batch)];
        let draw_part = |(number, part): (usize, &[Change])| {
            let mut out = String::new();
            for (index, change) in part.iter().enumerate() {
                draw(first + number * PART + index, change, &mut out);
            }
            out
        };
        batch.par_chunks(PART).enumerate().map(draw_part).collect::<Vec<String>>()
    })
}

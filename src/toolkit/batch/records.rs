//! `PartRecord` and `PartJournal`: which texts have their vectors already.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::EmbedPart;
use super::lines::Lines;
use super::parts::Made;
use crate::api::{PackedVector, Usage};
use crate::base::Text;
use crate::toolkit::errors::Hash;

/// The record of a finished part of [`EmbedParts`](super::EmbedParts), to be stored and given to
/// [`resume`](super::EmbedMany::resume) later.
///
/// [`to_line`](Self::to_line) writes it as a line of JSON, which [`PartJournal`] reads; any other format of serde that keeps the names of
/// fields can store it as well. A digest distinguishes texts that differ by chance, not texts that were crafted to have the same digest.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartRecord {
    /// The places of the texts, counted from 0 over all texts.
    pub range: Range<usize>,
    /// The digest of the texts, 16 hexadecimal digits. If a text of the range changes, the record no longer applies.
    pub digest: String,
    /// The model that made the vectors.
    pub model: Text,
    /// The length of every vector.
    pub dimension: usize,
    /// One vector for each text, in their order; written as base64 of 32-bit floats, which keeps each bit. `None` if you store them
    /// elsewhere.
    #[serde(default, with = "packed", skip_serializing_if = "Option::is_none")]
    pub vectors: Option<Vec<Vec<f32>>>,
    /// Where you store the vectors, in your own words; see [`stored_at`](Self::stored_at).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<String>,
    /// What the server counted for the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// The records of finished parts, read back from the file that their lines were appended to.
///
/// A process that is killed leaves whole lines and at most one that is torn, which is passed over. To go on: read the file, stop if it is
/// [another kind of file](Self::is_part_file), cut it to [`whole_bytes`](Self::whole_bytes), write [`glue`](Self::glue), and append.
/// Where a file cannot be cut, write a line end first.
///
/// ```
/// use tabbyapi::batch::PartJournal;
///
/// let mut journal = PartJournal::new();
/// journal.feed(b"{\"range\":{\"start\":0,\"end\":2},\"digest\":\"00000000000000aa\",\"model\":\"e\",\"dimension\":4}\n{\"range\":{\"st");
/// journal.end();
/// assert_eq!((journal.records().len(), journal.records()[0].range.clone(), journal.whole_bytes()), (1, 0..2, 84));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PartJournal {
    lines: Lines,
    records: Vec<PartRecord>,
}

impl PartRecord {
    /// Returns the record of this part, with its vectors. `None` if the part failed.
    pub fn of(part: &EmbedPart) -> Option<Self> {
        let answer = part.result.as_ref().ok()?;
        Some(PartRecord {
            digest: digest(&part.texts),
            model: answer.model.clone(),
            usage: answer.usage.clone(),
            ..PartRecord::new(part.range.clone(), answer.data.iter().map(|item| item.embedding.clone()).collect())
        })
    }

    /// Leaves the vectors out of the record, and sets where you store them: a file, a table, a key. The library does not read it.
    ///
    /// Store the vectors before the record is written, so that no record stands without them.
    pub fn stored_at(mut self, place: impl Into<String>) -> Self {
        self.vectors = None;
        self.stored_at = Some(place.into());
        self
    }

    /// Returns whether the record belongs to its range of these texts: all texts, in their order.
    pub fn matches(&self, texts: &[impl AsRef<str>]) -> bool {
        let vectors_fit = self.vectors.as_ref().is_none_or(|vectors| {
            vectors.len() == self.range.len() && vectors.iter().all(|vector| vector.len() == self.dimension)
        });
        let texts = texts.get(self.range.clone()).filter(|texts| !texts.is_empty());
        vectors_fit && self.dimension > 0 && texts.is_some_and(|texts| digest(texts) == self.digest)
    }

    /// Returns the record as a line of JSON, with its line end. Write it whole, and flush.
    pub fn to_line(&self) -> String {
        // Numbers, strings and JSON alone, which can always be written.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// A record without digest, model and usage.
    pub(super) fn new(range: Range<usize>, vectors: Vec<Vec<f32>>) -> Self {
        PartRecord {
            range,
            digest: String::new(),
            model: Text::default(),
            dimension: vectors.first().map_or(0, Vec::len),
            vectors: Some(vectors),
            stored_at: None,
            usage: None,
        }
    }
}

impl PartJournal {
    /// Returns a journal without records.
    pub fn new() -> Self {
        PartJournal::default()
    }

    /// Takes in the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        let records = &mut self.records;
        self.lines.feed(bytes, |line, _| read_record(records, line));
    }

    /// Takes in the end of the file. A last line without a line end counts if it is whole; a torn one never is.
    pub fn end(&mut self) {
        let records = &mut self.records;
        self.lines.end(|line, _| read_record(records, line));
    }

    /// Returns the records, in the order of the file.
    pub fn records(&self) -> &[PartRecord] {
        &self.records
    }

    /// Returns whether what was read can be a file of records. An empty file is one, and so is one with only the torn beginning of a
    /// first line. A file in which other lines outnumber the records is none: refuse it before it is changed.
    pub fn is_part_file(&self) -> bool {
        self.lines.are_of_this_kind()
    }

    /// Returns how many lines inside of the file could not be read. Their texts count as not done.
    pub fn damaged(&self) -> u64 {
        self.lines.damaged()
    }

    /// Returns how long the file is up to its last whole line, in bytes.
    pub fn whole_bytes(&self) -> u64 {
        self.lines.whole_bytes()
    }

    /// Returns what must be written before the next line: a line end, if the last one has none.
    pub fn glue(&self) -> &'static str {
        self.lines.glue()
    }
}

impl IntoIterator for PartJournal {
    type Item = PartRecord;
    type IntoIter = std::vec::IntoIter<PartRecord>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter()
    }
}

/// What the records contain about some texts.
pub(super) struct Current {
    /// Those that apply, the latest first. Of records that differ in model or dimension the latest one counts, and those like it. A
    /// record whose texts all have a later one is left out.
    pub(super) records: Vec<PartRecord>,
    /// Which model made their vectors.
    pub(super) made: Made,
    /// Which texts have none.
    pub(super) left: Vec<bool>,
}

impl Current {
    pub(super) fn of(records: Vec<PartRecord>, texts: &[String], with_vectors: bool) -> Self {
        let mut current = Current { records: Vec::new(), made: Made::default(), left: vec![true; texts.len()] };
        for record in records.into_iter().rev().filter(|record| record.vectors.is_some() || !with_vectors) {
            let left = current.left.get_mut(record.range.clone()).unwrap_or_default();
            if left.contains(&true)
                && record.matches(texts)
                && current.made.take(&record.model, record.dimension).is_ok()
            {
                left.fill(false);
                current.records.push(record);
            }
        }
        current
    }
}

/// The digest of these texts, by the same rules as that of a line of a batch.
pub(super) fn digest(texts: &[impl AsRef<str>]) -> String {
    let mut hash = Hash::new();
    texts.iter().for_each(|text| hash.part(text.as_ref()));
    format!("{:016x}", hash.0)
}

fn read_record(records: &mut Vec<PartRecord>, line: &[u8]) -> bool {
    let record = serde_json::from_slice(line).ok();
    let read = record.is_some();
    records.extend(record);
    read
}

/// Vectors as base64, read as base64 or decimals.
mod packed {
    use super::*;

    pub(super) fn serialize<S: Serializer>(vectors: &Option<Vec<Vec<f32>>>, serializer: S) -> Result<S::Ok, S::Error> {
        let packed = |vectors: &Vec<Vec<f32>>| vectors.iter().map(|vector| PackedVector::pack(vector)).collect();
        vectors.as_ref().map(packed).map(|packed: Vec<String>| packed).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Vec<f32>>>, D::Error> {
        let packed = Option::<Vec<PackedVector>>::deserialize(deserializer)?;
        Ok(packed.map(|vectors| vectors.into_iter().map(|vector| vector.0).collect()))
    }
}

impl fmt::Debug for PartRecord {
    // Without the vectors: they are long, and texts can be guessed by them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartRecord")
            .field("range", &self.range)
            .field("digest", &self.digest)
            .field("model", &self.model)
            .field("dimension", &self.dimension)
            .field("stored_at", &self.stored_at)
            .finish_non_exhaustive()
    }
}

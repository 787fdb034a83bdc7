//! `PartRecord` and `PartJournal`: which texts have a vector already.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::EmbedPart;
use super::lines::Lines;
use super::parts::Made;
use crate::api::{PackedVector, Usage};
use crate::base::Text;
use crate::toolkit::errors::Hash;

/// The record of a finished part of [`EmbedParts`](super::EmbedParts), to be stored and passed to
/// [`resume`](super::EmbedMany::resume) later.
///
/// [`to_line`](Self::to_line) writes it as a line of JSON, which [`PartJournal`] reads. Any other serde format that keeps the
/// names of fields can store it as well. The digest detects changed texts, but not texts that were crafted to have the same
/// digest.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartRecord {
    /// The positions of the texts among all texts, from 0.
    pub range: Range<usize>,
    /// The digest of the texts, 16 hexadecimal digits. If a text of the range changes, the record no longer applies.
    pub digest: String,
    /// The model of the vectors.
    pub model: Text,
    /// The length of every vector.
    pub dimension: usize,
    /// One vector for each text, in order. Serialized as base64 of 32-bit floats, which keeps each bit. `None` if they are stored
    /// elsewhere.
    #[serde(default, with = "packed", skip_serializing_if = "Option::is_none")]
    pub vectors: Option<Vec<Vec<f32>>>,
    /// Where the vectors are stored, as set by [`stored_at`](Self::stored_at).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<String>,
    /// The usage that the server reported for the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// The records of finished parts, read back from the file to which their lines were appended.
///
/// A process that is killed leaves whole lines and at most one torn line, which is skipped. To continue: read the file, stop if
/// it is [another kind of file](Self::is_part_file), truncate it to [`whole_bytes`](Self::whole_bytes), write
/// [`glue`](Self::glue), and append. If the file cannot be truncated, write a line end first.
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

    /// Removes the vectors from the record, and sets where they are stored: a file, a table, a key. The library does not read
    /// this text.
    ///
    /// Store the vectors before the record, so that there is no record without vectors.
    pub fn stored_at(mut self, place: impl Into<String>) -> Self {
        self.vectors = None;
        self.stored_at = Some(place.into());
        self
    }

    /// Returns whether the record applies to its range of these texts. `texts` are all texts, in order.
    pub fn matches(&self, texts: &[impl AsRef<str>]) -> bool {
        let vectors_fit = self.vectors.as_ref().is_none_or(|vectors| {
            vectors.len() == self.range.len() && vectors.iter().all(|vector| vector.len() == self.dimension)
        });
        let texts = texts.get(self.range.clone()).filter(|texts| !texts.is_empty());
        vectors_fit && self.dimension > 0 && texts.is_some_and(|texts| digest(texts) == self.digest)
    }

    /// Returns the record as a line of JSON, with its line end. Write it whole, and flush.
    pub fn to_line(&self) -> String {
        // It has only numbers, strings and JSON, which can always be serialized.
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
    /// Creates a journal without records.
    pub fn new() -> Self {
        PartJournal::default()
    }

    /// Reads the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        let records = &mut self.records;
        self.lines.feed(bytes, |line, _| read_record(records, line));
    }

    /// Ends the file. A last line without a line end counts if it is whole, which a torn one never is.
    pub fn end(&mut self) {
        let records = &mut self.records;
        self.lines.end(|line, _| read_record(records, line));
    }

    /// Returns the records, in the order of the file.
    pub fn records(&self) -> &[PartRecord] {
        &self.records
    }

    /// Returns whether the data can be a file of records. An empty file is one, and so is a file with only the torn beginning of
    /// a first line. A file in which other lines outnumber the records is not: reject it before changing it.
    pub fn is_part_file(&self) -> bool {
        self.lines.are_of_this_kind()
    }

    /// Returns how many lines inside the file could not be read. Their texts count as not done.
    pub fn damaged(&self) -> u64 {
        self.lines.damaged()
    }

    /// Returns the length of the file up to its last whole line, in bytes.
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

/// The records that apply to a list of texts.
pub(super) struct Current {
    /// The records that apply, the latest first. If records differ in model or dimension, only those like the latest one apply. A
    /// record whose texts all have a later one is omitted.
    pub(super) records: Vec<PartRecord>,
    /// The model and the dimension of their vectors.
    pub(super) made: Made,
    /// Which texts have no vector.
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
    // Omits the vectors: they are long, and texts can be inferred from them.
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

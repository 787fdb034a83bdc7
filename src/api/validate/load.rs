//! Validation of the sizes of a load.

use super::{Effect, Faults, Findings};
use crate::api::models::{LoadRequest, longest_prompt};

/// The server's default, unless its configuration sets another.
const CHUNK: i64 = 2048;

impl LoadRequest {
    /// Checks for sizes that make the load fail, or that make the loaded model reject prompts that fit into its context.
    ///
    /// ```
    /// use tabbyapi::api::LoadRequest;
    ///
    /// let request = LoadRequest::new("alpha-7B-exl3").max_seq_len(8192).cache_size(8192);
    /// assert_eq!(
    ///     request.validate().unwrap_err()[0].to_string(),
    ///     "`cache_size` is 8192, so prompts may use at most 6145 of the 8192 tokens of the context: `chunk_size` (2048) is kept \
    ///      free; with 10240 all of it can be used",
    /// );
    /// assert!(request.cache_size(10_240).validate().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// Errors with the [`Faults`] that were found.
    pub fn validate(&self) -> Result<(), Faults> {
        let mut findings = Findings::default();
        let context = self.max_seq_len.filter(|size| *size > 0);
        let chunk = self.chunk_size.filter(|size| *size > 0).unwrap_or(CHUNK);
        if let Some(size) = self.cache_size.filter(|size| size % 256 != 0) {
            findings.add(Effect::Fails, "cache_size", format!("is {size}, but must be a multiple of 256"));
        }
        // The default cache size is the context size.
        let (field, cache) = match (self.cache_size, context) {
            (Some(size), _) => ("cache_size", size),
            (None, Some(size)) => ("max_seq_len", size),
            (None, None) => return findings.result(),
        };
        let longest = longest_prompt(cache.max(0).unsigned_abs(), chunk.unsigned_abs());
        let room = i64::try_from(longest).unwrap_or(i64::MAX);
        // Rounded up, so that the last token of the context fits, too.
        let enough = |context: i64| context.saturating_sub(1).saturating_add(chunk).saturating_add(255) / 256 * 256;
        if room <= 1 {
            let message = format!(
                "is {cache}, which leaves the cache no room for a prompt beside `chunk_size` ({chunk}): the server would refuse every \
                 prompt; set `cache_size` to at least {}",
                enough(context.unwrap_or(chunk))
            );
            findings.add(Effect::Warning, field, message);
        } else if let Some(context) = context.filter(|context| self.cache_size.is_some() && room < *context) {
            let message = format!(
                "is {cache}, so prompts may use at most {room} of the {context} tokens of the context: `chunk_size` ({chunk}) is kept \
                 free; with {} all of it can be used",
                enough(context)
            );
            findings.add(Effect::Warning, field, message);
        }
        findings.result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_found(request: LoadRequest, expected: &[(&str, Effect)]) {
        let found = request.validate().err().map(Faults::into_vec).unwrap_or_default();
        let found: Vec<_> = found.iter().map(|fault| (fault.field.as_str(), fault.effect)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cache_needs_room_for_a_chunk() {
        let load = || LoadRequest::new("m");
        assert_found(load(), &[]);
        assert_found(load().max_seq_len(-1).chunk_size(4096), &[]);
        assert_found(load().max_seq_len(8192), &[]);
        assert_found(load().max_seq_len(2048), &[("max_seq_len", Effect::Warning)]);
        assert_found(load().max_seq_len(2048).chunk_size(512), &[]);
        assert_found(load().cache_size(2048), &[("cache_size", Effect::Warning)]);
        assert_found(load().cache_size(2304), &[]);
        assert_found(load().cache_size(4096).chunk_size(4096), &[("cache_size", Effect::Warning)]);
        assert_found(
            load().max_seq_len(8192).cache_size(10_239),
            &[("cache_size", Effect::Fails), ("cache_size", Effect::Warning)],
        );
        assert_found(load().max_seq_len(8192).cache_size(9984), &[("cache_size", Effect::Warning)]);
        assert_found(load().max_seq_len(8192).cache_size(10_240), &[]);
        assert_found(load().cache_size(i64::MIN), &[("cache_size", Effect::Warning)]);
        assert_found(
            load().max_seq_len(i64::MAX).cache_size(256).chunk_size(i64::MAX),
            &[("cache_size", Effect::Warning)],
        );
    }
}

//! Repeatable randomness, and how much of what takes long is done.

/// Of the runs that a test makes of each answer, one in so many is made: all of them as released, which is how
/// `tests/run wasm-suite` and `cargo test --release` make them, and a sample where the program is not optimized.
pub(crate) const ONE_IN: usize = if cfg!(debug_assertions) { 5 } else { 1 };

/// A small generator (xorshift64*): a failure names its seed and repeats.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }

    /// So many offsets into a body of this length, in order.
    pub(crate) fn cuts(&mut self, count: usize, len: usize) -> Vec<usize> {
        let mut cuts: Vec<_> = (0..count).map(|_| self.below(len + 1)).collect();
        cuts.sort_unstable();
        cuts
    }
}

//! Finds secret texts in any encoding that a server may use, in one pass.
//!
//! A server may repeat a key verbatim, or escape any of its characters: as JSON does (`\/`, `\u0041`), as URLs do (`%41`), as HTML does
//! (`&amp;`), as Python's `repr` does (`\x41`), or several of these on top of each other. It is not possible to list all variants, so the
//! text is read in layers. The lowest layer has the bytes of the text, each higher one those of the layer below with escapes undone. Each
//! layer has a state in one Aho-Corasick automaton of all secrets. Each byte keeps its position in the text.
//!
//! The work is linear in the length of the text for any input, and the memory is proportional to the longest secret. A layer that equals
//! the one below costs nothing.
//!
//! The automaton is hand-written because it has to report how much of a secret a cut text ends with, and because it is wiped on drop.

use std::ops::Range;

use zeroize::Zeroize;

use super::escape::{Escape, LONGEST, escape};

/// The number of layers: the text, and its escapes undone up to three times.
pub(super) const LAYERS: usize = 4;

/// All secrets as one trie, with a failure link from each node.
pub(crate) struct Automaton {
    nodes: Vec<Node>,
    /// The first transitions, by byte.
    roots: [u32; 256],
    /// The length of the longest secret.
    longest: usize,
}

/// The root is 0, which also means "none".
#[derive(Clone, Copy, Default)]
struct Node {
    byte: u8,
    child: u32,
    sibling: u32,
    back: u32,
    depth: u32,
    /// The length of the longest secret that ends here.
    found: u32,
}

impl Automaton {
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        // Allocated at full size, since a vector that grows leaves its old content behind in memory.
        let mut nodes = Vec::with_capacity(1 + secrets.clone().map(<[u8]>::len).sum::<usize>());
        nodes.push(Node::default());
        let mut automaton = Automaton { nodes, roots: [0; 256], longest: 0 };
        secrets.for_each(|secret| automaton.insert(secret));
        automaton.link();
        automaton
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    fn insert(&mut self, secret: &[u8]) {
        let mut at = 0;
        for (depth, &byte) in (1..).zip(secret) {
            at = match self.child(at, byte) {
                0 => {
                    let new = self.nodes.len() as u32;
                    let sibling = std::mem::replace(&mut self.nodes[at as usize].child, new);
                    self.nodes.push(Node { byte, sibling, depth, ..Node::default() });
                    if at == 0 {
                        self.roots[usize::from(byte)] = new;
                    }
                    new
                }
                child => child,
            };
        }
        self.nodes[at as usize].found = secret.len() as u32;
        self.longest = self.longest.max(secret.len());
    }

    /// Sets the failure links, from shallow to deep nodes.
    fn link(&mut self) {
        let mut level: Vec<u32> = self.roots.iter().copied().filter(|&root| root != 0).collect();
        while !level.is_empty() {
            let mut next = Vec::new();
            for at in level {
                let mut child = self.nodes[at as usize].child;
                while child != 0 {
                    let Node { byte, sibling, found, .. } = self.nodes[child as usize];
                    let back = self.step(self.nodes[at as usize].back, byte);
                    let longest = found.max(self.nodes[back as usize].found);
                    let node = &mut self.nodes[child as usize];
                    (node.back, node.found) = (back, longest);
                    next.push(child);
                    child = sibling;
                }
            }
            level = next;
        }
    }

    /// A ring buffer with a slot for each byte of the longest secret, plus one.
    fn ring(&self) -> Vec<usize> {
        vec![0; (self.longest + 1).next_power_of_two()]
    }

    fn child(&self, at: u32, byte: u8) -> u32 {
        if at == 0 {
            return self.roots[usize::from(byte)];
        }
        let mut child = self.nodes[at as usize].child;
        while child != 0 && self.nodes[child as usize].byte != byte {
            child = self.nodes[child as usize].sibling;
        }
        child
    }

    fn step(&self, mut at: u32, byte: u8) -> u32 {
        loop {
            match (self.child(at, byte), at) {
                (0, 0) => return 0,
                (0, _) => at = self.nodes[at as usize].back,
                (child, _) => return child,
            }
        }
    }
}

impl Drop for Automaton {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.byte.zeroize());
        self.roots.zeroize();
    }
}

/// A byte of a layer, and the range of the text that it came from.
#[derive(Clone, Copy, Default)]
pub(super) struct Unit {
    pub(super) byte: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A search in one text, which may come in pieces.
pub(super) struct Search<'a> {
    automaton: &'a Automaton,
    layers: [Layer; LAYERS],
    read: usize,
    found: Vec<Range<usize>>,
    /// In a cut text, an ellipsis may follow the start of a secret. A start of at least this length counts as a match.
    before_ellipsis: Option<usize>,
}

struct Layer {
    /// The layer has equaled the layer below since both were at the root, so it has the same state.
    same: bool,
    at: u32,
    /// Where the last bytes began, as a ring buffer.
    starts: Vec<usize>,
    count: usize,
    /// The start of a possible escape.
    pending: [Unit; LONGEST],
    waiting: usize,
    /// The start of a secret before a possible ellipsis, and how much of the ellipsis has arrived.
    head: Range<usize>,
    dots: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(automaton: &'a Automaton) -> Self {
        let mut layers: [Layer; LAYERS] = std::array::from_fn(|_| Layer {
            same: true,
            at: 0,
            starts: Vec::new(),
            count: 0,
            pending: [Unit::default(); LONGEST],
            waiting: 0,
            head: 0..0,
            dots: 0,
        });
        layers[0].starts = automaton.ring();
        Search { automaton, layers, read: 0, found: Vec::new(), before_ellipsis: None }
    }

    /// Also matches the start of a secret before an ellipsis, if it has at least `head` bytes.
    pub(super) fn before_ellipsis(mut self, head: usize) -> Self {
        self.before_ellipsis = Some(head);
        self
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let start = self.read;
            self.read += 1;
            self.layer(0, Unit { byte, start, end: self.read });
        }
    }

    /// Returns the ranges to remove, in order. A cut text may end in the start of a secret. That is removed, too, if it has at least
    /// `head` bytes.
    pub(super) fn finish(mut self, head: Option<usize>) -> Vec<Range<usize>> {
        if let Some(head) = head {
            self.cut(head.max(1));
        }
        for layer in 0..LAYERS {
            let waiting = std::mem::take(&mut self.layers[layer].waiting);
            let pending = self.layers[layer].pending;
            pending[..waiting].iter().for_each(|&unit| self.above(layer, unit));
        }
        merged(self.found)
    }

    fn cut(&mut self, head: usize) {
        for layer in
            self.layers.iter().enumerate().filter(|(at, layer)| *at == 0 || !layer.same).map(|(_, layer)| layer)
        {
            let depth = self.automaton.nodes[layer.at as usize].depth as usize;
            if depth >= head {
                self.found.push(layer.start(depth)..self.read);
            }
        }
    }

    /// Processes a byte of a layer.
    fn layer(&mut self, layer: usize, unit: Unit) {
        if let Some(head) = self.before_ellipsis {
            self.ellipsis(layer, unit, head);
        }
        let this = &mut self.layers[layer];
        let before = this.at;
        this.at = self.automaton.step(this.at, unit.byte);
        let mask = this.starts.len() - 1;
        this.starts[this.count & mask] = unit.start;
        this.count += 1;
        let length = self.automaton.nodes[this.at as usize].found as usize;
        if length > 0 {
            note(&mut self.found, this.start(length)..unit.end);
        }
        if layer + 1 == LAYERS {
            return;
        }
        let starts = matches!(unit.byte, b'\\' | b'%' | b'&');
        if self.layers[layer].waiting == 0 && !starts {
            if !self.layers[layer + 1].same {
                self.above(layer, unit);
            }
            return;
        }
        if self.layers[layer + 1].same {
            self.part(layer, before);
        }
        let this = &mut self.layers[layer];
        this.pending[this.waiting] = unit;
        this.waiting += 1;
        self.resolve(layer);
    }

    /// Processes a byte of a layer that may belong to an ellipsis.
    fn ellipsis(&mut self, layer: usize, unit: Unit, head: usize) {
        const ELLIPSIS: &[u8] = "…".as_bytes();
        let this = &mut self.layers[layer];
        if unit.byte == ELLIPSIS[0] {
            let depth = self.automaton.nodes[this.at as usize].depth as usize;
            this.head = if depth >= head { this.start(depth)..unit.start } else { 0..0 };
            this.dots = 0;
        }
        match unit.byte == ELLIPSIS[this.dots] {
            true if this.dots + 1 == ELLIPSIS.len() => {
                if !this.head.is_empty() {
                    self.found.push(this.head.clone());
                }
                this.dots = 0;
            }
            true => this.dots += 1,
            false => this.dots = 0,
        }
    }

    /// Separates the layer above, starting from the state that this layer had before its last byte.
    fn part(&mut self, layer: usize, before: u32) {
        let depth = self.automaton.nodes[before as usize].depth as usize;
        let [below, above] = &mut self.layers[layer..layer + 2] else { return };
        if above.starts.is_empty() {
            above.starts = self.automaton.ring();
        }
        let mask = below.starts.len() - 1;
        for at in (0..depth).rev() {
            // The last byte of the layer below is not yet in the layer above.
            above.starts[above.count & mask] = below.starts[(below.count - 2 - at) & mask];
            above.count += 1;
        }
        (above.same, above.at) = (false, before);
    }

    /// Undoes the pending escapes that are complete.
    fn resolve(&mut self, layer: usize) {
        loop {
            let this = &self.layers[layer];
            let pending = this.pending;
            let waiting = &pending[..this.waiting];
            let Some(first) = waiting.first() else { return };
            let mut bytes = [0; LONGEST];
            bytes.iter_mut().zip(waiting).for_each(|(byte, unit)| *byte = unit.byte);
            let taken = match escape(&bytes[..waiting.len()]) {
                Escape::Open => return,
                Escape::None => {
                    self.above(layer, *first);
                    1
                }
                Escape::Of { length, bytes, count } => {
                    let (start, end) = (first.start, waiting[length - 1].end);
                    bytes[..count].iter().for_each(|&byte| self.above(layer, Unit { byte, start, end }));
                    length
                }
            };
            let this = &mut self.layers[layer];
            this.pending.copy_within(taken..this.waiting, 0);
            this.waiting -= taken;
        }
    }

    /// Processes a byte of the layer above.
    fn above(&mut self, layer: usize, unit: Unit) {
        if layer + 1 == LAYERS || self.layers[layer + 1].same {
            return;
        }
        self.layer(layer + 1, unit);
        let highest = self.layers.get(layer + 2).is_none_or(|layer| layer.same);
        let [below, above] = &mut self.layers[layer..layer + 2] else { return };
        // With both at the root and nothing pending, both layers are equal from here on.
        above.same = below.at == 0 && above.at == 0 && below.waiting == 0 && above.waiting == 0 && highest;
    }
}

impl Layer {
    /// Where the last `length` bytes began.
    fn start(&self, length: usize) -> usize {
        self.starts[(self.count - length) & (self.starts.len() - 1)]
    }
}

fn note(found: &mut Vec<Range<usize>>, range: Range<usize>) {
    match found.last_mut() {
        // Overlapping secrets, or longer ones that begin at the same place.
        Some(last) if last.start <= range.start && range.start < last.end => last.end = last.end.max(range.end),
        _ => found.push(range),
    }
}

/// Sorts the ranges and merges those that overlap.
pub(super) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

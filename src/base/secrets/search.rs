//! Finds secret texts in any of the writings of a server, in one pass over what it said.
//!
//! A server writes a key as it stands, or escapes any of its characters: as JSON does (`\/`, `\u0041`), as URLs do (`%41`), as HTML does
//! (`&amp;`), as Python's `repr` does (`\x41`), or several of these on top of each other. All such writings cannot be listed, so the
//! text is read in layers: the lowest has its bytes, each higher one the bytes of the one below with their escapes undone. Each
//! layer has a place in one automaton (Aho and Corasick's) of all secrets. Each byte remembers where in the text it came from.
//!
//! The work is linear in the text, whatever stands in it, and the memory is that of the longest secret. A layer that is as the
//! one below costs nothing.
//!
//! The automaton is our own since it has to say how much of a secret stands at the end of a text that was cut, and to be wiped.

use std::ops::Range;

use zeroize::Zeroize;

use super::escape::{Escape, LONGEST, escape};

/// How many layers there are: the text, and three times its escapes undone.
pub(super) const LAYERS: usize = 4;

/// All secrets as one trie, with a way back from each place to the longest other place that ends alike.
pub(crate) struct Automaton {
    nodes: Vec<Node>,
    /// The first steps, by byte.
    roots: [u32; 256],
    /// The length of the longest secret.
    longest: usize,
}

/// The root is 0, which therefore stands for none, too.
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
        // With room for all, since a vector that grows leaves what it held behind.
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

    /// Finds the ways back, from the shallow places to the deep ones.
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

    /// A ring with a place for each byte of the longest secret, and for one more.
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

/// A byte of a layer, and the part of the text that it came from.
#[derive(Clone, Copy, Default)]
pub(super) struct Unit {
    pub(super) byte: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The search in one text, which may come in pieces.
pub(super) struct Search<'a> {
    automaton: &'a Automaton,
    layers: [Layer; LAYERS],
    read: usize,
    found: Vec<Range<usize>>,
    /// Where a text was cut, an ellipsis may follow on the head of a secret; from this length on it is taken for one.
    before_ellipsis: Option<usize>,
}

struct Layer {
    /// It has been as the layer below since both were at the root, so it is there where that one is.
    same: bool,
    at: u32,
    /// Where the last bytes began, in a ring.
    starts: Vec<usize>,
    count: usize,
    /// The beginning of what may be an escape.
    pending: [Unit; LONGEST],
    waiting: usize,
    /// The head of a secret before what may be an ellipsis, and how much of that is there.
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

    /// Takes the head of a secret before an ellipsis for one, too, if it has as many bytes.
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

    /// The parts that are to be removed, in their order. A text that was cut may end in the head of a secret, so that goes, too, if
    /// it has as many bytes as `head`.
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

    /// A byte of a layer.
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

    /// A byte of a layer that may be one of an ellipsis.
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

    /// The layer above goes its own way from here, which is where this one was before its last byte.
    fn part(&mut self, layer: usize, before: u32) {
        let depth = self.automaton.nodes[before as usize].depth as usize;
        let [below, above] = &mut self.layers[layer..layer + 2] else { return };
        if above.starts.is_empty() {
            above.starts = self.automaton.ring();
        }
        let mask = below.starts.len() - 1;
        for at in (0..depth).rev() {
            // The last byte of the layer below is not yet one of the layer above.
            above.starts[above.count & mask] = below.starts[(below.count - 2 - at) & mask];
            above.count += 1;
        }
        (above.same, above.at) = (false, before);
    }

    /// Undoes the escapes that wait, as far as they are there.
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

    /// A byte of the layer above.
    fn above(&mut self, layer: usize, unit: Unit) {
        if layer + 1 == LAYERS || self.layers[layer + 1].same {
            return;
        }
        self.layer(layer + 1, unit);
        let highest = self.layers.get(layer + 2).is_none_or(|layer| layer.same);
        let [below, above] = &mut self.layers[layer..layer + 2] else { return };
        // With both at the root and nothing waiting, the two are alike from here on.
        above.same = below.at == 0 && above.at == 0 && below.waiting == 0 && above.waiting == 0 && highest;
    }
}

impl Layer {
    /// Where the last so many bytes began.
    fn start(&self, length: usize) -> usize {
        self.starts[(self.count - length) & (self.starts.len() - 1)]
    }
}

fn note(found: &mut Vec<Range<usize>>, range: Range<usize>) {
    match found.last_mut() {
        // Longer and longer secrets that begin at one place, or parts of one.
        Some(last) if last.start <= range.start && range.start < last.end => last.end = last.end.max(range.end),
        _ => found.push(range),
    }
}

/// In their order, with those that overlap as one.
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

//! What followed the last 1 to 16 symbols: the contexts of MultiMMC and LZ78Y over more than two symbols, as a tree whose
//! branches are read backwards from the latest symbol.
//!
//! A context that was seen once holds the place where that was; its longer ones are made only when it is seen again, since
//! until then they say what it says. Of a million random bytes that leaves one context in ten to be stored.

use super::multi_mmc::DEPTHS;

/// How much is remembered. What does not fit is not added; what is there goes on counting.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// Pairs of a context and a successor, for each length of context on its own. A context is looked for only if its shorter
    /// ones are there.
    PairsOfEachDepth(usize),
    /// Contexts, of all lengths together; of several new ones the longest are added first. A context that is there takes
    /// any new successor.
    ContextsTogether(usize),
}

/// What is known of a context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Its most frequent successor; among equals the greatest.
    pub(super) likeliest: u8,
    /// How often that followed.
    pub(super) count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    likeliest: u8,
    count: u32,
    /// The first successor, whose count lies here: most contexts have no other.
    first: u8,
    first_count: u32,
    /// Where that first successor is.
    place: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its longer contexts are not made yet.
    Leaf,
    Branch,
    /// Not remembered itself, but a longer one is.
    Absent,
}

/// The number of no node.
const NONE: u32 = u32::MAX;
/// Symbols, and pairs of them, that index a table directly.
const SYMBOLS: usize = 256;

#[derive(Debug)]
pub(super) struct Trie {
    limit: Limit,
    nodes: Vec<Node>,
    /// Contexts of one symbol, by that; of two symbols, by the latest and the one before.
    ones: Vec<u32>,
    twos: Vec<u32>,
    /// Longer ones, by the next shorter and the symbol before it.
    children: Table,
    /// Counts of successors other than the first: of contexts of one symbol, by that and the successor; of longer ones.
    counts_of_ones: Vec<u32>,
    counts: Table,
    /// Pairs of each depth, or contexts of all depths at index 0.
    used: [usize; DEPTHS + 1],
    /// The place at which a depth was filled.
    full_at: [usize; DEPTHS + 1],
}

impl Trie {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            nodes: Vec::new(),
            ones: vec![NONE; SYMBOLS],
            twos: vec![NONE; SYMBOLS * SYMBOLS],
            children: Table::new(),
            counts_of_ones: vec![0; SYMBOLS * SYMBOLS],
            counts: Table::new(),
            used: [0; DEPTHS + 1],
            full_at: [usize::MAX; DEPTHS + 1],
        }
    }

    /// Tells `tell` the length of each context before `at` that is known, shortest first, with what is known of it; then
    /// learns what followed it.
    pub(super) fn visit(&mut self, symbols: &[u8], at: usize, mut tell: impl FnMut(usize, Found)) {
        let (deepest, successor) = (DEPTHS.min(at), symbols[at]);
        let mut above = NONE;
        let mut depth = 0;
        while depth < deepest {
            let latest = usize::from(symbols[at - 1]);
            let symbol = symbols[at - depth - 1];
            if depth > 0 && self.nodes[above as usize].state == State::Leaf {
                self.branch(above, depth, symbols);
            }
            let child = match depth {
                0 => self.ones[latest],
                1 => self.twos[latest * SYMBOLS + usize::from(symbol)],
                _ => self.children.get(key(above, symbol)).unwrap_or(NONE),
            };
            if child == NONE {
                break;
            }
            above = child;
            depth += 1;
            let node = &self.nodes[child as usize];
            if node.state != State::Absent {
                tell(depth, Found { likeliest: node.likeliest, count: node.count });
                self.count(child, depth, latest, successor, at);
            }
        }
        if depth < deepest {
            self.learn(above, depth, deepest, symbols, at);
        }
    }

    /// Makes the longer context of the one time that a leaf was seen.
    fn branch(&mut self, node: u32, depth: usize, symbols: &[u8]) {
        let Node { first, place, .. } = self.nodes[node as usize];
        self.nodes[node as usize].state = State::Branch;
        let place = place as usize;
        // At the start of the sequence there may be no longer one, or it found no room.
        if place > depth && place <= self.full_at[depth + 1] {
            self.add(node, depth + 1, symbols, first, place, State::Leaf);
        }
    }

    /// Adds the context of `depth` symbols before `place`, one longer than that of node `above`.
    fn add(
        &mut self,
        above: u32,
        depth: usize,
        symbols: &[u8],
        first: u8,
        place: usize,
        state: State,
    ) -> u32 {
        let number = self.nodes.len() as u32;
        let place_of_node = place as u32;
        self.nodes.push(Node {
            likeliest: first,
            count: 1,
            first,
            first_count: 1,
            place: place_of_node,
            state,
        });
        let (latest, symbol) = (usize::from(symbols[place - 1]), symbols[place - depth]);
        match depth {
            1 => self.ones[latest] = number,
            2 => self.twos[latest * SYMBOLS + usize::from(symbol)] = number,
            _ => *self.children.entry(key(above, symbol)) = number,
        }
        number
    }

    fn count(&mut self, node: u32, depth: usize, latest: usize, successor: u8, at: usize) {
        let here = &mut self.nodes[node as usize];
        let count = if here.first == successor {
            here.first_count += 1;
            here.first_count
        } else {
            let full = matches!(self.limit, Limit::PairsOfEachDepth(most) if self.used[depth] >= most);
            let count = match depth {
                1 => Some(&mut self.counts_of_ones[latest * SYMBOLS + usize::from(successor)]),
                _ if full => self.counts.get_mut(key(node, successor)),
                _ => Some(self.counts.entry(key(node, successor))),
            };
            let Some(count) = count.filter(|count| !full || **count > 0) else { return };
            *count += 1;
            let count = *count;
            if count == 1
                && let Limit::PairsOfEachDepth(most) = self.limit
            {
                self.used[depth] += 1;
                if self.used[depth] == most {
                    self.full_at[depth] = at;
                }
            }
            count
        };
        let here = &mut self.nodes[node as usize];
        if count > here.count || count == here.count && successor > here.likeliest {
            (here.likeliest, here.count) = (successor, count);
        }
    }

    /// The contexts longer than `depth` are new.
    fn learn(&mut self, above: u32, depth: usize, deepest: usize, symbols: &[u8], at: usize) {
        match self.limit {
            Limit::PairsOfEachDepth(most) => {
                let room = self.used[depth + 1] < most;
                for depth in depth + 1..=deepest {
                    if self.used[depth] < most {
                        self.used[depth] += 1;
                        if self.used[depth] == most {
                            self.full_at[depth] = at;
                        }
                    }
                }
                if room {
                    self.add(above, depth + 1, symbols, symbols[at], at, State::Leaf);
                }
            }
            Limit::ContextsTogether(most) => {
                let room = most - self.used[0];
                let new = deepest - depth;
                self.used[0] += new.min(room);
                if room == 0 {
                    return;
                }
                let mut above = above;
                for absent in depth + 1..=deepest.saturating_sub(room).max(depth) {
                    above = self.add(above, absent, symbols, symbols[at], at, State::Absent);
                }
                let first = depth.max(deepest.saturating_sub(room)) + 1;
                self.add(above, first, symbols, symbols[at], at, State::Leaf);
            }
        }
    }
}

/// There are no more nodes than either limit times the depths, far below 2^24.
fn key(node: u32, symbol: u8) -> u32 {
    node << 8 | u32::from(symbol)
}

/// A hash table from keys to numbers, by linear probing. Most keys that are asked for are not there: a bit for each hash,
/// small enough for the nearer cache, says so of most of them.
#[derive(Debug)]
struct Table {
    slots: Vec<(u32, u32)>,
    marks: Vec<u64>,
    used: usize,
}

const EMPTY: u32 = u32::MAX;

impl Table {
    fn new() -> Self {
        Self::of(1 << 12)
    }

    fn of(size: usize) -> Self {
        Self { slots: vec![(EMPTY, 0); size], marks: vec![0; size / 8], used: 0 }
    }

    fn hash(key: u32) -> u64 {
        u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn mark(&self, key: u32) -> (usize, u64) {
        let hash = Self::hash(key) >> 24;
        ((hash >> 6) as usize & (self.marks.len() - 1), 1 << (hash & 63))
    }

    /// Where `key` is, or would be.
    fn slot(&self, key: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (Self::hash(key) >> 32) as usize & mask;
        while self.slots[at].0 != key && self.slots[at].0 != EMPTY {
            at = (at + 1) & mask;
        }
        at
    }

    fn find(&self, key: u32) -> Option<usize> {
        let (word, bit) = self.mark(key);
        if self.marks[word] & bit == 0 {
            return None;
        }
        let slot = self.slot(key);
        (self.slots[slot].0 == key).then_some(slot)
    }

    fn get(&self, key: u32) -> Option<u32> {
        self.find(key).map(|slot| self.slots[slot].1)
    }

    fn get_mut(&mut self, key: u32) -> Option<&mut u32> {
        self.find(key).map(|slot| &mut self.slots[slot].1)
    }

    /// The number of `key`, 0 if it is new.
    fn entry(&mut self, key: u32) -> &mut u32 {
        if self.used * 2 >= self.slots.len() {
            let larger = Self::of(self.slots.len() * 4);
            for (key, value) in std::mem::replace(self, larger).slots {
                if key != EMPTY {
                    *self.insert(key) = value;
                }
            }
        }
        self.insert(key)
    }

    fn insert(&mut self, key: u32) -> &mut u32 {
        let slot = self.slot(key);
        if self.slots[slot].0 == EMPTY {
            self.slots[slot] = (key, 0);
            self.used += 1;
            let (word, bit) = self.mark(key);
            self.marks[word] |= bit;
        }
        &mut self.slots[slot].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Successors and their counts, of every context by itself.
    #[derive(Default)]
    struct Plain {
        contexts: HashMap<Vec<u8>, HashMap<u8, u32>>,
        pairs: [usize; DEPTHS + 1],
    }

    impl Plain {
        fn visit(&mut self, limit: Limit, symbols: &[u8], at: usize) -> Vec<(usize, u8, u32)> {
            let mut told = Vec::new();
            let lengths: Vec<usize> = (1..=DEPTHS.min(at)).collect();
            let mut chain = true;
            let mut known = Vec::new();
            for &length in &lengths {
                let found = self.contexts.get(&symbols[at - length..at]);
                chain &= found.is_some();
                let is_known = match limit {
                    Limit::PairsOfEachDepth(_) => chain,
                    Limit::ContextsTogether(_) => found.is_some(),
                };
                if let Some(found) = found.filter(|_| is_known) {
                    let best = found.iter().max_by_key(|&(&symbol, &count)| (count, symbol)).unwrap();
                    told.push((length, *best.0, *best.1));
                }
                known.push(is_known);
            }
            // The longest first, which only matters when room runs out.
            for &length in lengths.iter().rev() {
                let context = symbols[at - length..at].to_vec();
                let is_known = known[length - 1];
                let total = self.contexts.len();
                let room = match limit {
                    Limit::PairsOfEachDepth(most) => self.pairs[length] < most,
                    Limit::ContextsTogether(most) => is_known || total < most,
                };
                let counted = is_known && self.contexts[&context].contains_key(&symbols[at]);
                if counted || room {
                    self.pairs[length] += usize::from(!counted);
                    let successors = self.contexts.entry(context).or_default();
                    *successors.entry(symbols[at]).or_insert(0) += 1;
                }
            }
            told
        }
    }

    /// What the tree says is what a plain dictionary of all contexts says, before and after room runs out.
    #[test]
    fn agrees_with_a_plain_dictionary() {
        let mut state = 5u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for (alphabet, repeats) in [(3, 8), (5, 3), (200, 2), (3, 40)] {
            // Mostly what came `repeats` ago, so that long contexts recur.
            let mut symbols: Vec<u8> = Vec::new();
            for at in 0..3000usize {
                let again = at >= 50 && next(repeats) != 0;
                symbols.push(if again { symbols[at - 47] } else { next(alphabet) as u8 });
            }
            for room in [40, 300, 1 << 20] {
                for (limit, start) in
                    [(Limit::PairsOfEachDepth(room), 1), (Limit::ContextsTogether(room), DEPTHS)]
                {
                    let (mut trie, mut plain) = (Trie::new(limit), Plain::default());
                    for at in start..symbols.len() {
                        let mut told = Vec::new();
                        trie.visit(&symbols, at, |length, found| {
                            told.push((length, found.likeliest, found.count));
                        });
                        assert_eq!(told, plain.visit(limit, &symbols, at), "{alphabet} {limit:?} {at}");
                    }
                }
            }
        }
    }
}

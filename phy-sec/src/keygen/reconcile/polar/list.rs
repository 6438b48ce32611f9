//! Successive-cancellation list decoding towards known bits of the transform.
//!
//! Tal and Vardy, List decoding of polar codes, IEEE Trans. Inf. Theory 61(5), 2015, with lazy copies: paths share what
//! they have in common until one of them writes. Path metrics in log-likelihood ratios: Balatsoukas-Stimming, Bastani Parizi and
//! Burg, IEEE Trans. Signal Process. 63(19), 2015. Subtrees of which all bits are known, none is, or none but the last is not
//! are decided at once: Hashemi, Condo and Gross, Fast and flexible successive-cancellation list decoders, IEEE Trans. Signal
//! Process. 65(21), 2017; for the first two that is exactly what going through the subtree would give.

use zeroize::Zeroizing;

use super::transform::transform;

/// No slot.
const NONE: u16 = u16::MAX;
/// The sign of an `f32`: bits are kept as masks of it, so that they negate by an exclusive or.
const SIGN: u32 = 1 << 31;

/// What is known of a bit of the transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Zero,
    One,
    Open,
}

/// Buffers for one length and list size.
pub(super) struct List {
    levels: usize,
    width: usize,
    /// Log-likelihood ratios: of each level, as many slots as there are paths. The root's is the channel's.
    alpha: Vec<Pool<f32>>,
    /// Bits: of each level, twice as many, for a path may hold a left half's while it works out the right one.
    beta: Vec<Pool<u32>>,
    paths: Vec<Path>,
    /// Paths that are followed, by their place in `paths`.
    active: Vec<usize>,
    idle: Vec<usize>,
}

/// Slots of one size, and how many paths refer to each.
struct Pool<T: zeroize::Zeroize> {
    size: usize,
    values: Zeroizing<Vec<T>>,
    users: Vec<u32>,
    free: Vec<u16>,
}

impl<T: Copy + Default + zeroize::Zeroize> Pool<T> {
    fn new(size: usize, slots: usize) -> Self {
        Self {
            size,
            values: Zeroizing::new(vec![T::default(); size * slots]),
            users: vec![0; slots],
            free: (0..slots as u16).rev().collect(),
        }
    }

    fn clear(&mut self) {
        self.users.fill(0);
        self.free.clear();
        self.free.extend((0..self.users.len() as u16).rev());
    }

    fn slot(&self, slot: u16) -> &[T] {
        &self.values[slot as usize * self.size..][..self.size]
    }

    fn slot_mut(&mut self, slot: u16) -> &mut [T] {
        &mut self.values[slot as usize * self.size..][..self.size]
    }

    fn release(&mut self, slot: u16) {
        if slot != NONE {
            self.users[slot as usize] -= 1;
            if self.users[slot as usize] == 0 {
                self.free.push(slot);
            }
        }
    }

    fn share(&mut self, slot: u16) {
        if slot != NONE {
            self.users[slot as usize] += 1;
        }
    }

    /// A slot to be overwritten, in place of `old`.
    fn fresh(&mut self, old: u16) -> u16 {
        self.release(old);
        // There are as many slots as all paths together can hold.
        let slot = self.free.pop().unwrap_or(0);
        self.users[slot as usize] = 1;
        slot
    }

    /// Two different slots: one to read, one to write.
    fn two(&mut self, read: u16, write: u16) -> (&[T], &mut [T]) {
        let (read, write, size) = (read as usize, write as usize, self.size);
        if read < write {
            let (low, high) = self.values.split_at_mut(write * size);
            (&low[read * size..][..size], &mut high[..size])
        } else {
            let (low, high) = self.values.split_at_mut(read * size);
            (&high[..size], &mut low[write * size..][..size])
        }
    }
}

#[derive(Clone)]
struct Path {
    metric: f32,
    alpha: Vec<u16>,
    /// A left half's bits, waiting.
    left: Vec<u16>,
    /// The bits of the subtree that was decided last.
    done: Vec<u16>,
}

/// A way to go on.
#[derive(Clone, Copy)]
struct Candidate {
    metric: f32,
    path: usize,
    other: bool,
}

impl List {
    /// For frames of `2^levels` bits, following at most `width` paths.
    pub(super) fn new(levels: u32, width: usize) -> Self {
        let levels = levels as usize;
        let size = |level: usize| 1usize << (levels - level);
        let path = Path {
            metric: 0.0,
            alpha: vec![NONE; levels + 1],
            left: vec![NONE; levels + 1],
            done: vec![NONE; levels + 1],
        };
        Self {
            levels,
            width,
            alpha: (0..=levels)
                .map(|level| Pool::new(size(level), if level == 0 { 1 } else { width }))
                .collect(),
            beta: (0..=levels).map(|level| Pool::new(size(level), 2 * width)).collect(),
            paths: vec![path; width],
            active: Vec::with_capacity(width),
            idle: Vec::with_capacity(width),
        }
    }

    /// The bits (0 or 1) that fit `known` and `channel`, if `right` says so of one of the paths, the likeliest first.
    ///
    /// - `channel`: log-likelihood ratio of each bit, positive for 0
    /// - `known`: what is known of each bit of the transform
    pub(super) fn decode(
        &mut self,
        channel: &[f32],
        known: &[Known],
        mut right: impl FnMut(&[u8]) -> bool,
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.alpha.iter_mut().for_each(Pool::clear);
        self.beta.iter_mut().for_each(Pool::clear);
        for path in &mut self.paths {
            path.metric = 0.0;
            path.alpha.fill(NONE);
            path.left.fill(NONE);
            path.done.fill(NONE);
        }
        self.idle.clear();
        self.idle.extend((1..self.width).rev());
        self.active.clear();
        self.active.push(0);
        let root = self.alpha[0].fresh(NONE);
        self.alpha[0].slot_mut(root).copy_from_slice(channel);
        // Only ever read: it is not copied when paths part.
        self.paths.iter_mut().for_each(|path| path.alpha[0] = root);
        let mut open = Vec::with_capacity(known.len() + 1);
        open.push(0u32);
        let mut count = 0;
        open.extend(known.iter().map(|known| {
            count += u32::from(*known == Known::Open);
            count
        }));
        self.descend(0, 0, known, &open);
        let mut order = std::mem::take(&mut self.active);
        order.sort_by(|&a, &b| self.paths[a].metric.total_cmp(&self.paths[b].metric).then(a.cmp(&b)));
        let mut bits = Zeroizing::new(vec![0u8; channel.len()]);
        let found = order.iter().any(|&path| {
            let signs = self.beta[0].slot(self.paths[path].done[0]);
            bits.iter_mut().zip(signs).for_each(|(bit, sign)| *bit = (sign >> 31) as u8);
            right(&bits)
        });
        self.active = order;
        found.then_some(bits)
    }

    fn descend(&mut self, level: usize, start: usize, known: &[Known], open: &[u32]) {
        let size = 1usize << (self.levels - level);
        let unknown = (open[start + size] - open[start]) as usize;
        let of = &known[start..start + size];
        if unknown == 0 {
            return self.all_known(level, of);
        }
        if unknown == size {
            return self.all_open(level, size);
        }
        if unknown == 1 && of[size - 1] == Known::Open {
            return self.last_open(level, of);
        }
        let half = size / 2;
        for index in 0..self.active.len() {
            let path = self.active[index];
            let (above, below) = self.alpha.split_at_mut(level + 1);
            let slots = &mut self.paths[path].alpha;
            slots[level + 1] = below[0].fresh(slots[level + 1]);
            let (low, high) = above[level].slot(slots[level]).split_at(half);
            parity(low, high, below[0].slot_mut(slots[level + 1]));
        }
        self.descend(level + 1, start, known, open);
        for index in 0..self.active.len() {
            let path = &mut self.paths[self.active[index]];
            path.left[level + 1] = std::mem::replace(&mut path.done[level + 1], NONE);
            let (above, below) = self.alpha.split_at_mut(level + 1);
            path.alpha[level + 1] = below[0].fresh(path.alpha[level + 1]);
            let (low, high) = above[level].slot(path.alpha[level]).split_at(half);
            let bits = self.beta[level + 1].slot(path.left[level + 1]);
            sum(low, high, bits, below[0].slot_mut(path.alpha[level + 1]));
        }
        self.descend(level + 1, start + half, known, open);
        for index in 0..self.active.len() {
            let path = &mut self.paths[self.active[index]];
            let (above, below) = self.beta.split_at_mut(level + 1);
            path.done[level] = above[level].fresh(path.done[level]);
            let (left, right) = (path.left[level + 1], path.done[level + 1]);
            let (low, high) = above[level].slot_mut(path.done[level]).split_at_mut(half);
            high.copy_from_slice(below[0].slot(right));
            low.iter_mut().zip(below[0].slot(left).iter().zip(&*high)).for_each(|(bit, (l, r))| *bit = l ^ r);
            below[0].release(left);
            below[0].release(right);
            (path.left[level + 1], path.done[level + 1]) = (NONE, NONE);
        }
    }

    /// Bits that are known: they say how likely each path is.
    fn all_known(&mut self, level: usize, of: &[Known]) {
        let bits = signs(of);
        for index in 0..self.active.len() {
            let path = &mut self.paths[self.active[index]];
            path.done[level] = self.beta[level].fresh(path.done[level]);
            self.beta[level].slot_mut(path.done[level]).copy_from_slice(&bits);
            path.metric += penalty(self.alpha[level].slot(path.alpha[level]), &bits);
        }
    }

    /// Of known bits and a last one that is not: two ways for each path, which differ in every bit.
    fn last_open(&mut self, level: usize, of: &[Known]) {
        let bits = signs(of);
        let mut candidates = Vec::with_capacity(2 * self.active.len());
        for &path in &self.active {
            let alpha = self.alpha[level].slot(self.paths[path].alpha[level]);
            let metric = self.paths[path].metric;
            let against = penalty(alpha, &bits);
            let all: f32 = alpha.iter().map(|a| a.abs()).sum();
            candidates.push(Candidate { metric: metric + against, path, other: false });
            candidates.push(Candidate { metric: metric + all - against, path, other: true });
        }
        for (path, other) in self.choose(candidates) {
            let flip = if other { SIGN } else { 0 };
            let path = &mut self.paths[path];
            path.done[level] = self.beta[level].fresh(path.done[level]);
            let slot = self.beta[level].slot_mut(path.done[level]);
            slot.iter_mut().zip(bits.iter()).for_each(|(slot, bit)| *slot = bit ^ flip);
        }
    }

    /// Bits of which none is known: each path decides for the likeliest, and parts where it is least sure. More flips than
    /// there are other paths cannot be among the best.
    fn all_open(&mut self, level: usize, size: usize) {
        let flips = size.min(self.width.max(2) - 1).min(size);
        let mut doubts: Vec<Vec<u32>> = vec![Vec::new(); self.paths.len()];
        for index in 0..self.active.len() {
            let path = self.active[index];
            let slots = &mut self.paths[path];
            slots.done[level] = self.beta[level].fresh(slots.done[level]);
            let alpha = self.alpha[level].slot(slots.alpha[level]);
            let bits = self.beta[level].slot_mut(slots.done[level]);
            bits.iter_mut().zip(alpha).for_each(|(bit, a)| *bit = a.to_bits() & SIGN);
            if self.width > 1 {
                let by = |a: &u32, b: &u32| {
                    alpha[*a as usize].abs().total_cmp(&alpha[*b as usize].abs()).then(a.cmp(b))
                };
                let mut places: Vec<u32> = (0..size as u32).collect();
                if flips < size {
                    places.select_nth_unstable_by(flips, by);
                    places.truncate(flips);
                }
                places.sort_unstable_by(by);
                doubts[path] = places;
            }
        }
        if self.width == 1 {
            return;
        }
        for flip in 0..flips {
            let mut candidates = Vec::with_capacity(2 * self.active.len());
            for &path in &self.active {
                let metric = self.paths[path].metric;
                let alpha = self.alpha[level].slot(self.paths[path].alpha[level]);
                let doubt = alpha[doubts[path][flip] as usize].abs();
                candidates.push(Candidate { metric, path, other: false });
                candidates.push(Candidate { metric: metric + doubt, path, other: true });
            }
            // Nothing that costs more than all that stands will be chosen, now or later.
            if self.active.len() == self.width {
                let worst = candidates.iter().step_by(2).map(|c| c.metric).fold(0.0, f32::max);
                if candidates.iter().skip(1).step_by(2).all(|c| c.metric >= worst) {
                    break;
                }
            }
            let from: Vec<usize> = self.choose_with(candidates, |from, to, _| {
                doubts[to] = doubts[from].clone();
            });
            for path in from {
                let slots = &mut self.paths[path];
                let old = slots.done[level];
                let place = doubts[path][flip] as usize;
                if self.beta[level].users[old as usize] > 1 {
                    // `old` stays in use by another path: what `fresh` hands out is not it.
                    let new = self.beta[level].fresh(old);
                    let (read, write) = self.beta[level].two(old, new);
                    write.copy_from_slice(read);
                    slots.done[level] = new;
                }
                self.beta[level].slot_mut(slots.done[level])[place] ^= SIGN;
            }
        }
    }

    /// Keeps the best of `candidates`; returns the paths that follow them, with their choices.
    fn choose(&mut self, candidates: Vec<Candidate>) -> Vec<(usize, bool)> {
        let mut chosen = Vec::with_capacity(self.width);
        let others = self.choose_with(candidates, |_, _, _| ());
        for &path in &self.active {
            chosen.push((path, others.contains(&path)));
        }
        chosen
    }

    /// As [`Self::choose`]: returns the paths that take the other choice, and calls `parted(from, to, other)` for those that are
    /// new.
    fn choose_with(
        &mut self,
        mut candidates: Vec<Candidate>,
        mut parted: impl FnMut(usize, usize, bool),
    ) -> Vec<usize> {
        if candidates.len() > self.width {
            let by = |a: &Candidate, b: &Candidate| {
                a.metric.total_cmp(&b.metric).then(a.other.cmp(&b.other)).then(a.path.cmp(&b.path))
            };
            candidates.select_nth_unstable_by(self.width, by);
            candidates.truncate(self.width);
        }
        // One or two ways go on from each path, or none.
        let mut ways = vec![[None; 2]; self.paths.len()];
        candidates.iter().for_each(|c| ways[c.path][usize::from(c.other)] = Some(c.metric));
        let before = std::mem::take(&mut self.active);
        for &path in &before {
            if ways[path] == [None; 2] {
                let Self { paths, alpha, beta, .. } = self;
                for level in 0..=self.levels {
                    // The root's ratios are nobody's.
                    if level > 0 {
                        alpha[level].release(std::mem::replace(&mut paths[path].alpha[level], NONE));
                    }
                    beta[level].release(std::mem::replace(&mut paths[path].left[level], NONE));
                    beta[level].release(std::mem::replace(&mut paths[path].done[level], NONE));
                }
                self.idle.push(path);
            }
        }
        let mut others = Vec::new();
        for &path in &before {
            match ways[path] {
                [None, None] => {}
                [Some(metric), None] => {
                    self.paths[path].metric = metric;
                    self.active.push(path);
                }
                [None, Some(metric)] => {
                    self.paths[path].metric = metric;
                    self.active.push(path);
                    others.push(path);
                }
                [Some(metric), Some(other)] => {
                    self.paths[path].metric = metric;
                    self.active.push(path);
                    // As many paths are idle as ways are new: no more than `width` were chosen.
                    let Some(new) = self.idle.pop() else { continue };
                    self.part(path, new);
                    self.paths[new].metric = other;
                    parted(path, new, true);
                    self.active.push(new);
                    others.push(new);
                }
            }
        }
        others
    }

    /// Makes the idle path `new` one more user of all that `path` uses.
    fn part(&mut self, path: usize, new: usize) {
        let copy = self.paths[path].clone();
        for level in 0..=self.levels {
            if level > 0 {
                self.alpha[level].share(copy.alpha[level]);
            }
            self.beta[level].share(copy.left[level]);
            self.beta[level].share(copy.done[level]);
        }
        self.paths[new] = copy;
    }
}

/// The bits of a subtree, of which open ones count as 0, as signs.
fn signs(of: &[Known]) -> Zeroizing<Vec<u32>> {
    let mut bits: Zeroizing<Vec<u32>> =
        Zeroizing::new(of.iter().map(|known| if *known == Known::One { SIGN } else { 0 }).collect());
    transform(&mut bits);
    bits
}

/// What it costs to decide for `bits`: the sum of the ratios that speak against them.
fn penalty(alpha: &[f32], bits: &[u32]) -> f32 {
    alpha.iter().zip(bits).map(|(a, bit)| -f32::from_bits(a.to_bits() ^ bit).min(0.0)).sum()
}

/// Log-likelihood ratio of the parity of two bits: the smaller one, with the product's sign.
fn parity(low: &[f32], high: &[f32], into: &mut [f32]) {
    for (into, (a, b)) in into.iter_mut().zip(low.iter().zip(high)) {
        let sign = (a.to_bits() ^ b.to_bits()) & SIGN;
        *into = f32::from_bits(a.abs().min(b.abs()).to_bits() | sign);
    }
}

/// Log-likelihood ratio of the second bit, given the parity.
fn sum(low: &[f32], high: &[f32], bits: &[u32], into: &mut [f32]) {
    for ((into, bit), (a, b)) in into.iter_mut().zip(bits).zip(low.iter().zip(high)) {
        *into = b + f32::from_bits(a.to_bits() ^ bit);
    }
}

//! From a hash to the rows that may have it: four bytes of the hash and the row's number, side by side in small buckets, no more.
//!
//! Rows are noted while they are read and put in order once, at the end: nothing is moved about in between, and a look is one place in memory.
//! In a world that is kept, rows come, go and move: what goes leaves a gap, and the order is made anew when there is enough of either.
//! Must never: leave a row out because it is not in order yet, or take a hash for the value. Whoever looks compares the value.

/// From a hash to rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// by the first bits of the tag: so that putting in order is done in the cache, and of a world that is kept only where something changed. None before the first
    /// row, and one while there are few
    parts: Vec<Part>,
}

/// The rows of some tags.
#[derive(Clone, Debug, Default)]
struct Part {
    /// so many first bits of the tags are the same
    same: u32,
    /// in order of buckets, in a bucket by tag and row
    settled: Vec<Entry>,
    /// where each bucket begins, and the end
    starts: Vec<u32>,
    /// a tag's bucket: its first bits behind those that are the same
    shift: u32,
    /// noted since
    fresh: Vec<Entry>,
    /// gaps among what is settled
    gaps: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tag: u32,
    row: u32,
}

/// About as many rows share a bucket: what two lines of the cache hold.
const BUCKET: usize = 8;
/// The row of a gap.
const GAP: u32 = u32::MAX;
/// So many rows of a part may wait to be put in order, and so many gaps may stand open.
const LOOSE: usize = 256;
/// With so many rows they are divided, by so many bits.
const MANY: usize = 1 << 15;
const BITS: u32 = 7;

impl Index {
    /// Notes a row under a hash. It can be found at once, and fast from [`Index::settle`] on.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, row: u32) {
        let tag = tag(hash);
        if self.parts.is_empty() {
            self.parts = vec![Part::default()];
        }
        if let Some(part) = self.part_mut(tag) {
            part.fresh.push(Entry { tag, row });
        }
    }

    /// The rows that may have this hash, in no order.
    pub(crate) fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let tag = tag(hash);
        let part = self.part(tag).into_iter();
        part.flat_map(move |part| part.near(tag)).flatten().filter(move |entry| entry.is_of(tag)).map(|entry| entry.row)
    }

    /// All rows, each with a hash under which it is found.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.parts.iter().flat_map(Part::entries).map(|entry| (u64::from(entry.tag) << 32, entry.row))
    }

    /// Calls for each of them: for looks of which there are as many as people.
    #[inline]
    pub(crate) fn each(&self, hash: u64, mut found: impl FnMut(u32)) {
        let tag = tag(hash);
        let Some(part) = self.part(tag) else { return };
        for entry in part.near(tag).into_iter().flatten() {
            if entry.is_of(tag) {
                found(entry.row);
            }
        }
    }

    /// The same for several hashes: where each may stand is found for all of them first, so that the memory answers many questions in the time of one. Gives the
    /// position of the hash, too.
    pub(crate) fn each_of(&self, hashes: &[u64], mut found: impl FnMut(usize, u32)) {
        let near: Vec<_> = hashes.iter().map(|hash| tag(*hash)).map(|tag| (tag, self.part(tag).map(|part| part.near(tag)))).collect();
        for (at, (tag, near)) in near.iter().enumerate() {
            for entry in near.iter().flatten().copied().flatten().filter(|entry| entry.is_of(*tag)) {
                found(at, entry.row);
            }
        }
    }

    /// A row is not under a hash any more.
    pub(crate) fn remove(&mut self, hash: u64, row: u32) {
        let tag = tag(hash);
        self.part_mut(tag).into_iter().for_each(|part| part.remove(Entry { tag, row }));
    }

    /// A row has another number.
    pub(crate) fn renumber(&mut self, hash: u64, from: u32, to: u32) {
        let moved = Entry { tag: tag(hash), row: from };
        self.part_mut(moved.tag).into_iter().for_each(|part| part.renumber(moved, to));
    }

    /// Puts in order what came, went and moved, where there is enough of it.
    pub(crate) fn tidy(&mut self) {
        if self.divide() {
            self.settle();
        }
        self.parts.iter_mut().filter(|part| part.is_loose()).for_each(Part::order);
    }

    /// Whether everything is in order.
    pub(crate) fn is_settled(&self) -> bool {
        self.parts.iter().all(|part| part.fresh.is_empty())
    }

    /// Puts what was noted in order.
    pub(crate) fn settle(&mut self) {
        self.divide();
        self.parts.iter_mut().filter(|part| !part.fresh.is_empty()).for_each(Part::order);
    }

    /// Pairs of rows for which `same` says that they are the same: the first row, and each later one, in the order of the later ones. Of what is settled.
    pub(crate) fn doubles(&self, same: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
        let mut doubles = Vec::new();
        let settled = self.parts.iter().flat_map(|part| part.settled.chunk_by(|one, next| one.tag == next.tag));
        for alike in settled.filter(|alike| alike.len() > 1) {
            let mut firsts: Vec<u32> = Vec::new();
            for entry in alike.iter().filter(|entry| entry.row != GAP) {
                match firsts.iter().find(|first| same(**first, entry.row)) {
                    Some(first) => doubles.push((*first, entry.row)),
                    None => firsts.push(entry.row),
                }
            }
        }
        doubles.sort_unstable_by_key(|(_, later)| *later);
        doubles
    }

    /// Without these rows (sorted); those behind them move up.
    pub(crate) fn without(&mut self, dropped: &[u32]) {
        for part in &mut self.parts {
            let stay = part.entries().filter_map(|entry| match dropped.binary_search(&entry.row) {
                Ok(_) => None,
                Err(before) => Some(Entry { row: entry.row - before as u32, ..*entry }),
            });
            part.fresh = stay.collect();
            part.settled.clear();
            part.order();
        }
    }

    #[inline]
    fn part(&self, tag: u32) -> Option<&Part> {
        self.parts.get(if self.parts.len() > 1 { (tag >> (u32::BITS - BITS)) as usize } else { 0 })
    }

    #[inline]
    fn part_mut(&mut self, tag: u32) -> Option<&mut Part> {
        let at = if self.parts.len() > 1 { (tag >> (u32::BITS - BITS)) as usize } else { 0 };
        self.parts.get_mut(at)
    }

    /// A part for each of the first bits, once there are many rows. Says whether they were divided now.
    fn divide(&mut self) -> bool {
        let Some(whole) = self.parts.pop_if(|whole| whole.same == 0 && whole.len() >= MANY) else { return false };
        self.parts.resize(1 << BITS, Part { same: BITS, ..Part::default() });
        for entry in whole.entries() {
            self.part_mut(entry.tag).into_iter().for_each(|part| part.fresh.push(*entry));
        }
        true
    }
}

impl Part {
    fn len(&self) -> usize {
        self.settled.len() + self.fresh.len()
    }

    /// Where a tag may stand.
    #[inline]
    fn near(&self, tag: u32) -> [&[Entry]; 2] {
        [self.bucket_ends(tag).and_then(|ends| self.settled.get(ends)).unwrap_or_default(), &self.fresh]
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.settled.iter().chain(&self.fresh).filter(|entry| entry.row != GAP)
    }

    fn remove(&mut self, gone: Entry) {
        if let Some(at) = self.fresh.iter().position(|entry| *entry == gone) {
            self.fresh.swap_remove(at);
        } else if let Some(entry) = self.settled_entry(gone) {
            entry.row = GAP;
            self.gaps += 1;
        }
    }

    fn renumber(&mut self, moved: Entry, to: u32) {
        if let Some(entry) = self.fresh.iter_mut().find(|entry| **entry == moved) {
            entry.row = to;
        } else if let Some(entry) = self.settled_entry(moved) {
            entry.row = to;
        }
    }

    fn settled_entry(&mut self, wanted: Entry) -> Option<&mut Entry> {
        let ends = self.bucket_ends(wanted.tag)?;
        self.settled.get_mut(ends)?.iter_mut().find(|entry| **entry == wanted)
    }

    fn is_loose(&self) -> bool {
        self.fresh.len() > LOOSE || self.gaps > LOOSE.max(self.settled.len() / 2)
    }

    fn order(&mut self) {
        let mut entries = std::mem::take(&mut self.fresh);
        entries.append(&mut self.settled);
        entries.retain(|entry| entry.row != GAP);
        self.gaps = 0;
        let bits = (entries.len() / BUCKET).max(1).next_power_of_two().ilog2().min(u32::BITS - 1);
        self.shift = u32::BITS - bits;
        self.place(&entries, 1 << bits);
    }

    /// Counts how many go where, then puts each there.
    fn place(&mut self, entries: &[Entry], buckets: usize) {
        let (same, shift) = (self.same, self.shift);
        let at = |entry: &Entry| bucket_of(entry.tag << same, shift);
        // One behind: the place of the next entry of each bucket, which in the end is where the bucket after it begins.
        let mut starts = vec![0u32; buckets + 2];
        entries.iter().for_each(|entry| starts[at(entry) + 2] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        self.settled = vec![Entry { tag: 0, row: 0 }; entries.len()];
        for entry in entries {
            let next = &mut starts[at(entry) + 1];
            self.settled[*next as usize] = *entry;
            *next += 1;
        }
        starts.truncate(buckets + 1);
        starts.windows(2).for_each(|ends| self.settled[ends[0] as usize..ends[1] as usize].sort_unstable());
        self.starts = starts;
    }

    #[inline]
    fn bucket_ends(&self, tag: u32) -> Option<std::ops::Range<usize>> {
        let at = bucket_of(tag << self.same, self.shift);
        Some(*self.starts.get(at)? as usize..*self.starts.get(at + 1)? as usize)
    }
}

impl Entry {
    #[inline]
    fn is_of(self, tag: u32) -> bool {
        self.tag == tag && self.row != GAP
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn bucket_of(tag: u32, shift: u32) -> usize {
    tag.checked_shr(shift).unwrap_or_default() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(row: u32) -> u64 {
        u64::from(row % 500).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn found(index: &Index, of: u32) -> Vec<u32> {
        let mut rows: Vec<u32> = index.candidates(hash(of)).collect();
        rows.sort_unstable();
        let mut among = Vec::new();
        index.each_of(&[hash(of + 1), hash(of)], |at, row| among.extend((at == 1).then_some(row)));
        among.sort_unstable();
        assert_eq!(among, rows);
        rows
    }

    #[test]
    fn rows_are_found_before_and_after_they_are_put_in_order() {
        let mut index = Index::default();
        assert!(found(&index, 3).is_empty());
        index.settle();
        (0..1000).for_each(|row| index.insert(hash(row), row));
        assert_eq!(found(&index, 3), [3, 503]);
        index.settle();
        (1000..1100).for_each(|row| index.insert(hash(row), row));
        assert_eq!(found(&index, 3), [3, 503, 1003]);
        index.settle();
        for row in 0..500 {
            let expected: Vec<u32> = (0..1100).filter(|other| other % 500 == row).collect();
            assert_eq!(found(&index, row), expected);
        }
    }

    #[test]
    fn what_is_the_same_is_named_once_and_can_be_left_out() {
        let mut index = Index::default();
        (0..1000).for_each(|row| index.insert(hash(row), row));
        index.settle();
        // Rows of one hash that are not the same: only those of one parity are.
        let doubles = index.doubles(|one, other| one % 2 == other % 2);
        assert_eq!(doubles, (500..1000).map(|row| (row - 500, row)).collect::<Vec<_>>());
        assert!(index.doubles(|_, _| false).is_empty());
        index.without(&[0, 3, 999]);
        assert_eq!((found(&index, 1), found(&index, 3), found(&index, 500)), (vec![0, 499], vec![501], vec![498]));
        assert_eq!(found(&index, 499), [497]);
    }

    #[test]
    fn rows_go_and_move_whether_or_not_they_are_in_order() {
        let mut index = Index::default();
        (0..1000).for_each(|row| index.insert(hash(row), row));
        index.settle();
        (1000..1010).for_each(|row| index.insert(hash(row), row));
        index.remove(hash(3), 3);
        index.remove(hash(1003), 1003);
        index.remove(hash(4), 900);
        index.renumber(hash(5), 5, 3);
        index.renumber(hash(1005), 1005, 1003);
        let sound = |index: &Index| {
            assert_eq!((found(index, 3), found(index, 4), found(index, 5)), (vec![503], vec![4, 504, 1004], vec![3, 505, 1003]));
        };
        sound(&index);
        index.tidy();
        sound(&index);
        (0..1000).filter(|row| ![3, 4, 5, 503, 504, 505].contains(row)).for_each(|row| index.remove(hash(row), row));
        index.tidy();
        sound(&index);
        assert_eq!(index.parts.iter().map(|part| (part.gaps, part.settled.len())).collect::<Vec<_>>(), [(0, 14)]);
    }

    #[test]
    fn of_many_rows_each_is_found_whenever_they_are_divided() {
        let spread = |row: u32| u64::from(row % 30_000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let found = |index: &Index, row: u32| {
            let mut rows: Vec<u32> = index.candidates(spread(row)).collect();
            index.each(spread(row), |row| rows.push(row));
            rows.sort_unstable();
            rows.dedup();
            rows
        };
        for settled in [10_000, 20_000, 40_000] {
            let mut index = Index::default();
            for row in 0..40_000 {
                index.insert(spread(row), row);
                if row == settled {
                    index.settle();
                }
            }
            assert_eq!((found(&index, 3), found(&index, 20_000)), (vec![3, 30_003], vec![20_000]));
            index.remove(spread(3), 3);
            index.renumber(spread(20_000), 20_000, 3);
            index.tidy();
            assert_eq!((found(&index, 3), found(&index, 20_000)), (vec![30_003], vec![3]));
            index.settle();
            assert_eq!(index.parts.len(), 1 << BITS);
            assert!(index.is_settled() && index.entries().count() == 39_999);
            assert_eq!(index.doubles(|_, _| true).len(), 9999);
            index.without(&[7, 39_999]);
            assert_eq!((found(&index, 7), found(&index, 29_999), index.entries().count()), (vec![30_006], vec![29_998], 39_997));
        }
    }
}

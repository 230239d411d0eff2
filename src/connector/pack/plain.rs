//! The short way through the text of a plain record: its wanted values are taken where they stand, and the rest is skipped.
//!
//! Plain is what nearly every record is: nothing escaped in what is wanted, no number there but a whole one of a usual size, no key twice. The keys are expected in the order of the
//! records before. Whatever is not plain, and whatever is no JSON, is left to serde_json, which takes it or says what is wrong.
//! Must never: take a record that serde_json refuses, or take it otherwise.

use super::{Node, Scratch, Slot};

/// Lists and maps that nest deeper are not plain.
const DEEPEST: usize = 16;
/// Nor are maps in a wanted value with more keys: comparing each with each would take long.
const MOST_KEYS: usize = 16;
/// A whole number with so many digits fits.
const MOST_DIGITS: usize = 18;
/// So many keys of one map are expected.
const MOST_EXPECTED: usize = 128;

/// Reads plain records of one stream.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// the keys of each map that wanted paths lead through, in the order in which they came
    expected: Vec<Vec<Expected>>,
}

/// A key as it stood in an earlier record.
#[derive(Debug)]
struct Expected {
    /// with its quotes and the colon
    text: Box<[u8]>,
    /// which of the wanted nodes it is
    node: Option<usize>,
}

impl Plain {
    /// Takes the wanted values of one record; false where it is not plain. Then some may have been taken, and none counts.
    pub(super) fn read(&mut self, record: &str, nodes: &[Node], scratch: &mut Scratch) -> bool {
        let mut cursor = Cursor { bytes: record.as_bytes(), at: 0 };
        cursor.space();
        cursor.take(b'{').and_then(|()| self.fields(&mut cursor, nodes, 0, scratch)).is_some() && cursor.is_at_end()
    }

    /// From behind the brace to behind its end. `map`: which of the maps it is.
    fn fields(&mut self, cursor: &mut Cursor<'_>, nodes: &[Node], map: usize, scratch: &mut Scratch) -> Option<()> {
        let mut step = 0;
        cursor.space();
        if cursor.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let found = self.key(cursor, nodes, map, &mut step)?;
            cursor.space();
            match found.and_then(|at| nodes.get(at)) {
                Some(node) if std::mem::replace(scratch.seen.get_mut(node.id)?, true) => return None,
                Some(node) => self.value(cursor, node, scratch)?,
                None => cursor.skip(DEEPEST)?,
            }
            if cursor.is_last(b'}')? {
                return Some(());
            }
        }
    }

    /// The next key, mostly the one that is expected: which of the wanted nodes it is.
    fn key(&mut self, cursor: &mut Cursor<'_>, nodes: &[Node], map: usize, step: &mut usize) -> Option<Option<usize>> {
        if let Some(next) = self.expected.get(map).and_then(|expected| expected.get(*step))
            && cursor.take_all(&next.text)
        {
            *step += 1;
            return Some(next.node);
        }
        let start = cursor.at;
        let name = cursor.string()?;
        let bare = cursor.bytes.get(start..cursor.at)?;
        cursor.space();
        cursor.take(b':')?;
        if self.expected.len() <= map {
            self.expected.resize_with(map + 1, Vec::new);
        }
        let expected = self.expected.get_mut(map)?;
        // Where records leave fields out, those behind are expected next.
        let is_it = |known: &Expected| known.text.strip_suffix(b":") == Some(bare);
        if let Some(at) = expected.iter().position(is_it) {
            *step = at + 1;
            return expected.get(at).map(|known| known.node);
        }
        let node = nodes.iter().position(|node| node.name.as_bytes() == name);
        if expected.len() < MOST_EXPECTED {
            let at = (*step).min(expected.len());
            expected.insert(at, Expected { text: [bare, b":"].concat().into(), node });
            *step = at + 1;
        }
        Some(node)
    }

    /// The value of a wanted node.
    fn value(&mut self, cursor: &mut Cursor<'_>, node: &Node, scratch: &mut Scratch) -> Option<()> {
        let start = cursor.at;
        let slot = match cursor.peek()? {
            b'"' => {
                cursor.string()?;
                Slot::Text(start + 1, cursor.at - 1)
            }
            b'{' if node.slot.is_none() => {
                cursor.at += 1;
                return self.fields(cursor, &node.children, node.id + 1, scratch);
            }
            // What stands below it is wanted besides.
            b'{' if !node.children.is_empty() => return None,
            b'[' if node.slot.is_none() => return cursor.skip(DEEPEST),
            b'[' | b'{' => {
                if cursor.compound(DEEPEST)? {
                    Slot::Json(start, cursor.at)
                } else {
                    scratch.without_space(cursor.bytes.get(start..cursor.at)?)?
                }
            }
            b't' => cursor.word(b"true").map(|()| Slot::Bool(true))?,
            b'f' => cursor.word(b"false").map(|()| Slot::Bool(false))?,
            b'n' => cursor.word(b"null").map(|()| Slot::Null)?,
            _ => Slot::Int(cursor.whole_number()?),
        };
        if let Some(at) = node.slot {
            *scratch.slots.get_mut(at)? = slot;
        }
        Some(())
    }
}

/// Where the reading stands. Nothing: what stands there is not plain.
struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
}

/// Whether two short texts of one length are the same, without a call: every key of every record is asked.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let is = |one: &[u8; 8], other: &[u8; 8]| u64::from_le_bytes(*one) == u64::from_le_bytes(*other);
    match (one.last_chunk(), other.last_chunk()) {
        (Some(last), Some(other_last)) => {
            let ((eights, _), (other_eights, _)) = (one.as_chunks(), other.as_chunks());
            is(last, other_last) && eights.iter().zip(other_eights).all(|(one, other)| is(one, other))
        }
        _ => one.iter().zip(other).all(|(one, other)| one == other),
    }
}

const ONES: u64 = u64::MAX / 0xff;
const HIGHEST: u64 = ONES << 7;

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn take_all(&mut self, bytes: &[u8]) -> bool {
        let found = self.bytes.get(self.at..self.at + bytes.len()).is_some_and(|there| is_same(there, bytes));
        self.at += if found { bytes.len() } else { 0 };
        found
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.take_all(word).then_some(())
    }

    /// Over blanks; gives whether there were none.
    fn space(&mut self) -> bool {
        let start = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.at == start
    }

    fn is_at_end(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }

    /// Behind a value: whether the list or map ends here, or another one comes.
    fn is_last(&mut self, end: u8) -> Option<bool> {
        self.space();
        if self.take(end).is_some() {
            return Some(true);
        }
        self.take(b',')?;
        self.space();
        Some(false)
    }

    /// A text without anything escaped, from quote to quote; gives what is between.
    fn string(&mut self) -> Option<&'t [u8]> {
        self.take(b'"')?;
        let text = self.run();
        self.take(b'"')?;
        Some(text)
    }

    /// As far as a text goes on without a quote, a backslash or a control sign.
    fn run(&mut self) -> &'t [u8] {
        let start = self.at;
        // Eight at once: the lowest bit that is set is that of the first byte that ends it.
        while let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*eight);
            let is = |byte: u8| {
                let zero = word ^ (ONES * u64::from(byte));
                zero.wrapping_sub(ONES) & !zero
            };
            let hits = (is(b'"') | is(b'\\') | (word.wrapping_sub(ONES * 0x20) & !word)) & HIGHEST;
            if hits != 0 {
                self.at += hits.trailing_zeros() as usize / 8;
                break;
            }
            self.at += 8;
        }
        while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..) = self.peek() {
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Over a text in which signs may be escaped.
    fn skip_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.run();
            if self.take(b'"').is_some() {
                return Some(());
            }
            self.take(b'\\')?;
            self.at += match self.peek()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
                b'u' if self.bytes.get(self.at + 1..)?.first_chunk::<4>()?.iter().all(u8::is_ascii_hexdigit) => 5,
                _ => return None,
            };
        }
    }

    /// A whole number, as it would be written again.
    fn whole_number(&mut self) -> Option<i64> {
        let start = self.at;
        let negative = self.take(b'-').is_some();
        let digits = self.digits()?;
        let zero = digits == b"0";
        let usual = digits.len() <= MOST_DIGITS && (zero || digits.first() != Some(&b'0')) && !(zero && negative);
        if !usual || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        std::str::from_utf8(self.bytes.get(start..self.at)?).ok()?.parse().ok()
    }

    fn digits(&mut self) -> Option<&'t [u8]> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.bytes.get(start..self.at).filter(|digits| !digits.is_empty())
    }

    /// Over a value that nobody wants.
    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            open @ (b'[' | b'{') => self.each(open, depth, |cursor| cursor.skip(depth - 1), |_| Some(())).map(drop),
            _ => {
                self.take(b'-');
                let digits = self.digits()?;
                if digits.len() > 1 && digits.first() == Some(&b'0') {
                    return None;
                }
                if self.take(b'.').is_some() {
                    self.digits()?;
                }
                (!matches!(self.peek(), Some(b'e' | b'E'))).then_some(())
            }
        }
    }

    /// Over a list or a map that is wanted; gives whether it has no blanks between its parts, so that it stands as it is.
    fn compound(&mut self, depth: usize) -> Option<bool> {
        let open = self.peek()?;
        let mut keys: [&[u8]; MOST_KEYS] = [b""; MOST_KEYS];
        let mut count = 0;
        let mut dense = true;
        let close = self.each(
            open,
            depth,
            |cursor| {
                match cursor.peek()? {
                    b'[' | b'{' => dense &= cursor.compound(depth - 1)?,
                    b'"' => drop(cursor.string()?),
                    b't' | b'f' | b'n' => cursor.skip(0)?,
                    _ => drop(cursor.whole_number()?),
                }
                Some(())
            },
            |key| {
                let known = keys.get(..count)?;
                if known.contains(&key) {
                    return None;
                }
                *keys.get_mut(count)? = key;
                count += 1;
                Some(())
            },
        )?;
        Some(dense && close)
    }

    /// Over a list or a map, value by value and key by key; gives whether it has no blanks between its parts.
    fn each(
        &mut self,
        open: u8,
        depth: usize,
        mut value: impl FnMut(&mut Self) -> Option<()>,
        mut key: impl FnMut(&'t [u8]) -> Option<()>,
    ) -> Option<bool> {
        depth.checked_sub(1)?;
        self.at += 1;
        let end = if open == b'{' { b'}' } else { b']' };
        let mut dense = self.space();
        if self.take(end).is_some() {
            return Some(dense);
        }
        loop {
            if open == b'{' {
                key(self.string()?)?;
                dense &= self.space();
                self.take(b':')?;
                dense &= self.space();
            }
            value(self)?;
            dense &= self.space();
            if self.take(end).is_some() {
                return Some(dense);
            }
            self.take(b',')?;
            dense &= self.space();
        }
    }
}

impl Scratch {
    /// A list or a map in which nothing is escaped, without the blanks between its parts.
    fn without_space(&mut self, json: &[u8]) -> Option<Slot> {
        let start = self.text.len();
        let mut inside = false;
        let kept = std::str::from_utf8(json).ok()?.chars().filter(|sign| {
            inside ^= *sign == '"';
            inside || !matches!(sign, ' ' | '\t' | '\n' | '\r')
        });
        self.text.extend(kept);
        Some(Slot::Rewritten(start, self.text.len()))
    }
}

//! Packed bytes of many rows, in chunks: growing never copies what is there.
//!
//! Must never: hand out bytes beyond an entry.

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    chunk: u32,
    start: u32,
}

/// Entries of bytes, added once and read at random.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spool {
    chunks: Vec<Vec<u8>>,
}

const CHUNK: usize = 1 << 20;
const LENGTH: usize = 4;

impl Spool {
    /// Keeps an entry.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Spot {
        let size = bytes.len() + LENGTH;
        if self.chunks.last().is_none_or(|chunk| chunk.len() + size > CHUNK) {
            self.chunks.push(Vec::with_capacity(size.max(CHUNK)));
        }
        let at = self.chunks.len() - 1;
        let chunk = &mut self.chunks[at];
        let spot = Spot { chunk: at as u32, start: chunk.len() as u32 };
        chunk.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        chunk.extend_from_slice(bytes);
        spot
    }

    /// The entry at a spot.
    pub(crate) fn get(&self, spot: Spot) -> &[u8] {
        let rest = self.chunks.get(spot.chunk as usize).and_then(|chunk| chunk.get(spot.start as usize..)).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return &[] };
        rest.get(..u32::from_le_bytes(*length) as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_even_those_larger_than_a_chunk() {
        let mut spool = Spool::default();
        let large = vec![7u8; CHUNK * 2];
        let spots = [spool.add(b"one"), spool.add(&large), spool.add(b""), spool.add(b"two")];
        assert_eq!(spool.get(spots[0]), b"one");
        assert_eq!(spool.get(spots[1]).len(), large.len());
        assert_eq!((spool.get(spots[2]), spool.get(spots[3])), (&b""[..], &b"two"[..]));
    }
}

//! A file's bytes as UTF-8 text, whatever encoding the export was written in.
//!
//! Must never: replace a byte it can't read, or guess an encoding: wrong names are worse than no names.

use std::fs::File;
use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

const CHUNK: usize = 64 * 1024;
/// A decoded chunk needs at most three times the room of its raw one.
const DECODED: usize = 3 * CHUNK + 16;

/// Reads a file as UTF-8. UTF-8 itself goes through unchecked: whoever takes records from it checks them, with their line.
pub(super) struct Input {
    file: File,
    decoding: Option<Decoding>,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
}

struct Decoding {
    decoder: Decoder,
    encoding: &'static Encoding,
    raw: Vec<u8>,
    line: u64,
}

impl Input {
    /// Opens; `label` is what the manifest says. The error is a sentence without the file's name.
    pub(super) fn open(mut file: File, label: Option<&str>) -> Result<Self, String> {
        let mut head = Vec::with_capacity(CHUNK);
        (&mut file).take(CHUNK as u64).read_to_end(&mut head).map_err(|error| format!("can't be read: {error}"))?;
        let (encoding, mark) = encoding_of(&head, label)?;
        if encoding == UTF_8 && label.is_none() && head.contains(&0) {
            return Err(
                "holds zero bytes and is no UTF-8 text; if it is UTF-16, set `encoding: utf-16le` in `spec.connection.file` of the Source"
                    .into(),
            );
        }
        let mut input = Self { file, decoding: None, buffer: head, at: mark, ended: false };
        if encoding != UTF_8 {
            let raw = input.buffer.split_off(mark);
            input.buffer.clear();
            input.at = 0;
            let mut decoding = Decoding { decoder: encoding.new_decoder_without_bom_handling(), encoding, raw, line: 1 };
            let last = decoding.raw.len() + mark < CHUNK;
            input.ended = last;
            decoding.decode(&mut input.buffer, last).map_err(|error| error.to_string())?;
            input.decoding = Some(decoding);
        }
        Ok(input)
    }

    /// What the text begins with: enough to look at its first line.
    pub(super) fn head(&self) -> &[u8] {
        &self.buffer[self.at..]
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.buffer.len() && !self.ended {
            self.at = 0;
            self.buffer.clear();
            let into = self.decoding.as_mut().map_or(&mut self.buffer, |decoding| &mut decoding.raw);
            into.clear();
            (&mut self.file).take(CHUNK as u64).read_to_end(into)?;
            self.ended = into.is_empty();
            if let Some(decoding) = &mut self.decoding {
                decoding.decode(&mut self.buffer, self.ended)?;
            }
        }
        Ok(&self.buffer[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.buffer.len());
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(out.len());
        out[..count].copy_from_slice(&from[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl Decoding {
    fn decode(&mut self, out: &mut Vec<u8>, last: bool) -> io::Result<()> {
        if self.encoding.is_single_byte() && is_rather_utf8(&self.raw) {
            let words = format!("is UTF-8, but `encoding` says {}: drop `encoding`", self.encoding.name());
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        let start = out.len();
        out.resize(start + DECODED, 0);
        let (result, _, written) = self.decoder.decode_to_utf8_without_replacement(&self.raw, &mut out[start..], last);
        out.truncate(start + written);
        let wrong = match result {
            DecoderResult::Malformed(..) => Some(out.len()),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => control_sign(&out[start..]).map(|at| start + at),
        };
        if let Some(at) = wrong {
            let line = self.line + newlines(&out[start..at]);
            let name = self.encoding.name();
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {line} holds bytes that are not {name}; is `encoding` right?"),
            ));
        }
        self.line += newlines(&out[start..]);
        Ok(())
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Single-byte encodings map every byte, undefined ones to the control signs U+0080 to U+009F, which no export holds.
fn control_sign(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(0xC2, text).find(|at| text.get(at + 1).is_some_and(|next| (0x80..0xA0).contains(next)))
}

/// The encoding, and how many bytes its mark takes.
fn encoding_of(head: &[u8], label: Option<&str>) -> Result<(&'static Encoding, usize), String> {
    let named = match label {
        None => None,
        Some(label) => Some(Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
            format!("can't be read: there is no encoding \"{label}\"; known are utf-8, utf-16le, windows-1252, iso-8859-15 and so on")
        })?),
    };
    let Some((marked, mark)) = Encoding::for_bom(head) else { return Ok((named.unwrap_or(UTF_8), 0)) };
    match named {
        Some(named) if named != marked && !(named == UTF_16LE && marked == UTF_16BE) => {
            Err(format!("begins with the mark of {}, but `encoding` says {}: drop `encoding`", marked.name(), named.name()))
        }
        _ => Ok((marked, mark)),
    }
}

/// Letters beyond ASCII that happen to be UTF-8 everywhere are UTF-8; read byte by byte they would be rubbish. The ends of the chunk may cut a letter.
fn is_rather_utf8(chunk: &[u8]) -> bool {
    let start = chunk.iter().take(3).take_while(|byte| (0x80..0xC0).contains(*byte)).count();
    let whole = chunk.get(start..).unwrap_or_default();
    let read = match std::str::from_utf8(whole) {
        Ok(text) => text.as_bytes(),
        Err(error) if error.error_len().is_none() => &whole[..error.valid_up_to()],
        Err(_) => return false,
    };
    !read.is_ascii()
}

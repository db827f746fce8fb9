//! Handmade streams.

use crate::tar::Block;

/// A header block under construction; the checksum is put in at the end.
#[derive(Clone)]
pub(in crate::tar) struct Build(Block);

impl Build {
    pub(in crate::tar) fn v7(path: &str, kind: u8) -> Self {
        let mut block = [0; 512];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[156] = kind;
        Self(block).octal(100, 8, 0o644).octal(108, 8, 0).octal(116, 8, 0).octal(124, 12, 0).octal(136, 12, 0)
    }

    pub(in crate::tar) fn ustar(path: &str, kind: u8) -> Self {
        Self::v7(path, kind).bytes(257, b"ustar\x0000")
    }

    pub(in crate::tar) fn gnu(path: &str, kind: u8) -> Self {
        Self::v7(path, kind).bytes(257, b"ustar  \0")
    }

    pub(in crate::tar) fn bytes(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(in crate::tar) fn octal(self, at: usize, len: usize, value: u64) -> Self {
        self.bytes(at, format!("{value:0width$o}\0", width = len - 1).as_bytes())
    }

    pub(in crate::tar) fn size(self, size: u64) -> Self {
        self.octal(124, 12, size)
    }

    /// A base-256 number.
    pub(in crate::tar) fn binary(self, at: usize, len: usize, value: i64) -> Self {
        let mut field = if value < 0 { [0xff; 16] } else { [0; 16] };
        field[8..].copy_from_slice(&value.to_be_bytes());
        field[16 - len] |= 0x80;
        self.bytes(at, &field[16 - len..])
    }

    pub(in crate::tar) fn link(self, target: &str) -> Self {
        self.bytes(157, target.as_bytes())
    }

    pub(in crate::tar) fn block(self) -> Block {
        let mut block = self.bytes(148, b"        ").0;
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    /// The header, then `data` with padding; its size is put in.
    pub(in crate::tar) fn with(self, data: &[u8]) -> Vec<u8> {
        padded([&self.size(data.len() as u64).block(), data].concat())
    }
}

pub(in crate::tar) fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The text of a PAX header.
pub(in crate::tar) fn pax(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut len = rest + 1;
        while len != rest + len.to_string().len() {
            len = rest + len.to_string().len();
        }
        text.extend_from_slice(format!("{len} ").as_bytes());
        text.extend_from_slice(&[key, &b"="[..], value, b"\n"].concat());
    }
    text
}

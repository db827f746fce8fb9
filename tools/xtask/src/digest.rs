//! SHA-256 in the form that OCI documents use.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{IoContext, Result};

/// Bytes read at a time.
const BUFFER: usize = 1 << 18;

/// A digest and the number of bytes that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Bytes read.
    pub size: u64,
}

fn text(hash: &Sha256) -> String {
    let mut out = String::from("sha256:");
    for byte in hash.clone().finalize() {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

/// Digest of bytes in memory.
pub fn of_bytes(bytes: &[u8]) -> String {
    text(&Sha256::new_with_prefix(bytes))
}

/// Digest of a stream, copied to `sink` on the way.
///
/// # Errors
/// Reading or writing fails.
pub fn of_stream(mut source: impl Read, mut sink: impl Write) -> std::io::Result<Measured> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = source.read(&mut buffer)?;
        let Some(part) = buffer.get(..n).filter(|p| !p.is_empty()) else {
            return Ok(Measured { digest: text(&hash), size });
        };
        hash.update(part);
        sink.write_all(part)?;
        size += part.len() as u64;
    }
}

/// Digest of a file.
///
/// # Errors
/// It cannot be read.
pub fn of_file(path: &Path) -> Result<Measured> {
    of_stream(File::open(path).at("cannot open", path)?, std::io::sink()).at("cannot read", path)
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_answer() {
        assert_eq!(super::of_bytes(b"abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let measured = super::of_stream(&b"abc"[..], std::io::sink()).unwrap();
        assert_eq!((measured.digest, measured.size), (super::of_bytes(b"abc"), 3));
    }
}

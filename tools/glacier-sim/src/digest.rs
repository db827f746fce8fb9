//! ETags and checksums of bodies, computed while they stream by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// A checksum algorithm of the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 5] =
        [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

    /// Its name in the S3 API.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that API name.
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm whose value the header `x-amz-checksum-…` carries.
    pub fn of_header(header: &str) -> Option<Algorithm> {
        Algorithm::parse(header.trim().strip_prefix("x-amz-checksum-")?)
    }

    /// The header that carries its value.
    pub fn header(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "x-amz-checksum-crc32",
            Algorithm::Crc32c => "x-amz-checksum-crc32c",
            Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Algorithm::Sha1 => "x-amz-checksum-sha1",
            Algorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }
}

/// A checksum as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Base64; of a composite with `-` and the number of parts.
    pub value: String,
    /// Whether it is over the bytes of the whole object (`FULL_OBJECT`), not over its parts' checksums (`COMPOSITE`).
    pub full: bool,
}

enum Sum {
    Crc32(Crc32),
    Crc32c(Crc32c),
    Crc64Nvme(Crc64Nvme),
    Sha1(Sha1),
    Sha256(Box<Sha256>),
}

/// Hashes one body: MD5 for its ETag, and one checksum.
pub struct Digester {
    md5: Md5,
    algorithm: Algorithm,
    sum: Sum,
    len: u64,
}

/// What [`Digester`] found.
#[derive(Clone, Debug)]
pub struct Sums {
    /// MD5.
    pub md5: [u8; 16],
    /// The checksum asked for.
    pub checksum: Checksum,
    /// Bytes seen.
    pub len: u64,
}

impl Digester {
    /// Starts on an empty body.
    pub fn new(algorithm: Algorithm) -> Digester {
        let sum = match algorithm {
            Algorithm::Crc32 => Sum::Crc32(Crc32::new()),
            Algorithm::Crc32c => Sum::Crc32c(Crc32c::new()),
            Algorithm::Crc64Nvme => Sum::Crc64Nvme(Crc64Nvme::new()),
            Algorithm::Sha1 => Sum::Sha1(Sha1::new()),
            Algorithm::Sha256 => Sum::Sha256(Box::new(Sha256::new())),
        };
        Digester { md5: Md5::new(), algorithm, sum, len: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.md5.update(bytes);
        match &mut self.sum {
            Sum::Crc32(sum) => sum.update(bytes),
            Sum::Crc32c(sum) => sum.update(bytes),
            Sum::Crc64Nvme(sum) => sum.update(bytes),
            Sum::Sha1(sum) => sum.update(bytes),
            Sum::Sha256(sum) => sum.update(bytes),
        }
    }

    /// Ends the body.
    pub fn finish(self) -> Sums {
        let value = match self.sum {
            Sum::Crc32(sum) => BASE64.encode(sum.finalize()),
            Sum::Crc32c(sum) => BASE64.encode(sum.finalize()),
            Sum::Crc64Nvme(sum) => BASE64.encode(sum.finalize()),
            Sum::Sha1(sum) => BASE64.encode(sum.finalize()),
            Sum::Sha256(sum) => BASE64.encode(sum.finalize()),
        };
        let checksum = Checksum { algorithm: self.algorithm, value, full: true };
        Sums { md5: self.md5.finalize(), checksum, len: self.len }
    }
}

impl Sums {
    /// The ETag of a body that was sent in one piece.
    pub fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// Compares with what the client sent: `Content-MD5` and a checksum of the same algorithm.
    ///
    /// # Errors
    /// [`Refusal::InvalidDigest`] for a `Content-MD5` that is none, [`Refusal::BadDigest`] for any that differs.
    pub fn check(&self, content_md5: Option<&str>, checksum: Option<&str>) -> Result<(), Refusal> {
        if let Some(md5) = content_md5 {
            let md5 = BASE64.decode(md5).map_err(|_| Refusal::InvalidDigest)?;
            if md5.len() != self.md5.len() {
                return Err(Refusal::InvalidDigest);
            }
            if md5 != self.md5 {
                return Err(Refusal::BadDigest);
            }
        }
        match checksum {
            Some(value) if value != self.checksum.value => Err(Refusal::BadDigest),
            _ => Ok(()),
        }
    }
}

/// The ETag of an object made of parts with these ETags: MD5 of their MD5s, and their number.
pub fn multipart_etag<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let (mut md5, mut count) = (Md5::new(), 0u32);
    for part in parts {
        md5.update(&unhex(part));
        count += 1;
    }
    format!("{}-{count}", hex(&md5.finalize()))
}

/// The composite checksum of parts whose checksums these are, if all are of `algorithm`.
pub fn composite<'a>(algorithm: Algorithm, parts: impl Iterator<Item = Option<&'a Checksum>>) -> Option<Checksum> {
    let (mut digester, mut count) = (Digester::new(algorithm), 0u32);
    for part in parts {
        let part = part.filter(|part| part.algorithm == algorithm)?;
        digester.update(&BASE64.decode(&part.value).ok()?);
        count += 1;
    }
    let Checksum { value, .. } = digester.finish().checksum;
    Some(Checksum { algorithm, value: format!("{value}-{count}"), full: false })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(algorithm: Algorithm, pieces: &[&[u8]]) -> Sums {
        let mut digester = Digester::new(algorithm);
        pieces.iter().for_each(|piece| digester.update(piece));
        digester.finish()
    }

    /// Check values of the algorithms for "123456789" (CRC catalogue; NVMe specification) and RFC 1321's for "abc".
    #[test]
    fn known_values() {
        let value = |algorithm| sums(algorithm, &[b"12345", b"6789"]).checksum.value;
        assert_eq!(BASE64.decode(value(Algorithm::Crc32)).unwrap(), 0xCBF4_3926u32.to_be_bytes());
        assert_eq!(BASE64.decode(value(Algorithm::Crc32c)).unwrap(), 0xE306_9283u32.to_be_bytes());
        assert_eq!(BASE64.decode(value(Algorithm::Crc64Nvme)).unwrap(), 0xAE8B_1486_0A79_9888u64.to_be_bytes());
        let abc = sums(Algorithm::Sha256, &[b"abc"]);
        assert_eq!(abc.etag(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(abc.checksum.value, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(sums(Algorithm::Sha1, &[b"abc"]).checksum.value, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    }

    #[test]
    fn what_was_sent_is_compared() {
        let abc = sums(Algorithm::Crc32, &[b"abc"]);
        let md5 = BASE64.encode(abc.md5);
        assert_eq!(abc.check(Some(&md5), Some(&abc.checksum.value)), Ok(()));
        assert_eq!(abc.check(None, Some("AAAAAA==")), Err(Refusal::BadDigest));
        assert_eq!(abc.check(Some("AAAAAAAAAAAAAAAAAAAAAA=="), None), Err(Refusal::BadDigest));
        assert_eq!(abc.check(Some("AAAA"), None), Err(Refusal::InvalidDigest));
        assert_eq!(abc.check(Some("!"), None), Err(Refusal::InvalidDigest));
    }

    #[test]
    fn parts() {
        let part = sums(Algorithm::Crc32, &[b"abc"]);
        let etag = multipart_etag([part.etag().as_str(), part.etag().as_str()].into_iter());
        assert!(etag.ends_with("-2") && etag.len() == 34);
        assert_eq!(unhex(&hex(&part.md5)), part.md5);
        let whole = composite(Algorithm::Crc32, [Some(&part.checksum), Some(&part.checksum)].into_iter()).unwrap();
        assert!(whole.value.ends_with("-2") && !whole.full);
        assert_eq!(composite(Algorithm::Sha1, [Some(&part.checksum)].into_iter()), None);
    }
}

//! Why a stream was refused, and where.

use std::fmt;

use thiserror::Error;

/// A stream that cannot be split, with the place that shows it.
///
/// Up to the error the sink was given every byte up to and including the block at fault; the layer as a whole can only be
/// kept as opaque bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("tar member {name} at byte {offset}: {problem}", name = Name(path.as_deref()))]
pub struct TarError {
    /// Byte offset in the stream of the member's first header, its extended headers included.
    pub offset: u64,
    /// The member's path as stored, when it was known.
    pub path: Option<Vec<u8>>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a member.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// The header's checksum is neither the unsigned nor the signed sum of its bytes.
    #[error("the header's checksum does not match: this is no tar stream, or it is damaged here")]
    BadChecksum,
    /// A block of zeros ends an archive only together with a second one.
    #[error("a single block of zeros is followed by something else")]
    LoneZeroBlock,
    /// The stream ends inside a header, an extended header or a file's data.
    #[error("the stream ends early, inside {inside}")]
    Truncated {
        /// What was being read.
        inside: &'static str,
    },
    /// A number that is not written as one, does not fit 64 bits, or is negative where that means nothing.
    #[error("{field} is not a valid number")]
    BadNumber {
        /// The header field or PAX key.
        field: &'static str,
    },
    /// A number that no Linux filesystem can store.
    #[error("{field} is {value}, outside 0..=4294967295")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A PAX header is a sequence of `length key=value\n` records.
    #[error("malformed PAX record at byte {at} of the extended header")]
    BadPaxRecord {
        /// Byte offset inside the extended header.
        at: usize,
    },
    /// An extended header larger than [`Limits::extended_header`](super::Limits::extended_header).
    #[error("an extended header of {size} bytes is larger than the limit of {limit}")]
    ExtendedHeaderTooLong {
        /// Size in bytes that it announces.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// A path or link target that holds a NUL.
    #[error("{field} contains a NUL byte")]
    Nul {
        /// Which name.
        field: &'static str,
    },
    /// A path or link target longer than [`Limits::path`](super::Limits::path).
    #[error("{field} has {len} bytes, more than the limit of {limit}")]
    NameTooLong {
        /// Which name.
        field: &'static str,
        /// Its length as stored.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// A link that names no target.
    #[error("a link without a target")]
    EmptyLink,
    /// A sparse file's map that contradicts itself or its data.
    #[error("invalid sparse map: {why}")]
    BadSparseMap {
        /// What contradicts.
        why: &'static str,
    },
    /// A sparse map larger than [`Limits::sparse_map`](super::Limits::sparse_map).
    #[error("the sparse map is larger than the limit of {limit} bytes")]
    SparseMapTooLong {
        /// The limit.
        limit: usize,
    },
    /// An extended attribute beyond what Linux can store.
    #[error("extended attribute {name}: {why}", name = Name(Some(name)))]
    BadXattr {
        /// Its name.
        name: Vec<u8>,
        /// What is wrong.
        why: &'static str,
    },
    /// The splitter was fed again after it, or its sink, had failed.
    #[error("the stream was already refused")]
    Stopped,
}

/// Shows a name from an archive: escaped, and shortened, because it may be anything of any length.
struct Name<'a>(Option<&'a [u8]>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 256;
        match self.0 {
            None => f.write_str("(path unknown)"),
            Some(name) => match name.get(..SHOWN) {
                Some(start) if name.len() > SHOWN => write!(f, "\"{}…\"", start.escape_ascii()),
                _ => write!(f, "\"{}\"", name.escape_ascii()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_member_and_stay_short() {
        let error = TarError { offset: 1536, path: Some(b"a\xff/\nb".to_vec()), problem: Problem::EmptyLink };
        assert_eq!(error.to_string(), r#"tar member "a\xff/\nb" at byte 1536: a link without a target"#);
        let error = TarError { offset: 0, path: Some(vec![b'x'; 1 << 20]), problem: Problem::BadChecksum };
        assert!(error.to_string().len() < 512);
        let error = TarError { offset: 0, path: None, problem: Problem::BadNumber { field: "size" } };
        assert_eq!(error.to_string(), "tar member (path unknown) at byte 0: size is not a valid number");
    }
}

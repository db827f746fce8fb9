//! Between the types of `s3s` and ours.

use s3s::dto::{ETag, ETagCondition, StorageClass};
use s3s::{S3Request, TrailingHeaders};

use crate::class::Class;
use crate::digest::{Algorithm, Checksum};
use crate::http::chunked::Trailers;
use crate::object::Meta;
use crate::refusal::Refusal;

/// The class a write asks for.
pub fn class(asked: Option<&StorageClass>) -> Result<Class, Refusal> {
    asked.map_or(Ok(Class::Standard), |name| Class::parse(name.as_str()).ok_or(Refusal::InvalidStorageClass))
}

/// The class header of a read: absent for `STANDARD`.
pub fn class_header(class: Class) -> Option<StorageClass> {
    (class != Class::Standard).then(|| StorageClass::from_static(class.name()))
}

/// An ETag of ours.
pub fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

/// A count of bytes or keys as the S3 types have them.
pub fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The metadata fields that several inputs have under the same names.
macro_rules! meta {
    ($input:expr) => {
        crate::s3::convert::meta_of(
            [
                $input.content_type.take(),
                $input.content_encoding.take(),
                $input.content_disposition.take(),
                $input.content_language.take(),
                $input.cache_control.take(),
            ],
            $input.metadata.take(),
        )
    };
}
pub(crate) use meta;

/// See [`meta!`].
pub fn meta_of(fields: [Option<String>; 5], user: Option<s3s::dto::Metadata>) -> Meta {
    let [content_type, content_encoding, content_disposition, content_language, cache_control] = fields;
    // `aws-chunked` names how the body travelled, not what it is.
    let content_encoding = content_encoding
        .map(|list| {
            let codings = list.split(',').map(str::trim).filter(|c| !c.eq_ignore_ascii_case("aws-chunked"));
            codings.collect::<Vec<_>>().join(",")
        })
        .filter(|list| !list.is_empty());
    let user = user.into_iter().flatten().collect();
    Meta { content_type, content_encoding, content_disposition, content_language, cache_control, user }
}

/// Puts a checksum into the five fields that outputs have for it.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(sum) = $checksum {
            let value = Some(sum.value.clone());
            match sum.algorithm {
                crate::digest::Algorithm::Crc32 => $output.checksum_crc32 = value,
                crate::digest::Algorithm::Crc32c => $output.checksum_crc32c = value,
                crate::digest::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = value,
                crate::digest::Algorithm::Sha1 => $output.checksum_sha1 = value,
                crate::digest::Algorithm::Sha256 => $output.checksum_sha256 = value,
            }
        }
    };
}
pub(crate) use set_checksum;

/// The checksum an input carries in its five fields.
macro_rules! sent_checksum {
    ($input:expr) => {
        crate::s3::convert::first_of([
            $input.checksum_crc32.as_deref(),
            $input.checksum_crc32c.as_deref(),
            $input.checksum_crc64nvme.as_deref(),
            $input.checksum_sha1.as_deref(),
            $input.checksum_sha256.as_deref(),
        ])
    };
}
pub(crate) use sent_checksum;

/// See [`sent_checksum!`].
pub fn first_of(fields: [Option<&str>; 5]) -> Option<(Algorithm, String)> {
    let found = Algorithm::ALL.into_iter().zip(fields).find_map(|(algorithm, value)| Some((algorithm, value?)));
    found.map(|(algorithm, value)| (algorithm, value.to_owned()))
}

/// How a checksum covers its object.
pub fn checksum_type(checksum: &Checksum) -> s3s::dto::ChecksumType {
    s3s::dto::ChecksumType::from_static(if checksum.full { "FULL_OBJECT" } else { "COMPOSITE" })
}

/// The algorithm an input names.
pub fn algorithm(name: Option<&s3s::dto::ChecksumAlgorithm>) -> Result<Option<Algorithm>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    let algorithm = Algorithm::parse(name.as_str());
    algorithm.map(Some).ok_or(Refusal::InvalidRequest("the checksum algorithm is not known to this server"))
}

/// Trailers of a body, whoever decoded it.
pub enum Trailing {
    /// Verified with the signature.
    Signed(Option<TrailingHeaders>),
    /// Decoded here.
    Plain(Trailers),
}

impl Trailing {
    /// Those of a request.
    pub fn of<T>(req: &S3Request<T>) -> Trailing {
        match req.extensions.get::<Trailers>() {
            Some(trailers) => Trailing::Plain(trailers.clone()),
            None => Trailing::Signed(req.trailing_headers.clone()),
        }
    }

    /// The value of one, once the body has ended.
    pub fn get(&self, name: &str) -> Option<String> {
        match self {
            Trailing::Plain(trailers) => trailers.get(name),
            Trailing::Signed(trailers) => {
                let read = |map: &hyper::HeaderMap| Some(map.get(name)?.to_str().ok()?.to_owned());
                trailers.as_ref()?.read(read)?
            }
        }
    }
}

/// A condition that `s3s` does not parse for this operation.
pub fn condition<T>(req: &S3Request<T>, header: &str) -> Result<Option<ETagCondition>, Refusal> {
    let Some(value) = req.headers.get(header) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or(Refusal::InvalidArgument("a condition is neither an ETag nor *"))
}

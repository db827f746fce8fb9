//! Why a request is refused: the S3 error codes this server answers with, and their HTTP status.

use crate::class::Class;

/// A refusal of one request; nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what they are; the codes are the S3 API's own")]
pub enum Refusal {
    #[error("the bucket does not exist")]
    NoSuchBucket,
    #[error("the key does not exist")]
    NoSuchKey,
    #[error("the multipart upload does not exist: it was completed, aborted or never begun")]
    NoSuchUpload,
    #[error("the bucket exists already and is yours")]
    BucketAlreadyOwnedByYou,
    #[error("the bucket still holds objects")]
    BucketNotEmpty,
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
    #[error("another write to the key was under way; try again")]
    ConditionalRequestConflict,
    #[error("the object has not changed")]
    NotModified,
    #[error("the object is archived in {0} and has no restored copy")]
    InvalidObjectState(Class),
    #[error("the object's storage class {0} is read without a restore")]
    RestoreOfInstant(Class),
    #[error("the source of the copy is archived and has no restored copy")]
    ObjectNotInActiveTier,
    #[error("the object is in an active tier and needs no restore")]
    ObjectAlreadyInActiveTier,
    #[error("a restore of the object is running already")]
    RestoreAlreadyInProgress,
    #[error("there is no capacity for expedited retrievals now; use another tier")]
    ExpeditedNotAvailable,
    #[error("too many requests; slow down")]
    SlowDown,
    #[error("internal error; try again")]
    InternalError,
    #[error("{0}")]
    InvalidArgument(&'static str),
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("{0}")]
    MalformedXml(&'static str),
    #[error("the storage class is not one of STANDARD, STANDARD_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE")]
    InvalidStorageClass,
    #[error("the range lies outside the object")]
    InvalidRange,
    #[error("a part named in the request was not uploaded, or its ETag is another")]
    InvalidPart,
    #[error("the parts are not named in ascending order")]
    InvalidPartOrder,
    #[error("a part other than the last is smaller than 5 MiB")]
    EntityTooSmall,
    #[error("the body is larger than 5 GiB")]
    EntityTooLarge,
    #[error("the checksum or MD5 sent is not that of the body")]
    BadDigest,
    #[error("x-amz-content-sha256 is not that of the body")]
    ContentSha256Mismatch,
    #[error("the body's chunk signature is wrong")]
    SignatureDoesNotMatch,
    #[error("the Content-MD5 is not 16 bytes in base64")]
    InvalidDigest,
    #[error("the body ended before the announced length")]
    IncompleteBody,
    #[error("the request has no Content-Length")]
    MissingContentLength,
    #[error("{0} is not implemented by this server")]
    NotImplemented(&'static str),
}

impl Refusal {
    /// The S3 error code.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoSuchBucket => "NoSuchBucket",
            Refusal::NoSuchKey => "NoSuchKey",
            Refusal::NoSuchUpload => "NoSuchUpload",
            Refusal::BucketAlreadyOwnedByYou => "BucketAlreadyOwnedByYou",
            Refusal::BucketNotEmpty => "BucketNotEmpty",
            Refusal::PreconditionFailed => "PreconditionFailed",
            Refusal::ConditionalRequestConflict => "ConditionalRequestConflict",
            Refusal::NotModified => "NotModified",
            Refusal::InvalidObjectState(_) | Refusal::RestoreOfInstant(_) => "InvalidObjectState",
            Refusal::ObjectNotInActiveTier => "ObjectNotInActiveTierError",
            Refusal::ObjectAlreadyInActiveTier => "ObjectAlreadyInActiveTierError",
            Refusal::RestoreAlreadyInProgress => "RestoreAlreadyInProgress",
            Refusal::ExpeditedNotAvailable => "GlacierExpeditedRetrievalNotAvailable",
            Refusal::SlowDown => "SlowDown",
            Refusal::InternalError => "InternalError",
            Refusal::InvalidArgument(_) => "InvalidArgument",
            Refusal::InvalidRequest(_) => "InvalidRequest",
            Refusal::MalformedXml(_) => "MalformedXML",
            Refusal::InvalidStorageClass => "InvalidStorageClass",
            Refusal::InvalidRange => "InvalidRange",
            Refusal::InvalidPart => "InvalidPart",
            Refusal::InvalidPartOrder => "InvalidPartOrder",
            Refusal::EntityTooSmall => "EntityTooSmall",
            Refusal::EntityTooLarge => "EntityTooLarge",
            Refusal::BadDigest => "BadDigest",
            Refusal::ContentSha256Mismatch => "XAmzContentSHA256Mismatch",
            Refusal::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Refusal::InvalidDigest => "InvalidDigest",
            Refusal::IncompleteBody => "IncompleteBody",
            Refusal::MissingContentLength => "MissingContentLength",
            Refusal::NotImplemented(_) => "NotImplemented",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::NoSuchBucket | Refusal::NoSuchKey | Refusal::NoSuchUpload => 404,
            Refusal::BucketAlreadyOwnedByYou
            | Refusal::BucketNotEmpty
            | Refusal::ConditionalRequestConflict
            | Refusal::RestoreAlreadyInProgress => 409,
            Refusal::MissingContentLength => 411,
            Refusal::PreconditionFailed => 412,
            Refusal::NotModified => 304,
            Refusal::InvalidRange => 416,
            Refusal::InvalidObjectState(_)
            | Refusal::RestoreOfInstant(_)
            | Refusal::ObjectNotInActiveTier
            | Refusal::ObjectAlreadyInActiveTier
            | Refusal::SignatureDoesNotMatch => 403,
            Refusal::ExpeditedNotAvailable | Refusal::SlowDown => 503,
            Refusal::InternalError => 500,
            Refusal::NotImplemented(_) => 501,
            _ => 400,
        }
    }

    /// Elements the error body carries besides code and message.
    pub fn members(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Refusal::InvalidObjectState(class) | Refusal::RestoreOfInstant(class) => {
                Some(("StorageClass", class.name()))
            }
            _ => None,
        }
    }
}

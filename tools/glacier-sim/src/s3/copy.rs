//! CopyObject: the way objects change class in place.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::{bucket, object};
use super::conditions::{self, Read};
use super::convert::{self, condition, meta, set_checksum};
use crate::bodies::Damage;
use crate::class::Class;
use crate::core::Tx;
use crate::digest::{Algorithm, Checksum};
use crate::object::Object;
use crate::op::Op;
use crate::refusal::Refusal;
use crate::restore::readable;
use crate::state::Effect;
use crate::stream::Fed;
use crate::time::Time;
use crate::usage::Charge;

/// The largest object that one CopyObject copies: 5 GB.
const MAX_COPY: u64 = 5 << 30;

/// The bucket and key a copy comes from.
pub fn source(from: &CopySource) -> Result<(String, String), Refusal> {
    match from {
        CopySource::Bucket { bucket, key, version_id: None } => Ok((bucket.to_string(), key.to_string())),
        CopySource::Bucket { .. } => Err(Refusal::NotImplemented("copying a version")),
        _ => Err(Refusal::NotImplemented("copying through an access point")),
    }
}

/// Whether the bytes of `from` may be copied at `now`.
pub fn copyable(from: &Object, now: Time, when: &Read<'_>) -> Result<(), Refusal> {
    match when.check(from) {
        // For the source of a copy every condition that does not hold is a failed precondition.
        Err(_) => return Err(Refusal::PreconditionFailed),
        Ok(()) => readable(from.class, from.restore.as_ref(), now).map_err(|_| Refusal::ObjectNotInActiveTier)?,
    }
    Ok(())
}

/// Copying bytes out of a class that bills reads is a read.
pub fn charge_source(tx: &mut Tx<'_>, class: Class, bytes: u64) {
    if matches!(class, Class::StandardIa | Class::GlacierIr) {
        tx.charges.push(Charge::Retrieved { class, bytes });
    }
}

/// What must be computed anew for the copy: an object made of parts gets the ETag of a whole one.
struct Anew {
    etag: String,
    algorithm: Algorithm,
    bytes: Option<Fed>,
}

impl Server {
    pub(super) async fn copy_object(&self, mut req: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
        let (name, key) = (req.input.bucket.clone(), req.input.key.clone());
        let conditional = req.headers.contains_key("if-match") || req.headers.contains_key("if-none-match");
        let ticket = self.admit(&req, Op::CopyObject, &name, &key, conditional, None).await?;
        let conditions = condition(&req, "if-match").and_then(|a| Ok((a, condition(&req, "if-none-match")?)));
        let (from_bucket, from_key) = source(&req.input.copy_source).map_err(|r| self.refuse(&ticket, r))?;
        let asked = convert::algorithm(req.input.checksum_algorithm.as_ref()).map_err(|r| self.refuse(&ticket, r))?;
        let anew = self.anew(&from_bucket, &from_key, asked).map_err(|r| self.refuse(&ticket, r))?;
        let sums = match anew.bytes {
            Some(bytes) => Some(self.hash(bytes, anew.algorithm).await.map_err(|r| self.refuse(&ticket, r))?),
            None => None,
        };
        let replace = req.input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        let input = &mut req.input;
        self.answer(&ticket, None, |tx| {
            bucket(tx.state, &name)?;
            let from = object(tx.state, &from_bucket, &from_key)?;
            let class = convert::class(input.storage_class.as_ref())?;
            tx.class = Some(class);
            let when = Read {
                if_match: input.copy_source_if_match.as_ref(),
                if_none_match: input.copy_source_if_none_match.as_ref(),
                if_modified_since: input.copy_source_if_modified_since.as_ref(),
                if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
            };
            copyable(from, tx.now, &when)?;
            let (if_match, if_none_match) = conditions?;
            let existing = bucket(tx.state, &name)?.objects.get(&key);
            conditions::write(existing, if_match.as_ref(), if_none_match.as_ref())?;
            if from.size > MAX_COPY {
                return Err(Refusal::InvalidRequest("objects over 5 GiB are copied in parts, with UploadPartCopy"));
            }
            if (&from_bucket, &from_key) == (&name, &key) && !replace && class == from.class {
                return Err(Refusal::InvalidRequest(
                    "this copy changes neither the object's metadata nor its storage class",
                ));
            }
            if from.etag != anew.etag {
                // It was replaced while its bytes were hashed.
                return Err(Refusal::ConditionalRequestConflict);
            }
            let copy = Object {
                etag: sums.as_ref().map_or_else(|| from.etag.clone(), |sums| sums.etag()),
                class,
                since: tx.now,
                modified: tx.now,
                meta: if replace { meta!(input) } else { from.meta.clone() },
                checksum: sums.map(|sums| sums.checksum).or_else(|| from.checksum.clone()),
                restore: None,
                ..from.clone()
            };
            charge_source(tx, from.class, from.size);
            let result = outcome(&copy);
            tx.effects.push(Effect::ObjectPut { bucket: name, key, object: Box::new(copy) });
            Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
        })
    }

    /// What the copy of an object needs computed; refusals are left to the answer, which checks again.
    fn anew(&self, bucket: &str, key: &str, asked: Option<Algorithm>) -> Result<Anew, Refusal> {
        self.core.look(|state, now| {
            let from = object(state, bucket, key)?;
            let has = from.checksum.as_ref().map(|sum: &Checksum| sum.algorithm);
            let algorithm = asked.or(has).unwrap_or(Algorithm::Crc64Nvme);
            let fresh = from.etag.contains('-') || has != Some(algorithm);
            let wanted = fresh && from.size <= MAX_COPY && copyable(from, now, &Read::default()).is_ok();
            let bytes = wanted.then(|| self.core.bodies.read(from.extents.clone(), Damage::default()));
            Ok(Anew { etag: from.etag.clone(), algorithm, bytes })
        })
    }
}

fn outcome(copy: &Object) -> CopyObjectResult {
    let mut result = CopyObjectResult {
        e_tag: Some(convert::etag(&copy.etag)),
        last_modified: Some(copy.modified.timestamp()),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, &copy.checksum);
    result.checksum_type = copy.checksum.as_ref().map(convert::checksum_type);
    result
}

//! Multipart uploads: begun, completed, aborted, listed.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::{Ticket, bucket, upload};
use super::body::total;
use super::conditions;
use super::convert::{self, meta, sent_checksum, set_checksum};
use crate::bodies::Damage;
use crate::class::Class;
use crate::digest::{Algorithm, Checksum, composite, multipart_etag};
use crate::faults::{hash, mix};
use crate::object::{Object, Part, Upload};
use crate::op::Op;
use crate::refusal::Refusal;
use crate::state::{Effect, State};

/// The smallest part that may stand before another.
const MIN_PART: u64 = 5 << 20;
/// The most parts of an upload.
pub const MAX_PARTS: u16 = 10_000;

/// Requests of uploads into archive classes are billed at the `STANDARD` rate up to the last one.
pub fn rate(class: Class) -> Class {
    class.staging()
}

impl Server {
    pub(super) async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let (name, key) = (req.input.bucket.clone(), req.input.key.clone());
        let ticket = self.admit(&req, Op::CreateMultipartUpload, &name, &key, false, None).await?;
        let input = &mut req.input;
        self.answer(&ticket, None, |tx| {
            bucket(tx.state, &name)?;
            let class = convert::class(input.storage_class.as_ref())?;
            tx.class = Some(rate(class));
            let checksum = checksum_plan(input)?;
            // Unique, as the number of the request is; mixed, so that nobody relies on its form.
            let id = format!("{:016x}{:016x}", mix(hash(&key) ^ ticket.asked.seq), ticket.asked.seq);
            let (begun, parts) = (tx.now, std::collections::BTreeMap::new());
            let (bucket, key) = (name.clone(), key.clone());
            let upload = Upload { bucket, key, class, meta: meta!(input), checksum, begun, parts };
            tx.effects.push(Effect::UploadBegun { id: id.clone(), upload: Box::new(upload) });
            Ok(CreateMultipartUploadOutput {
                bucket: Some(name),
                key: Some(ticket.asked.key.clone()),
                upload_id: Some(id),
                checksum_algorithm: checksum.map(|(a, _)| ChecksumAlgorithm::from_static(a.name())),
                checksum_type: checksum
                    .map(|(_, full)| ChecksumType::from_static(if full { "FULL_OBJECT" } else { "COMPOSITE" })),
                ..Default::default()
            })
        })
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let input = &req.input;
        let (name, key, id) = (&input.bucket, &input.key, &input.upload_id);
        let conditional = input.if_match.is_some() || input.if_none_match.is_some();
        let ticket = self.admit(&req, Op::CompleteMultipartUpload, name, key, conditional, None).await?;
        let whole = self.whole_checksum(&ticket, input).await.map_err(|r| self.refuse(&ticket, r))?;
        self.answer(&ticket, None, |tx| {
            let upload = upload(tx.state, id, name, key)?;
            tx.class = Some(upload.class);
            let parts = chosen(upload, input.multipart_upload.as_ref())?;
            let existing = bucket(tx.state, name)?.objects.get(key);
            conditions::write(existing, input.if_match.as_ref(), input.if_none_match.as_ref())?;
            let extents: Vec<_> = parts.iter().flat_map(|part| part.extents.iter().copied()).collect();
            let size = total(&extents);
            if input.mpu_object_size.is_some_and(|wanted| wanted != convert::signed(size)) {
                return Err(Refusal::InvalidRequest("the parts do not add up to x-amz-mp-object-size"));
            }
            let checksum = match (upload.checksum, whole) {
                (Some((algorithm, false)), _) => composite(algorithm, parts.iter().map(|part| part.checksum.as_ref())),
                (_, Some((len, sum))) if len == size => Some(sum),
                // A part was replaced while its bytes were hashed.
                _ => return Err(Refusal::ConditionalRequestConflict),
            };
            if let (Some((algorithm, sent)), Some(ours)) = (sent_checksum!(input), &checksum)
                && (algorithm != ours.algorithm || sent != ours.value)
            {
                return Err(Refusal::BadDigest);
            }
            let object = Object {
                etag: multipart_etag(parts.iter().map(|part| part.etag.as_str())),
                size,
                class: upload.class,
                since: tx.now,
                modified: tx.now,
                extents,
                meta: upload.meta.clone(),
                checksum,
                restore: None,
            };
            let mut output = CompleteMultipartUploadOutput {
                bucket: Some(name.clone()),
                key: Some(key.clone()),
                e_tag: Some(convert::etag(&object.etag)),
                location: Some(format!("/{name}/{key}")),
                ..Default::default()
            };
            set_checksum!(output, &object.checksum);
            output.checksum_type = object.checksum.as_ref().map(convert::checksum_type);
            // First the object takes hold of the bytes, then the upload lets go.
            let (bucket, key) = (name.clone(), key.clone());
            tx.effects.push(Effect::ObjectPut { bucket, key, object: Box::new(object) });
            tx.effects.push(Effect::UploadClosed { id: id.clone() });
            Ok(output)
        })
    }

    /// The checksum over all bytes, where the upload wants one; and how many they are.
    async fn whole_checksum(
        &self,
        ticket: &Ticket,
        input: &CompleteMultipartUploadInput,
    ) -> Result<Option<(u64, Checksum)>, Refusal> {
        let hashed = self.core.look(|state: &State, _| {
            let upload = upload(state, &input.upload_id, &ticket.asked.bucket, &ticket.asked.key).ok()?;
            let algorithm = match upload.checksum {
                Some((_, false)) => return None,
                Some((algorithm, true)) => algorithm,
                None => Algorithm::Crc64Nvme,
            };
            let parts = chosen(upload, input.multipart_upload.as_ref()).ok()?;
            let extents: Vec<_> = parts.iter().flat_map(|part| part.extents.iter().copied()).collect();
            Some((algorithm, self.core.bodies.read(extents, Damage::default())))
        });
        let Some((algorithm, bytes)) = hashed else { return Ok(None) };
        let sums = self.hash(bytes, algorithm).await?;
        Ok(Some((sums.len, sums.checksum)))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let (name, key, id) = (&req.input.bucket, &req.input.key, &req.input.upload_id);
        let ticket = self.admit(&req, Op::AbortMultipartUpload, name, key, false, None).await?;
        self.answer(&ticket, None, |tx| {
            upload(tx.state, id, name, key)?;
            tx.status = 204;
            tx.effects.push(Effect::UploadClosed { id: id.clone() });
            Ok(AbortMultipartUploadOutput::default())
        })
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let input = &req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let ticket = self.admit(&req, Op::ListMultipartUploads, &input.bucket, &prefix, false, None).await?;
        self.answer(&ticket, None, |tx| {
            bucket(tx.state, &input.bucket)?;
            let max = usize::try_from(input.max_uploads.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
            let after = (
                input.key_marker.as_deref().unwrap_or_default(),
                input.upload_id_marker.as_deref().unwrap_or_default(),
            );
            let mut all: Vec<_> = tx
                .state
                .uploads()
                .iter()
                .filter(|(_, upload)| upload.bucket == input.bucket && upload.key.starts_with(&prefix))
                // Without an upload id the marker means: after all uploads of that key.
                .filter(|(id, upload)| match after {
                    (key, "") => key.is_empty() || upload.key.as_str() > key,
                    (key, after_id) => (upload.key.as_str(), id.as_str()) > (key, after_id),
                })
                .collect();
            all.sort_by(|(a, x), (b, y)| (&x.key, a).cmp(&(&y.key, b)));
            let truncated = all.len() > max;
            all.truncate(max);
            let last = all.last().filter(|_| truncated).map(|(id, upload)| (upload.key.clone(), (*id).clone()));
            let uploads = all.into_iter().map(|(id, upload)| MultipartUpload {
                key: Some(upload.key.clone()),
                upload_id: Some(id.clone()),
                initiated: Some(upload.begun.timestamp()),
                storage_class: Some(StorageClass::from_static(upload.class.name())),
                ..MultipartUpload::default()
            });
            Ok(ListMultipartUploadsOutput {
                bucket: Some(input.bucket.clone()),
                uploads: Some(uploads.collect()),
                is_truncated: Some(truncated),
                next_key_marker: last.as_ref().map(|(key, _)| key.clone()),
                next_upload_id_marker: last.map(|(_, id)| id),
                ..Default::default()
            })
        })
    }
}

/// The checksum an upload asks for: its algorithm, and whether it is over the whole object.
fn checksum_plan(input: &CreateMultipartUploadInput) -> Result<Option<(Algorithm, bool)>, Refusal> {
    let Some(algorithm) = convert::algorithm(input.checksum_algorithm.as_ref())? else { return Ok(None) };
    let full = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
        None => algorithm == Algorithm::Crc64Nvme,
        Some(ChecksumType::FULL_OBJECT) => true,
        Some(_) => false,
    };
    match (algorithm, full) {
        (Algorithm::Sha1 | Algorithm::Sha256, true) => {
            Err(Refusal::InvalidRequest("SHA checksums of multipart uploads are COMPOSITE"))
        }
        (Algorithm::Crc64Nvme, false) => {
            Err(Refusal::InvalidRequest("CRC64NVME checksums of multipart uploads are FULL_OBJECT"))
        }
        plan => Ok(Some(plan)),
    }
}

/// The parts that a completion names, if they are all there and fit together.
fn chosen<'a>(upload: &'a Upload, named: Option<&CompletedMultipartUpload>) -> Result<Vec<&'a Part>, Refusal> {
    let named = named.and_then(|list| list.parts.as_ref()).filter(|list| !list.is_empty());
    let named = named.ok_or(Refusal::MalformedXml("a multipart upload has at least one part"))?;
    if named.len() > usize::from(MAX_PARTS) {
        return Err(Refusal::MalformedXml("a multipart upload has at most 10000 parts"));
    }
    let mut parts: Vec<&Part> = Vec::with_capacity(named.len());
    let mut last = 0;
    for name in named {
        let number = name.part_number.ok_or(Refusal::MalformedXml("a part has no number"))?;
        if number <= last {
            return Err(Refusal::InvalidPartOrder);
        }
        last = number;
        let part = u16::try_from(number).ok().and_then(|n| upload.parts.get(&n)).ok_or(Refusal::InvalidPart)?;
        let etag = name.e_tag.as_ref().ok_or(Refusal::MalformedXml("a part has no ETag"))?;
        let sent = sent_checksum!(name);
        let differs = sent.is_some_and(|(algorithm, value)| {
            part.checksum.as_ref().is_some_and(|ours| ours.algorithm == algorithm && ours.value != value)
        });
        if etag.value() != part.etag || differs {
            return Err(Refusal::InvalidPart);
        }
        parts.push(part);
    }
    let (_, inner) = parts.split_last().ok_or(Refusal::InvalidPart)?;
    if inner.iter().any(|part| part.size < MIN_PART) { Err(Refusal::EntityTooSmall) } else { Ok(parts) }
}

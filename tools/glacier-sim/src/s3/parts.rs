//! The parts of multipart uploads: sent, copied, listed.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::{object, upload};
use super::body::Announced;
use super::conditions::Read;
use super::convert::{self, sent_checksum, set_checksum};
use super::copy::{charge_source, copyable, source};
use super::multipart::{MAX_PARTS, rate};
use crate::bodies::Damage;
use crate::digest::Algorithm;
use crate::object::{Extent, Part, slice};
use crate::op::Op;
use crate::refusal::Refusal;
use crate::state::Effect;
use crate::stream::Fed;

fn number(n: PartNumber) -> Result<u16, Refusal> {
    let n = u16::try_from(n).ok().filter(|n| (1..=MAX_PARTS).contains(n));
    n.ok_or(Refusal::InvalidArgument("part numbers go from 1 to 10000"))
}

impl Server {
    /// The checksum algorithm parts of an upload have.
    fn part_algorithm(&self, id: &str, bucket: &str, key: &str) -> Option<Algorithm> {
        let plan = self.core.look(|state, _| upload(state, id, bucket, key).ok().and_then(|upload| upload.checksum));
        plan.map(|(algorithm, _)| algorithm)
    }

    pub(super) async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
        let (name, key) = (req.input.bucket.clone(), req.input.key.clone());
        let id = req.input.upload_id.clone();
        let mut body = req.input.body.take();
        let mut ticket = self.admit(&req, Op::UploadPart, &name, &key, false, body.as_mut()).await?;
        let planned = self.part_algorithm(&id, &name, &key);
        let mut announced = Announced::of(&req, req.input.content_length, req.input.content_md5.clone());
        announced.checksum = sent_checksum!(req.input);
        announced.fallback = planned.unwrap_or(announced.fallback);
        let other = announced.algorithm().is_some_and(|sent| planned.is_some_and(|planned| planned != sent));
        let (staged, sums) = self.receive(&mut ticket, body, announced).await?;
        let extents = staged.extents();
        self.answer(&ticket, Some(staged), |tx| {
            let upload = upload(tx.state, &id, &name, &key)?;
            tx.class = Some(rate(upload.class));
            let number = number(req.input.part_number)?;
            if other {
                return Err(Refusal::InvalidRequest("the part's checksum algorithm is not that of its upload"));
            }
            let (etag, size) = (sums.etag(), sums.len);
            let part = Part { etag, size, stored: tx.now, extents, checksum: Some(sums.checksum) };
            let mut output = UploadPartOutput { e_tag: Some(convert::etag(&part.etag)), ..Default::default() };
            set_checksum!(output, &part.checksum);
            tx.effects.push(Effect::PartPut { id, number, part: Box::new(part) });
            Ok(output)
        })
    }

    pub(super) async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> S3Result<UploadPartCopyOutput> {
        let input = &req.input;
        let (name, key, id) = (&input.bucket, &input.key, &input.upload_id);
        let ticket = self.admit(&req, Op::UploadPartCopy, name, key, false, None).await?;
        let (from_bucket, from_key) = source(&input.copy_source).map_err(|r| self.refuse(&ticket, r))?;
        let algorithm = self.part_algorithm(id, name, key).unwrap_or(Algorithm::Crc64Nvme);
        let picked = self.pick(&from_bucket, &from_key, input).map_err(|r| self.refuse(&ticket, r))?;
        let (etag, extents, bytes) = picked;
        let sums = self.hash(bytes, algorithm).await.map_err(|r| self.refuse(&ticket, r))?;
        self.answer(&ticket, None, |tx| {
            let upload = upload(tx.state, id, name, key)?;
            tx.class = Some(rate(upload.class));
            let number = number(input.part_number)?;
            let from = object(tx.state, &from_bucket, &from_key)?;
            copyable(from, tx.now, &when(input))?;
            if from.etag != etag {
                return Err(Refusal::ConditionalRequestConflict);
            }
            charge_source(tx, from.class, sums.len);
            let (etag, size) = (sums.etag(), sums.len);
            let part = Part { etag, size, stored: tx.now, extents, checksum: Some(sums.checksum) };
            let mut result = CopyPartResult {
                e_tag: Some(convert::etag(&part.etag)),
                last_modified: Some(tx.now.timestamp()),
                ..Default::default()
            };
            set_checksum!(result, &part.checksum);
            tx.effects.push(Effect::PartPut { id: id.clone(), number, part: Box::new(part) });
            Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
        })
    }

    /// The run of the source that is copied, and its bytes.
    fn pick(
        &self,
        bucket: &str,
        key: &str,
        input: &UploadPartCopyInput,
    ) -> Result<(String, Vec<Extent>, Fed), Refusal> {
        self.core.look(|state, now| {
            let from = object(state, bucket, key)?;
            copyable(from, now, &when(input))?;
            let (start, end) = match &input.copy_source_range {
                None => (0, from.size),
                Some(text) => match Range::parse(text) {
                    Ok(Range::Int { first, last: Some(last) }) if last < from.size => (first, last + 1),
                    _ => return Err(Refusal::InvalidArgument("the copy range lies outside the source")),
                },
            };
            let extents = slice(&from.extents, start, end);
            Ok((from.etag.clone(), extents.clone(), self.core.bodies.read(extents, Damage::default())))
        })
    }

    pub(super) async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
        let input = &req.input;
        let (name, key, id) = (&input.bucket, &input.key, &input.upload_id);
        let ticket = self.admit(&req, Op::ListParts, name, key, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let upload = upload(tx.state, id, name, key)?;
            let max = usize::try_from(input.max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
            let after = input.part_number_marker.unwrap_or(0);
            let mut parts: Vec<_> = upload
                .parts
                .iter()
                .filter(|(number, _)| i32::from(**number) > after)
                .map(|(number, part)| {
                    let mut out = s3s::dto::Part {
                        part_number: Some(i32::from(*number)),
                        e_tag: Some(convert::etag(&part.etag)),
                        size: Some(convert::signed(part.size)),
                        last_modified: Some(part.stored.timestamp()),
                        ..Default::default()
                    };
                    set_checksum!(out, &part.checksum);
                    out
                })
                .collect();
            let truncated = parts.len() > max;
            parts.truncate(max);
            Ok(ListPartsOutput {
                bucket: Some(name.clone()),
                key: Some(key.clone()),
                upload_id: Some(id.clone()),
                storage_class: Some(StorageClass::from_static(upload.class.name())),
                is_truncated: Some(truncated),
                next_part_number_marker: parts.last().filter(|_| truncated).and_then(|part| part.part_number),
                parts: Some(parts),
                ..Default::default()
            })
        })
    }
}

fn when(input: &UploadPartCopyInput) -> Read<'_> {
    Read {
        if_match: input.copy_source_if_match.as_ref(),
        if_none_match: input.copy_source_if_none_match.as_ref(),
        if_modified_since: input.copy_source_if_modified_since.as_ref(),
        if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    }
}

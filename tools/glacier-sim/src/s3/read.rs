//! GetObject and HeadObject.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::object;
use super::conditions::Read;
use super::convert::{self, set_checksum};
use crate::bodies::Damage;
use crate::class::Class;
use crate::faults::{Fate, FaultKind};
use crate::object::slice;
use crate::op::Op;
use crate::refusal::Refusal;
use crate::restore::{header, readable};
use crate::usage::Charge;

/// The bytes of a `size`-byte object that `range` asks for.
fn bounds(range: Option<&Range>, size: u64) -> Result<(u64, u64), Refusal> {
    match range {
        None => Ok((0, size)),
        // A suffix of an empty object would have no last byte to name.
        Some(_) if size == 0 => Err(Refusal::InvalidRange),
        Some(range) => range.check(size).map(|range| (range.start, range.end)).map_err(|_| Refusal::InvalidRange),
    }
}

fn damage(fate: &Fate, len: u64) -> Damage {
    match fate.fault {
        Some(FaultKind::CutBody) => Damage { cut: Some(len / 2), flip: None },
        Some(FaultKind::CorruptBody) if len > 0 => Damage { cut: None, flip: Some(fate.luck % len) },
        _ => Damage::default(),
    }
}

/// The headers that a read has from the object's metadata.
macro_rules! describe {
    ($output:expr, $object:expr, $now:expr, $checksum:expr) => {
        $output.accept_ranges = Some("bytes".to_owned());
        $output.e_tag = Some(convert::etag(&$object.etag));
        $output.last_modified = Some($object.modified.timestamp());
        $output.storage_class = convert::class_header($object.class);
        $output.restore = header($object.standing($now));
        let content_type = $object.meta.content_type.clone();
        $output.content_type = Some(content_type.unwrap_or_else(|| "binary/octet-stream".to_owned()));
        $output.content_encoding = $object.meta.content_encoding.clone();
        $output.content_disposition = $object.meta.content_disposition.clone();
        $output.content_language = $object.meta.content_language.clone();
        $output.cache_control = $object.meta.cache_control.clone();
        let user = &$object.meta.user;
        $output.metadata = Some(user.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        if $checksum {
            set_checksum!($output, &$object.checksum);
            $output.checksum_type = $object.checksum.as_ref().map(convert::checksum_type);
        }
    };
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

impl Server {
    pub(super) async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
        let input = &req.input;
        let ticket = self.admit(&req, Op::GetObject, &input.bucket, &input.key, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let object = object(tx.state, &input.bucket, &input.key)?;
            tx.class = Some(object.class);
            if input.part_number.is_some() {
                return Err(Refusal::NotImplemented("GetObject with a part number"));
            }
            Read {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            }
            .check(object)?;
            readable(object.class, object.restore.as_ref(), tx.now)?;
            let (from, to) = bounds(input.range.as_ref(), object.size)?;
            let len = to.saturating_sub(from);
            tx.bytes_out = len;
            // A restored copy is in STANDARD; reads of STANDARD are not billed by the byte.
            if matches!(object.class, Class::StandardIa | Class::GlacierIr) {
                tx.charges.push(Charge::Retrieved { class: object.class, bytes: len });
            }
            let mut output = GetObjectOutput::default();
            // The checksum is over the whole object: of a range it would not be that of the body.
            describe!(output, object, tx.now, wants_checksum(input.checksum_mode.as_ref()) && input.range.is_none());
            if input.range.is_some() {
                tx.status = 206;
                output.content_range = Some(format!("bytes {from}-{}/{}", to.saturating_sub(1), object.size));
            }
            output.content_length = Some(convert::signed(len));
            let body = self.core.bodies.read(slice(&object.extents, from, to), damage(&ticket.fate, len));
            output.body = Some(StreamingBlob::new(body));
            Ok(output)
        })
    }

    pub(super) async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
        let input = &req.input;
        let ticket = self.admit(&req, Op::HeadObject, &input.bucket, &input.key, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let object = object(tx.state, &input.bucket, &input.key)?;
            tx.class = Some(object.class);
            if input.part_number.is_some() || input.range.is_some() {
                return Err(Refusal::NotImplemented("HeadObject of a part or range"));
            }
            Read {
                if_match: input.if_match.as_ref(),
                if_none_match: input.if_none_match.as_ref(),
                if_modified_since: input.if_modified_since.as_ref(),
                if_unmodified_since: input.if_unmodified_since.as_ref(),
            }
            .check(object)?;
            let mut output = HeadObjectOutput::default();
            describe!(output, object, tx.now, wants_checksum(input.checksum_mode.as_ref()));
            output.content_length = Some(convert::signed(object.size));
            Ok(output)
        })
    }
}

//! PutObject.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::bucket;
use super::body::Announced;
use super::conditions;
use super::convert::{self, meta, sent_checksum, set_checksum};
use crate::object::Object;
use crate::op::Op;
use crate::state::Effect;

impl Server {
    pub(super) async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
        let (name, key) = (req.input.bucket.clone(), req.input.key.clone());
        let conditional = req.input.if_match.is_some() || req.input.if_none_match.is_some();
        let mut body = req.input.body.take();
        let mut ticket = self.admit(&req, Op::PutObject, &name, &key, conditional, body.as_mut()).await?;
        let mut announced = Announced::of(&req, req.input.content_length, req.input.content_md5.clone());
        announced.checksum = sent_checksum!(req.input);
        let named = convert::algorithm(req.input.checksum_algorithm.as_ref());
        announced.fallback = named.ok().flatten().unwrap_or(announced.fallback);
        let (staged, sums) = self.receive(&mut ticket, body, announced).await?;
        let mut input = req.input;
        let extents = staged.extents();
        self.answer(&ticket, Some(staged), |tx| {
            let existing = bucket(tx.state, &name)?.objects.get(&key);
            let class = convert::class(input.storage_class.as_ref())?;
            tx.class = Some(class);
            conditions::write(existing, input.if_match.as_ref(), input.if_none_match.as_ref())?;
            let object = Object {
                etag: sums.etag(),
                size: sums.len,
                class,
                since: tx.now,
                modified: tx.now,
                extents,
                meta: meta!(input),
                checksum: Some(sums.checksum.clone()),
                restore: None,
            };
            let mut output = PutObjectOutput { e_tag: Some(convert::etag(&object.etag)), ..Default::default() };
            set_checksum!(output, &object.checksum);
            output.checksum_type = object.checksum.as_ref().map(convert::checksum_type);
            tx.effects.push(Effect::ObjectPut { bucket: name, key, object: Box::new(object) });
            Ok(output)
        })
    }
}

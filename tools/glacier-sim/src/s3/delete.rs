//! DeleteObject and DeleteObjects.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::bucket;
use super::conditions;
use crate::op::Op;
use crate::refusal::Refusal;
use crate::state::Effect;

/// The most keys of one DeleteObjects.
const MAX_KEYS: usize = 1000;

impl Server {
    pub(super) async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<DeleteObjectOutput> {
        let (name, key) = (req.input.bucket.clone(), req.input.key.clone());
        let if_match = req.input.if_match.as_ref();
        let ticket = self.admit(&req, Op::DeleteObject, &name, &key, if_match.is_some(), None).await?;
        self.answer(&ticket, None, |tx| {
            let existing = bucket(tx.state, &name)?.objects.get(&key);
            conditions::write(existing, if_match, None)?;
            tx.status = 204;
            tx.class = existing.map(|object| object.class);
            if existing.is_some() {
                tx.effects.push(Effect::ObjectDeleted { bucket: name, key });
            }
            Ok(DeleteObjectOutput::default())
        })
    }

    pub(super) async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<DeleteObjectsOutput> {
        let name = req.input.bucket.clone();
        let ticket = self.admit(&req, Op::DeleteObjects, &name, "", false, None).await?;
        let quiet = req.input.delete.quiet.unwrap_or(false);
        self.answer(&ticket, None, |tx| {
            let objects = &bucket(tx.state, &name)?.objects;
            if req.input.delete.objects.is_empty() || req.input.delete.objects.len() > MAX_KEYS {
                return Err(Refusal::MalformedXml("between 1 and 1000 keys can be deleted at once"));
            }
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for wanted in req.input.delete.objects {
                let existing = objects.get(&wanted.key);
                let condition = wanted.e_tag.map(ETagCondition::ETag);
                let key = Some(wanted.key.clone());
                if let Err(refusal) = conditions::write(existing, condition.as_ref(), None) {
                    let (code, message) = (Some(refusal.code().to_owned()), Some(refusal.to_string()));
                    errors.push(Error { code, key, message, version_id: None });
                    continue;
                }
                if existing.is_some() {
                    tx.effects.push(Effect::ObjectDeleted { bucket: name.clone(), key: wanted.key });
                }
                if !quiet {
                    deleted.push(DeletedObject { key, ..DeletedObject::default() });
                }
            }
            Ok(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
        })
    }
}

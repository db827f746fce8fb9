//! Buckets.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::bucket;
use crate::op::Op;
use crate::refusal::Refusal;
use crate::state::Effect;

/// The one region of this server.
const REGION: &str = "us-east-1";

impl Server {
    pub(super) async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<ListBucketsOutput> {
        let ticket = self.admit(&req, Op::ListBuckets, "", "", false, None).await?;
        self.answer(&ticket, None, |tx| {
            let of = |(name, bucket): (&String, &crate::state::Bucket)| Bucket {
                name: Some(name.clone()),
                creation_date: Some(bucket.created.timestamp()),
                ..Bucket::default()
            };
            let buckets = tx.state.buckets().iter().map(of).collect();
            Ok(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() })
        })
    }

    pub(super) async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<CreateBucketOutput> {
        let name = req.input.bucket.clone();
        let ticket = self.admit(&req, Op::CreateBucket, &name, "", false, None).await?;
        self.answer(&ticket, None, |tx| {
            if tx.state.buckets().contains_key(&name) {
                return Err(Refusal::BucketAlreadyOwnedByYou);
            }
            let location = Some(format!("/{name}"));
            tx.effects.push(Effect::BucketCreated { bucket: name });
            Ok(CreateBucketOutput { location })
        })
    }

    pub(super) async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<HeadBucketOutput> {
        let ticket = self.admit(&req, Op::HeadBucket, &req.input.bucket, "", false, None).await?;
        self.answer(&ticket, None, |tx| {
            bucket(tx.state, &req.input.bucket)?;
            Ok(HeadBucketOutput { bucket_region: Some(REGION.to_owned()), ..HeadBucketOutput::default() })
        })
    }

    pub(super) async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<GetBucketLocationOutput> {
        let ticket = self.admit(&req, Op::GetBucketLocation, &req.input.bucket, "", false, None).await?;
        self.answer(&ticket, None, |tx| {
            bucket(tx.state, &req.input.bucket)?;
            // us-east-1 is told by an empty location.
            Ok(GetBucketLocationOutput::default())
        })
    }

    pub(super) async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<DeleteBucketOutput> {
        let name = req.input.bucket.clone();
        let ticket = self.admit(&req, Op::DeleteBucket, &name, "", false, None).await?;
        self.answer(&ticket, None, |tx| {
            let uploading = tx.state.uploads().values().any(|upload| upload.bucket == name);
            if !bucket(tx.state, &name)?.objects.is_empty() || uploading {
                return Err(Refusal::BucketNotEmpty);
            }
            tx.status = 204;
            tx.effects.push(Effect::BucketDeleted { bucket: name });
            Ok(DeleteBucketOutput::default())
        })
    }
}

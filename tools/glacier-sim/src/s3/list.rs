//! ListObjectsV2 and its older form.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::bucket;
use super::convert;
use crate::listing::{After, Page, Query, page, url};
use crate::op::Op;
use crate::refusal::Refusal;
use crate::restore::Standing;
use crate::time::Time;

/// The most entries of a page.
const MAX_KEYS: i32 = 1000;

/// How entries are shown.
struct Style {
    url: bool,
    restores: bool,
    now: Time,
}

impl Style {
    fn of(encoding: Option<&EncodingType>, attributes: Option<&OptionalObjectAttributesList>, now: Time) -> Style {
        let url = encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        let restores =
            attributes.is_some_and(|list| list.iter().any(|a| a.as_str() == OptionalObjectAttributes::RESTORE_STATUS));
        Style { url, restores, now }
    }

    fn text(&self, text: &str) -> String {
        if self.url { url(text) } else { text.to_owned() }
    }

    fn keys(&self, page: &Page<'_, crate::object::Object>) -> Vec<Object> {
        let entry = |(key, object): &(&String, &crate::object::Object)| Object {
            key: Some(self.text(key)),
            e_tag: Some(convert::etag(&object.etag)),
            size: Some(convert::signed(object.size)),
            last_modified: Some(object.modified.timestamp()),
            storage_class: Some(ObjectStorageClass::from_static(object.class.name())),
            restore_status: if self.restores { status(object.standing(self.now)) } else { None },
            ..Object::default()
        };
        page.keys.iter().map(entry).collect()
    }

    fn prefixes(&self, page: &Page<'_, crate::object::Object>) -> Vec<CommonPrefix> {
        page.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.text(prefix)) }).collect()
    }
}

fn status(standing: Standing) -> Option<RestoreStatus> {
    let (running, expires) = match standing {
        Standing::None => return None,
        Standing::InProgress => (true, None),
        Standing::Restored { expires } => (false, Some(expires.timestamp())),
    };
    Some(RestoreStatus { is_restore_in_progress: Some(running), restore_expiry_date: expires })
}

fn max_keys(asked: Option<i32>) -> Result<(i32, usize), Refusal> {
    let max = asked.unwrap_or(MAX_KEYS);
    let kept = usize::try_from(max.min(MAX_KEYS)).map_err(|_| Refusal::InvalidArgument("max-keys is below 0"))?;
    Ok((max, kept))
}

impl Server {
    pub(super) async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<ListObjectsV2Output> {
        let input = &req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let ticket = self.admit(&req, Op::ListObjectsV2, &input.bucket, &prefix, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let objects = &bucket(tx.state, &input.bucket)?.objects;
            let style = Style::of(input.encoding_type.as_ref(), input.optional_object_attributes.as_ref(), tx.now);
            let (asked, max) = max_keys(input.max_keys)?;
            let after = match (&input.continuation_token, &input.start_after) {
                (Some(token), _) => {
                    let after = After::parse(token);
                    Some(after.ok_or(Refusal::InvalidArgument("the continuation token is not from this server"))?)
                }
                (None, Some(key)) if !key.is_empty() => Some(After::Key(key.clone())),
                _ => None,
            };
            let delimiter = input.delimiter.as_deref().unwrap_or_default();
            let page = page(objects, &Query { prefix: &prefix, delimiter, after: after.as_ref(), max });
            let count = page.keys.len() + page.prefixes.len();
            Ok(ListObjectsV2Output {
                name: Some(input.bucket.clone()),
                prefix: Some(style.text(&prefix)),
                delimiter: input.delimiter.as_deref().map(|delimiter| style.text(delimiter)),
                start_after: input.start_after.as_deref().map(|key| style.text(key)),
                encoding_type: input.encoding_type.clone(),
                max_keys: Some(asked),
                key_count: i32::try_from(count).ok(),
                contents: Some(style.keys(&page)),
                common_prefixes: Some(style.prefixes(&page)),
                continuation_token: input.continuation_token.clone(),
                is_truncated: Some(page.next.is_some()),
                next_continuation_token: page.next.map(|after| after.token()),
                ..Default::default()
            })
        })
    }

    pub(super) async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<ListObjectsOutput> {
        let input = &req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let ticket = self.admit(&req, Op::ListObjects, &input.bucket, &prefix, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let objects = &bucket(tx.state, &input.bucket)?.objects;
            let style = Style::of(input.encoding_type.as_ref(), input.optional_object_attributes.as_ref(), tx.now);
            let (asked, max) = max_keys(input.max_keys)?;
            let delimiter = input.delimiter.as_deref().unwrap_or_default();
            // The marker is a key or, after a page that ended with one, a common prefix.
            let marker = input.marker.clone().filter(|marker| !marker.is_empty());
            let after = marker.map(|marker| {
                let rolled = !delimiter.is_empty() && marker.ends_with(delimiter) && marker.len() > prefix.len();
                if rolled { After::Prefix(marker) } else { After::Key(marker) }
            });
            let page = page(objects, &Query { prefix: &prefix, delimiter, after: after.as_ref(), max });
            let next = page.next.as_ref().map(|(After::Key(text) | After::Prefix(text))| style.text(text));
            Ok(ListObjectsOutput {
                name: Some(input.bucket.clone()),
                prefix: Some(style.text(&prefix)),
                marker: Some(style.text(input.marker.as_deref().unwrap_or_default())),
                delimiter: input.delimiter.as_deref().map(|delimiter| style.text(delimiter)),
                encoding_type: input.encoding_type.clone(),
                max_keys: Some(asked),
                contents: Some(style.keys(&page)),
                common_prefixes: Some(style.prefixes(&page)),
                is_truncated: Some(page.next.is_some()),
                next_marker: next,
                ..Default::default()
            })
        })
    }
}

//! Conditional requests, as pure functions of the object that is there.

use s3s::dto::{ETagCondition, Timestamp};

use crate::object::Object;
use crate::refusal::Refusal;

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.value() == etag)
}

/// Whether a write may replace `existing`: `If-None-Match: *` wants nothing there, `If-Match` wants that ETag.
pub fn write(
    existing: Option<&Object>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<(), Refusal> {
    match if_none_match {
        Some(ETagCondition::ETag(_)) => return Err(Refusal::NotImplemented("If-None-Match with an ETag on a write")),
        Some(ETagCondition::Any) if existing.is_some() => return Err(Refusal::PreconditionFailed),
        _ => {}
    }
    match (if_match, existing) {
        (Some(_), None) => Err(Refusal::NoSuchKey),
        (Some(wanted), Some(object)) if !matches(wanted, &object.etag) => Err(Refusal::PreconditionFailed),
        _ => Ok(()),
    }
}

/// The conditions of a read.
#[derive(Default)]
pub struct Read<'a> {
    /// `If-Match`.
    pub if_match: Option<&'a ETagCondition>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a ETagCondition>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a Timestamp>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<&'a Timestamp>,
}

impl Read<'_> {
    /// Whether the object is to be read; an ETag condition outweighs the date beside it (RFC 9110, 13.2.2).
    pub fn check(&self, object: &Object) -> Result<(), Refusal> {
        let modified = object.modified.timestamp();
        match (self.if_match, self.if_unmodified_since) {
            (Some(wanted), _) if !matches(wanted, &object.etag) => return Err(Refusal::PreconditionFailed),
            (None, Some(date)) if modified > *date => return Err(Refusal::PreconditionFailed),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(unwanted), _) if matches(unwanted, &object.etag) => Err(Refusal::NotModified),
            (None, Some(date)) if modified <= *date => Err(Refusal::NotModified),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;
    use crate::object::Meta;
    use crate::time::Time;

    fn there() -> Object {
        let (since, modified) = (Time::from_unix(100), Time::from_unix(100));
        let (etag, meta) = ("aa".to_owned(), Meta::default());
        let class = Class::Standard;
        Object { etag, size: 0, class, since, modified, extents: vec![], meta, checksum: None, restore: None }
    }

    #[test]
    fn writes() {
        let (any, good, bad) = (ETagCondition::Any, "\"aa\"".parse().unwrap(), "\"bb\"".parse().unwrap());
        let object = there();
        assert_eq!(write(None, None, Some(&any)), Ok(()));
        assert_eq!(write(Some(&object), None, Some(&any)), Err(Refusal::PreconditionFailed));
        assert_eq!(write(Some(&object), None, Some(&good)).unwrap_err().status(), 501);
        assert_eq!(write(Some(&object), Some(&good), None), Ok(()));
        assert_eq!(write(Some(&object), Some(&any), None), Ok(()));
        assert_eq!(write(Some(&object), Some(&bad), None), Err(Refusal::PreconditionFailed));
        assert_eq!(write(None, Some(&good), None), Err(Refusal::NoSuchKey));
    }

    #[test]
    fn reads() {
        let object = there();
        let (good, bad) = ("\"aa\"".parse().unwrap(), "\"bb\"".parse().unwrap());
        let (before, after) = (Time::from_unix(99).timestamp(), Time::from_unix(100).timestamp());
        assert_eq!(Read::default().check(&object), Ok(()));
        assert_eq!(Read { if_match: Some(&good), ..Read::default() }.check(&object), Ok(()));
        assert_eq!(Read { if_match: Some(&bad), ..Read::default() }.check(&object), Err(Refusal::PreconditionFailed));
        assert_eq!(Read { if_none_match: Some(&good), ..Read::default() }.check(&object), Err(Refusal::NotModified));
        assert_eq!(Read { if_none_match: Some(&bad), ..Read::default() }.check(&object), Ok(()));
        let since = |date| Read { if_modified_since: Some(date), ..Read::default() }.check(&object);
        assert_eq!((since(&before), since(&after)), (Ok(()), Err(Refusal::NotModified)));
        let unless = |date| Read { if_unmodified_since: Some(date), ..Read::default() }.check(&object);
        assert_eq!((unless(&before), unless(&after)), (Err(Refusal::PreconditionFailed), Ok(())));
    }
}

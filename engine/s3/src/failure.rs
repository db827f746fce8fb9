//! What the SDK's errors mean to an archive.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use firn_engine::remote::{Class, RemoteError};
use firn_engine::store::Key;

/// What was attempted with which object.
#[derive(Debug, Clone)]
pub(crate) struct Attempt<'a> {
    pub(crate) action: &'static str,
    /// The object, unless the request was about several.
    pub(crate) key: Option<&'a Key>,
    /// For people.
    pub(crate) target: String,
}

impl<'a> Attempt<'a> {
    pub(crate) fn on(action: &'static str, key: &'a Key) -> Self {
        Attempt { action, key: Some(key), target: key.to_string() }
    }

    pub(crate) fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RemoteError {
        RemoteError::Unreachable { action: self.action, target: self.target.clone(), source: source.into() }
    }

    /// The failure of a request.
    pub(crate) fn failed<E>(&self, error: SdkError<E>) -> RemoteError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
            return self.unreachable(error);
        };
        // An answer that could not be understood is none.
        if !matches!(error, SdkError::ServiceError(_)) {
            return self.unreachable(error);
        }
        let code = error.code().unwrap_or_default().to_owned();
        match (status, code.as_str(), self.key) {
            (404, "NoSuchKey" | "NotFound" | "", Some(key)) => RemoteError::NotFound { key: key.clone() },
            (403, "InvalidObjectState" | "ObjectNotInActiveTierError", Some(key)) => {
                RemoteError::Frozen { key: key.clone(), class: Class::Other }
            }
            (412, _, Some(key)) | (409, "ConditionalRequestConflict", Some(key)) => {
                RemoteError::Changed { key: key.clone() }
            }
            (416, _, Some(key)) => {
                RemoteError::Damaged { key: key.clone(), what: "it ends before the range does".to_owned() }
            }
            (429, ..)
            | (503, "SlowDown" | "", _)
            | (_, "ThrottlingException" | "SlowDown" | "RequestLimitExceeded", _) => {
                RemoteError::SlowDown { action: self.action, target: self.target.clone() }
            }
            (500.., ..) => self.unreachable(error),
            _ => RemoteError::Refused {
                action: self.action,
                target: self.target.clone(),
                status,
                code,
                message: error.message().unwrap_or_default().to_owned(),
            },
        }
    }
}

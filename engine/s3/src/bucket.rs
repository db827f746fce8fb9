//! The bucket as an archive sees it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, GlacierJobParameters, MetadataDirective, Object, OptionalObjectAttributes,
    RestoreRequest, StorageClass, Tier as S3Tier,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use firn_engine::remote::{Class, Remote, RemoteError, RemoteObject, Restore, RestoreAnswer, Tier, Version, When};
use firn_engine::store::{Body, Family, Key};
use tokio::runtime::Runtime;

use crate::failure::Attempt;
use crate::upload::Upload;
use crate::{ConnectError, Settings};

/// Longest pause between two attempts to read on.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Pages of one listing: a thousand objects each, so more than any archive has; a server that never ends is left.
const MAX_PAGES: usize = 1_000_000;

/// A bucket, or a part of one, in S3 or in a server that speaks its protocol.
#[derive(Debug)]
pub struct S3Bucket {
    settings: Settings,
    /// Made for the first request: most commands on an archive with a bucket send none, and finding credentials and a
    /// region may itself take requests.
    link: OnceLock<Result<Link, ConnectError>>,
}

/// What requests go through.
#[derive(Debug)]
struct Link {
    client: Client,
    runtime: Runtime,
}

impl S3Bucket {
    /// A bucket to talk to. Sends nothing; what it takes to send something is set up by the first request.
    pub fn connect(settings: Settings) -> Result<Self, ConnectError> {
        settings.check()?;
        Ok(S3Bucket { settings, link: OnceLock::new() })
    }

    fn link(&self, attempt: &Attempt<'_>) -> Result<&Link, RemoteError> {
        let link = self.link.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("firn-s3")
                .enable_all()
                .build()
                .map_err(ConnectError::Runtime)?;
            let client = runtime.block_on(self.settings.client());
            Ok(Link { client, runtime })
        });
        link.as_ref().map_err(|error| attempt.unreachable(firn_engine::with_causes(error)))
    }

    fn bucket(&self) -> &str {
        self.settings.location.bucket()
    }

    fn name(&self, key: &Key) -> String {
        self.settings.location.name(&key.to_string())
    }

    async fn get_from(
        &self,
        client: &Client,
        key: &Key,
        range: Option<String>,
    ) -> Result<GetObjectOutput, RemoteError> {
        let mut request = client.get_object().bucket(self.bucket()).key(self.name(key));
        request = match range {
            // Its bytes are checked by whoever knows what they should be.
            Some(range) => request.range(range),
            None => request.checksum_mode(ChecksumMode::Enabled),
        };
        let sent = request.customize().config_override(self.settings.for_reads()).send().await;
        sent.map_err(|error| {
            if let Some(GetObjectError::InvalidObjectState(state)) = error.as_service_error() {
                let class = state.storage_class().map_or(Class::Other, |class| Class::from_s3_name(class.as_str()));
                return RemoteError::Frozen { key: key.clone(), class };
            }
            Attempt::on("reading", key).failed(error)
        })
    }

    /// Fills `buf`, reading on where a connection broke off.
    async fn fill(&self, client: &Client, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), RemoteError> {
        let mut filled = 0;
        let mut pauses = Pauses::of(&self.settings);
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let from = offset.saturating_add(filled as u64);
            let range = format!("bytes={from}-{}", from.saturating_add(rest.len() as u64 - 1));
            let got = self.get_from(client, key, Some(range)).await?;
            let (read, outcome) = drain(got, rest).await;
            filled += read;
            if read > 0 {
                pauses = Pauses::of(&self.settings);
            }
            match outcome {
                Drained::Whole => {}
                Drained::TooMuch => return Err(damaged(key, "more bytes than were asked for")),
                // The object ends before the range does: asking again from there says so in the server's own words.
                Drained::Short(None) if read == 0 => {
                    return Err(damaged(
                        key,
                        &format!("it ends before byte {}", offset.saturating_add(buf.len() as u64)),
                    ));
                }
                Drained::Short(None) => {}
                Drained::Short(Some(error)) if !pauses.pause().await => {
                    return Err(Attempt::on("reading", key).unreachable(error));
                }
                Drained::Short(Some(_)) => {}
            }
        }
        Ok(())
    }

    async fn head_of(&self, client: &Client, key: &Key) -> Result<Option<RemoteObject>, RemoteError> {
        let request = client.head_object().bucket(self.bucket()).key(self.name(key));
        let head = match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => head,
            Err(error) => match Attempt::on("looking up", key).failed(error) {
                RemoteError::NotFound { .. } => return Ok(None),
                error => return Err(error),
            },
        };
        Ok(Some(RemoteObject {
            key: key.clone(),
            len: head.content_length().and_then(|len| u64::try_from(len).ok()).unwrap_or_default(),
            class: head.storage_class().map_or(Class::Standard, |class| Class::from_s3_name(class.as_str())),
            restore: head.restore().map_or(Restore::None, parse_restore),
            modified: head.last_modified().map_or(0, DateTime::secs),
            version: Version(head.e_tag().unwrap_or_default().to_owned()),
            sha256: head.checksum_sha256().and_then(parse_sha256),
        }))
    }

    async fn put_once(
        &self,
        client: &Client,
        key: &Key,
        upload: &Upload<'_>,
        class: Class,
        when: &When,
    ) -> Result<Version, RemoteError> {
        let attempt = Attempt::on("writing", key);
        let sha256 = BASE64.encode(upload.sha256());
        let mut request = client
            .put_object()
            .bucket(self.bucket())
            .key(self.name(key))
            .body(upload.stream().await.map_err(|error| attempt.unreachable(error))?)
            .checksum_sha256(&sha256);
        if class != Class::Standard {
            request = request.storage_class(StorageClass::from(class.s3_name()));
        }
        match when {
            When::Always => {}
            When::Absent => request = request.if_none_match("*"),
            When::Unchanged(version) => request = request.if_match(&version.0),
        }
        let put = match request.send().await {
            Ok(put) => put,
            Err(error) => {
                return match attempt.failed(error) {
                    // What was to be replaced is gone.
                    RemoteError::NotFound { key } if matches!(when, When::Unchanged(_)) => {
                        Err(RemoteError::Changed { key })
                    }
                    error => Err(error),
                };
            }
        };
        match put.checksum_sha256() {
            Some(told) if told != sha256 => Err(damaged(key, "the server has other bytes than were sent")),
            _ => Ok(Version(put.e_tag().unwrap_or_default().to_owned())),
        }
    }

    /// The version of the object if it holds just these bytes.
    async fn same(&self, client: &Client, key: &Key, upload: &Upload<'_>) -> Result<Option<Version>, RemoteError> {
        let Some(there) = self.head_of(client, key).await?.filter(|there| there.len == upload.len()) else {
            return Ok(None);
        };
        if let Some(sha256) = there.sha256 {
            return Ok((&sha256 == upload.sha256()).then_some(there.version));
        }
        // A server that keeps no checksum; whatever is not frozen can be read.
        let mut bytes = vec![0; usize::try_from(there.len).unwrap_or(usize::MAX)];
        self.fill(client, key, 0, &mut bytes).await?;
        Ok(upload.is_of(&bytes).then_some(there.version))
    }
}

fn damaged(key: &Key, what: &str) -> RemoteError {
    RemoteError::Damaged { key: key.clone(), what: what.to_owned() }
}

/// Pauses between attempts to read on: they double, up to a limit, and end.
struct Pauses {
    left: u32,
    next: Duration,
}

impl Pauses {
    fn of(settings: &Settings) -> Self {
        Pauses { left: settings.attempts.saturating_sub(1), next: settings.pause }
    }

    /// Waits, or says that there were enough attempts.
    async fn pause(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        tokio::time::sleep(self.next).await;
        self.next = self.next.saturating_mul(2).min(LONGEST_PAUSE);
        true
    }
}

enum Drained {
    Whole,
    TooMuch,
    /// The body ended early, with an error or in good order.
    Short(Option<aws_sdk_s3::primitives::ByteStreamError>),
}

/// Puts a body into `buf`; how much of it is filled, and how that ended.
async fn drain(mut got: GetObjectOutput, buf: &mut [u8]) -> (usize, Drained) {
    let mut filled = 0;
    while let Some(part) = got.body.next().await {
        let part = match part {
            Ok(part) => part,
            Err(error) => return (filled, Drained::Short(Some(error))),
        };
        match buf.get_mut(filled..filled + part.len()) {
            Some(room) => room.copy_from_slice(&part),
            None => return (filled, Drained::TooMuch),
        }
        filled += part.len();
    }
    (filled, if filled == buf.len() { Drained::Whole } else { Drained::Short(None) })
}

/// `ongoing-request="true"`, or `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
fn parse_restore(header: &str) -> Restore {
    if header.contains("ongoing-request=\"true\"") {
        return Restore::Ongoing;
    }
    let date = header.split_once("expiry-date=\"").and_then(|(_, rest)| rest.split_once('"'));
    let parse = |text: &str| DateTime::from_str(text, aws_sdk_s3::primitives::DateTimeFormat::HttpDate).ok();
    date.and_then(|(date, _)| parse(date)).map_or(Restore::None, |date| Restore::Until(date.secs()))
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

fn listed(location: &crate::Location, family: Family, object: &Object) -> Option<RemoteObject> {
    let name = location.strip(object.key()?)?;
    let key = family.key(name.rsplit('/').next()?)?;
    if key.to_string() != name {
        return None;
    }
    let restore = match object.restore_status() {
        Some(status) if status.is_restore_in_progress() == Some(true) => Restore::Ongoing,
        Some(status) => status.restore_expiry_date().map_or(Restore::None, |date| Restore::Until(date.secs())),
        None => Restore::None,
    };
    Some(RemoteObject {
        key,
        len: object.size().and_then(|len| u64::try_from(len).ok()).unwrap_or_default(),
        class: object.storage_class().map_or(Class::Standard, |class| Class::from_s3_name(class.as_str())),
        restore,
        modified: object.last_modified().map_or(0, DateTime::secs),
        version: Version(object.e_tag().unwrap_or_default().to_owned()),
        sha256: None,
    })
}

/// Remembers the status of an answer: the SDK does not tell 200 from 202.
#[derive(Debug, Clone, Default)]
struct Status(Arc<Mutex<u16>>);

impl Intercept for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_s3::error::BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = context.response().status().as_u16();
        Ok(())
    }
}

impl Remote for S3Bucket {
    fn url(&self) -> String {
        self.settings.location.to_string()
    }

    fn get(&self, key: &Key, limit: u64) -> Result<(Vec<u8>, Version), RemoteError> {
        let Link { client, runtime } = self.link(&Attempt::on("reading", key))?;
        runtime.block_on(async {
            let mut pauses = Pauses::of(&self.settings);
            loop {
                let got = self.get_from(client, key, None).await?;
                let len = got.content_length().and_then(|len| u64::try_from(len).ok()).unwrap_or_default();
                if len > limit {
                    return Err(RemoteError::TooLarge { key: key.clone(), len, limit });
                }
                let version = Version(got.e_tag().unwrap_or_default().to_owned());
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
                match drain(got, &mut bytes).await.1 {
                    Drained::Whole => return Ok((bytes, version)),
                    Drained::TooMuch => return Err(damaged(key, "more bytes than were announced")),
                    Drained::Short(error) => {
                        if !pauses.pause().await {
                            let attempt = Attempt::on("reading", key);
                            return Err(error.map_or_else(
                                || damaged(key, "fewer bytes than were announced"),
                                |error| attempt.unreachable(error),
                            ));
                        }
                    }
                }
            }
        })
    }

    fn read_at(&self, key: &Key, offset: u64, buf: &mut [u8]) -> Result<(), RemoteError> {
        let Link { client, runtime } = self.link(&Attempt::on("reading", key))?;
        runtime.block_on(self.fill(client, key, offset, buf))
    }

    fn head(&self, key: &Key) -> Result<Option<RemoteObject>, RemoteError> {
        let Link { client, runtime } = self.link(&Attempt::on("looking up", key))?;
        runtime.block_on(self.head_of(client, key))
    }

    fn put(&self, key: &Key, body: Body<'_>, class: Class, when: &When) -> Result<Version, RemoteError> {
        let upload = Upload::of(body)
            .map_err(|error| Attempt::on("reading what is to be written as", key).unreachable(error))?;
        let Link { client, runtime } = self.link(&Attempt::on("writing", key))?;
        runtime.block_on(async {
            match self.put_once(client, key, &upload, class, when).await {
                // It may be the first of several attempts of this very call that somebody else's condition meets.
                Err(RemoteError::Changed { key: changed }) => match self.same(client, key, &upload).await? {
                    Some(version) => Ok(version),
                    None => Err(RemoteError::Changed { key: changed }),
                },
                outcome => outcome,
            }
        })
    }

    fn delete(&self, key: &Key) -> Result<(), RemoteError> {
        let attempt = Attempt::on("deleting", key);
        let Link { client, runtime } = self.link(&attempt)?;
        let request = client.delete_object().bucket(self.bucket()).key(self.name(key));
        match runtime.block_on(request.send()) {
            Ok(_) => Ok(()),
            Err(error) => match attempt.failed(error) {
                RemoteError::NotFound { .. } => Ok(()),
                error => Err(error),
            },
        }
    }

    fn reclass(&self, key: &Key, class: Class) -> Result<(), RemoteError> {
        let attempt = Attempt::on("changing the class of", key);
        let Link { client, runtime } = self.link(&attempt)?;
        let name = self.name(key);
        // The characters of locations and of packs' keys need no escaping.
        let request = client
            .copy_object()
            .bucket(self.bucket())
            .copy_source(format!("{}/{name}", self.bucket()))
            .key(name)
            .storage_class(StorageClass::from(class.s3_name()))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .metadata_directive(MetadataDirective::Replace);
        runtime.block_on(request.send()).map_err(|error| attempt.failed(error))?;
        Ok(())
    }

    fn restore(&self, key: &Key, days: u32, tier: Tier) -> Result<RestoreAnswer, RemoteError> {
        let attempt = Attempt::on("restoring", key);
        let Link { client, runtime } = self.link(&attempt)?;
        let job = GlacierJobParameters::builder().tier(S3Tier::from(tier.s3_name())).build();
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let wanted = RestoreRequest::builder()
            .days(days)
            .glacier_job_parameters(job.map_err(|error| attempt.unreachable(error))?)
            .build();
        let status = Status::default();
        let request = client
            .restore_object()
            .bucket(self.bucket())
            .key(self.name(key))
            .restore_request(wanted)
            .customize()
            .config_override(aws_sdk_s3::Config::builder().retry_config(RetryConfig::disabled()))
            .interceptor(status.clone());
        let outcome = runtime.block_on(request.send());
        let status = *status.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(_) if status == 202 => Ok(RestoreAnswer::Accepted),
            Ok(_) => Ok(RestoreAnswer::Extended),
            Err(error) => match error.code().unwrap_or_default() {
                "RestoreAlreadyInProgress" => Ok(RestoreAnswer::Ongoing),
                "GlacierExpeditedRetrievalNotAvailable" => Ok(RestoreAnswer::NoCapacity),
                "ObjectAlreadyInActiveTierError" => Ok(RestoreAnswer::NotFrozen),
                // Glacier Instant Retrieval: there is nothing to restore.
                "InvalidObjectState" => Ok(RestoreAnswer::NotFrozen),
                _ => Err(attempt.failed(error)),
            },
        }
    }

    fn list(&self, family: Family, page: &mut dyn FnMut(Vec<RemoteObject>)) -> Result<(), RemoteError> {
        let location = &self.settings.location;
        let prefix = location.name(&format!("{}/", family.prefix()));
        let attempt = Attempt { action: "listing", key: None, target: format!("s3://{}/{prefix}", self.bucket()) };
        let Link { client, runtime } = self.link(&attempt)?;
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let request = client
                .list_objects_v2()
                .bucket(self.bucket())
                .prefix(&prefix)
                .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
                .set_continuation_token(token.clone());
            let listing = runtime.block_on(request.send()).map_err(|error| attempt.failed(error))?;
            page(listing.contents().iter().filter_map(|object| self::listed(location, family, object)).collect());
            match listing.next_continuation_token() {
                Some(next) if token.as_deref() != Some(next) => token = Some(next.to_owned()),
                Some(_) => return Err(attempt.unreachable("the server gives the same page again and again")),
                None => return Ok(()),
            }
        }
        Err(attempt.unreachable("the listing does not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restore_header_is_read_as_documented() {
        assert_eq!(parse_restore("ongoing-request=\"true\""), Restore::Ongoing);
        let done = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
        assert_eq!(parse_restore(done), Restore::Until(1_356_048_000));
        for odd in ["", "ongoing-request=\"false\"", "expiry-date=\"", "expiry-date=\"yesterday\""] {
            assert_eq!(parse_restore(odd), Restore::None);
        }
    }
}

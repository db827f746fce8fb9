//! How a server is reached.

use std::fmt;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::{Client, Config};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::Location;

/// Which checksums travel with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// All that the protocol has for AWS, only what a request can't do without for other servers: several of them refuse
    /// what they do not know.
    #[default]
    Auto,
    /// All, for any server.
    Always,
    /// Only what a request can't do without.
    WhenRequired,
}

/// How a server is reached, and how much patience it gets. Credentials come from where the AWS tools look for them
/// (environment, profiles, web identity, container and instance metadata) unless they are given.
#[derive(Clone)]
pub struct Settings {
    /// The bucket and the prefix in it.
    pub location: Location,
    /// Another server than AWS: its URL. Addressed by path, as most of them want it.
    pub endpoint: Option<String>,
    /// Region; without one, what the environment and the profile say, else `us-east-1`.
    pub region: Option<String>,
    /// Access key and secret; without them, they come from where the AWS tools look for them.
    pub credentials: Option<(String, String)>,
    /// Which checksums travel with requests.
    pub checksums: Checksums,
    /// How often a request is tried, at least once.
    pub attempts: u32,
    /// First pause before another attempt; it doubles, and is drawn at random up to that.
    pub pause: Duration,
    /// Patience with one attempt: for an upload, the sending of a whole pack included.
    pub attempt_timeout: Duration,
    /// Patience with an operation, all attempts and pauses included.
    pub timeout: Duration,
    /// Patience with the first byte of one attempt to read: somebody may be waiting for it in a system call.
    pub read_attempt_timeout: Duration,
    /// Patience with the first byte of a read, all attempts and pauses included.
    pub read_timeout: Duration,
}

/// Why no connection could be set up. Nothing was sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint is no URL of a server.
    #[error("the endpoint {0:?} is not http://HOST[:PORT] or https://HOST[:PORT]")]
    Endpoint(String),
    /// Threads could not be started.
    #[error("starting the threads that talk to S3")]
    Runtime(#[source] std::io::Error),
}

fn timeouts(attempt: Duration, all: Duration) -> TimeoutConfig {
    let connect = Duration::from_secs(5).min(attempt);
    TimeoutConfig::builder().connect_timeout(connect).operation_attempt_timeout(attempt).operation_timeout(all).build()
}

/// Without the secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { location, endpoint, region, checksums, attempts, .. } = self;
        write!(f, "{location} at {endpoint:?} in {region:?}, {checksums:?} checksums, {attempts} attempts")
    }
}

impl Settings {
    /// Settings for a location, with everything else as it suits most.
    pub fn new(location: Location) -> Self {
        Settings {
            location,
            endpoint: None,
            region: None,
            credentials: None,
            checksums: Checksums::Auto,
            attempts: 6,
            pause: Duration::from_millis(100),
            attempt_timeout: Duration::from_secs(300),
            timeout: Duration::from_secs(900),
            read_attempt_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(60),
        }
    }

    /// What a read is sent with instead of the client's own settings.
    pub(crate) fn for_reads(&self) -> aws_sdk_s3::config::Builder {
        Config::builder().timeout_config(timeouts(self.read_attempt_timeout, self.read_timeout))
    }

    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains(['?', '#', ' ']) => Ok(()),
            _ => Err(ConnectError::Endpoint(endpoint.clone())),
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let behaviour = BehaviorVersion::v2026_01_12();
        let mut loader = aws_config::defaults(behaviour).http_client(http);
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some((key, secret)) = &self.credentials {
            loader = loader.credentials_provider(Credentials::new(key, secret, None, None, "given"));
        }
        let shared = loader.load().await;
        let region = shared.region().cloned().unwrap_or(Region::from_static("us-east-1"));
        let timeouts = timeouts(self.attempt_timeout, self.timeout);
        let mut config = aws_sdk_s3::config::Builder::from(&shared)
            .region(region)
            .timeout_config(timeouts)
            .retry_config(
                RetryConfig::standard().with_max_attempts(self.attempts.max(1)).with_initial_backoff(self.pause),
            )
            // A disk that is slow to write what comes in is no reason to give up.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(Duration::from_secs(30)).build(),
            );
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        let all = match self.checksums {
            Checksums::Auto => self.endpoint.is_none(),
            Checksums::Always => true,
            Checksums::WhenRequired => false,
        };
        if !all {
            config = config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        Client::from_conf(config.build())
    }
}

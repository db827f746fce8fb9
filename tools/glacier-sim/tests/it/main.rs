//! The server as its clients see it: driven with the AWS SDK, whose retries are off, so that what the server says is
//! what is seen.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod admin;
mod bill;
mod binary;
mod bodies;
mod conditions;
mod copies;
mod faults;
mod forecast;
mod keys;
mod listing;
mod multipart;
mod restores;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, StorageClass, Tier};
use glacier_sim::{Sim, SimHandle, SimOptions};

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

/// A server, a client of it, and the bucket `ice`.
pub struct World {
    pub sim: SimHandle,
    pub s3: Client,
    pub dir: tempfile::TempDir,
}

pub fn client(url: &str, access: &str, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new(access, secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

pub fn world() -> World {
    world_with(|_| {})
}

pub fn world_with(change: impl FnOnce(&mut SimOptions)) -> World {
    let dir = tempfile::tempdir().unwrap();
    let mut options = SimOptions::new(dir.path());
    options.buckets = vec!["ice".into()];
    change(&mut options);
    let (access, secret) = options.key.clone().unwrap_or(("any".into(), "any".into()));
    let sim = Sim::start(options).unwrap();
    let s3 = client(&sim.url(), &access, &secret);
    World { sim, s3, dir }
}

/// Status and code of an error the server answered with.
pub fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    outcome: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = outcome.expect_err("accepted");
    let status = error.raw_response().unwrap_or_else(|| panic!("no answer: {error:?}")).status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

pub fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

impl World {
    pub async fn put(&self, key: &str, class: &str, body: impl Into<Vec<u8>>) -> String {
        let body = body.into().into();
        let class = StorageClass::from(class);
        let put = self.s3.put_object().bucket("ice").key(key).storage_class(class).body(body).send();
        put.await.unwrap().e_tag.unwrap()
    }

    pub async fn get(&self, key: &str) -> Result<Vec<u8>, (u16, String)> {
        match self.s3.get_object().bucket("ice").key(key).send().await {
            Ok(got) => Ok(got.body.collect().await.unwrap().to_vec()),
            error => Err(refused(error)),
        }
    }

    pub async fn restore(&self, key: &str, tier: &str, days: i32) -> Result<u16, (u16, String)> {
        let job = GlacierJobParameters::builder().tier(Tier::from(tier)).build().unwrap();
        let request = RestoreRequest::builder().days(days).glacier_job_parameters(job).build();
        match self.s3.restore_object().bucket("ice").key(key).restore_request(request).send().await {
            Ok(_) => Ok(self.sim.requests().unwrap().last().unwrap().status),
            error => Err(refused(error)),
        }
    }

    /// The `x-amz-restore` header.
    pub async fn header(&self, key: &str) -> Option<String> {
        self.s3.head_object().bucket("ice").key(key).send().await.unwrap().restore
    }
}

/// One plain HTTP request; status and everything behind the status line.
pub fn raw(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: {len}\r\n");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (line, rest) = answer.split_once("\r\n").unwrap();
    (line.split(' ').nth(1).unwrap().parse().unwrap(), rest.to_owned())
}

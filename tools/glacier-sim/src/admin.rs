//! The admin paths below `/_sim`: JSON in, JSON out. No S3 bucket can have that name.

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::class::Class;
use crate::core::Core;
use crate::faults::Faults;
use crate::restore::Standing;
use crate::time::Time;

/// The most requests of one answer.
const MAX_REQUESTS: usize = 10_000;

/// An answer.
pub struct Answer {
    /// Its HTTP status.
    pub status: StatusCode,
    /// Its body.
    pub json: Vec<u8>,
}

/// An object as the admin interface shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectView {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its storage class.
    pub class: Class,
    /// Its ETag.
    pub etag: String,
    /// Since when it is in its class.
    pub since: Time,
    /// `none`, `in-progress` or `restored`.
    pub restore: String,
    /// When the copy is readable, or was.
    pub ready: Option<Time>,
    /// When the copy is gone.
    pub expires: Option<Time>,
}

/// The objects whose bucket and key start so.
pub fn objects(core: &Core, bucket: &str, prefix: &str) -> Vec<ObjectView> {
    core.look(|state, now| {
        let buckets = state.buckets().iter().filter(|(name, _)| bucket.is_empty() || *name == bucket);
        let all =
            buckets.flat_map(|(name, bucket)| bucket.objects.iter().map(move |(key, object)| (name, key, object)));
        all.filter(|(_, key, _)| key.starts_with(prefix))
            .map(|(name, key, object)| {
                let standing = object.standing(now);
                let live = object.restore.filter(|_| standing != Standing::None);
                ObjectView {
                    bucket: name.clone(),
                    key: key.clone(),
                    size: object.size,
                    class: object.class,
                    etag: object.etag.clone(),
                    since: object.since,
                    restore: match standing {
                        Standing::None => "none",
                        Standing::InProgress => "in-progress",
                        Standing::Restored { .. } => "restored",
                    }
                    .to_owned(),
                    ready: live.map(|restore| restore.ready),
                    expires: live.map(|restore| restore.expires),
                }
            })
            .collect()
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Move {
    Advance(u64),
    Set(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transition {
    bucket: String,
    key: String,
    class: Class,
}

/// Answers an admin request.
pub fn answer(core: &Core, head: &Parts, body: &[u8]) -> Answer {
    let path = head.uri.path().trim_end_matches('/');
    let query = |name: &str| parameter(head.uri.query().unwrap_or_default(), name);
    let outcome = match (&head.method, path) {
        (&Method::GET, "/_sim") => Ok(index()),
        (&Method::GET, "/_sim/clock") => Ok(clock(core)),
        (&Method::POST, "/_sim/clock") => parse(body).and_then(|step| move_clock(core, step)),
        (&Method::GET, "/_sim/bill") => to_value(&core.bill()),
        (&Method::GET, "/_sim/requests") => requests(core, &query("from"), &query("limit")),
        (&Method::GET, "/_sim/faults") => to_value(&core.faults()),
        (&Method::PUT | &Method::POST, "/_sim/faults") => parse::<Faults>(body)
            .and_then(|faults| core.set_faults(faults).map_err(bad))
            .and_then(|()| to_value(&core.faults())),
        (&Method::GET, "/_sim/objects") => to_value(&objects(core, &query("bucket"), &query("prefix"))),
        (&Method::POST, "/_sim/transition") => parse(body).and_then(|Transition { bucket, key, class }| {
            core.transition(&bucket, &key, class).map_err(bad).map(|()| json!({}))
        }),
        (&Method::POST, "/_sim/reset") => core.reset().map_err(broken).map(|()| json!({})),
        _ => Err((StatusCode::NOT_FOUND, format!("no {} {path} here; GET /_sim lists what there is", head.method))),
    };
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err((status, error)) => (status, json!({ "error": error })),
    };
    let mut json = value.to_string().into_bytes();
    json.push(b'\n');
    Answer { status, json }
}

type Failure = (StatusCode, String);

fn bad(error: impl std::fmt::Display) -> Failure {
    (StatusCode::BAD_REQUEST, error.to_string())
}

fn broken(error: impl std::fmt::Display) -> Failure {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(bad)
}

fn to_value(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(broken)
}

fn index() -> Value {
    json!({
        "GET /_sim/clock": "the simulated time",
        "POST /_sim/clock": "{\"advance\": SECONDS} or {\"set\": \"2026-01-31T00:00:00Z\"}",
        "GET /_sim/bill": "what everything since the last reset costs",
        "GET /_sim/requests?from=SEQ&limit=N": "counts by operation, and the request log since the last reset",
        "GET /_sim/faults": "the faults in force",
        "PUT /_sim/faults": "{\"slow-down\": 0.05, \"seed\": 7, …}; {} for none",
        "GET /_sim/objects?bucket=B&prefix=P": "objects with class and restore",
        "POST /_sim/transition": "{\"bucket\": B, \"key\": K, \"class\": C}: what a lifecycle rule would do",
        "POST /_sim/reset": "forget bill, counts and log; objects stay",
    })
}

fn clock(core: &Core) -> Value {
    let now = core.clock.now();
    json!({ "now": now.to_string(), "unix": now.unix(), "clock": core.clock.mode() })
}

fn move_clock(core: &Core, step: Move) -> Result<Value, Failure> {
    match step {
        Move::Advance(seconds) => {
            core.advance(seconds).map_err(broken)?;
        }
        Move::Set(text) => {
            let to = Time::parse(&text).map_err(bad)?;
            core.set_clock(to).map_err(broken)?.map_err(bad)?;
        }
    }
    Ok(clock(core))
}

fn requests(core: &Core, from: &str, limit: &str) -> Result<Value, Failure> {
    let from = if from.is_empty() { 0 } else { from.parse().map_err(bad)? };
    let limit = if limit.is_empty() { MAX_REQUESTS } else { limit.parse().map_err(bad)? };
    let requests = core.log().requests(from, limit.min(MAX_REQUESTS)).map_err(broken)?;
    Ok(json!({ "counts": core.counts(), "requests": to_value(&requests)? }))
}

/// A query parameter; empty when it is not there.
fn parameter(query: &str, name: &str) -> String {
    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    decode(found.unwrap_or_default())
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('%') {
        bytes.extend_from_slice(head.as_bytes());
        match tail.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = tail;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters() {
        assert_eq!(parameter("bucket=b&prefix=a%2Fb%", "prefix"), "a/b%");
        assert_eq!(parameter("bucket=b", "prefix"), "");
        assert_eq!(parameter("", "x"), "");
    }
}

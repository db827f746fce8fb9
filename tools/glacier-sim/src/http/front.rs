//! What stands between the connection and the S3 service: numbers, admin paths, and answers that `s3s` cannot give.

use std::fmt;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use s3s::Body;
use s3s::service::S3Service;

use super::call::{Call, End};
use super::unsigned;
use crate::admin;
use crate::core::{Asked, Core};

/// The largest error body that is rewritten, and the largest admin request.
const MAX_SMALL: usize = 1 << 20;

/// The answer is lost on purpose.
#[derive(Debug)]
pub struct Dropped {
    /// With a TCP reset.
    pub reset: bool,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Answers requests.
pub struct Front {
    core: Arc<Core>,
    s3: S3Service,
    signed: bool,
}

impl Front {
    /// Puts `s3` behind the front; `signed` says whether it checks signatures.
    pub fn new(core: Arc<Core>, s3: S3Service, signed: bool) -> Front {
        Front { core, s3, signed }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        if request.uri().path() == "/_sim" || request.uri().path().starts_with("/_sim/") {
            return Ok(self.admin(request).await);
        }
        let call = Arc::new(Call::new(self.core.next_seq()));
        let mut request = if self.signed { request.map(Body::from) } else { unsigned::strip(request) };
        request.extensions_mut().insert(call.clone());
        let answer = self.s3.call(request).await;
        let mut answer = answer.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Vec::new()));
        let notes = *call.notes();
        if !notes.logged {
            self.log_unknown(call.seq, answer.status());
        }
        match notes.end {
            End::Sent => {}
            End::Lost => return Err(Dropped { reset: false }),
            End::Reset => return Err(Dropped { reset: true }),
        }
        if let Some(member) = notes.member {
            answer = with_member(answer, member).await;
        }
        if let Some(status) = notes.status.and_then(|status| StatusCode::from_u16(status).ok()) {
            *answer.status_mut() = status;
        }
        if let Ok(id) = HeaderValue::try_from(format!("{:016X}", call.seq)) {
            answer.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), id);
        }
        Ok(answer)
    }

    /// A request that `s3s` refused before it reached an operation: a bad signature, malformed XML, no such operation.
    fn log_unknown(&self, seq: u64, status: StatusCode) {
        let (bucket, key) = (String::new(), String::new());
        let asked = Asked { seq, op: None, bucket, key, fault: None, bytes_in: 0 };
        self.core.note(&asked, status.as_u16(), None);
    }

    async fn admin(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, MAX_SMALL).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "application/json", Vec::new()),
        };
        let core = self.core.clone();
        // The log is read from disk, and moving the clock syncs it.
        let answer = tokio::task::block_in_place(move || admin::answer(&core, &head, &body));
        plain(answer.status, "application/json", answer.json)
    }
}

fn plain(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Adds an element to the body of an S3 error.
async fn with_member(answer: Response<Body>, (name, value): (&str, &str)) -> Response<Body> {
    let (mut head, mut body) = answer.into_parts();
    let Ok(bytes) = body.store_all_limited(MAX_SMALL).await else {
        return Response::from_parts(head, Body::empty());
    };
    let text = String::from_utf8_lossy(&bytes).replacen("</Error>", &format!("<{name}>{value}</{name}></Error>"), 1);
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(text))
}

//! Servers without a key take every request, signed or not: what belongs to the signature is taken off, and bodies
//! that travel chunk-signed are decoded.

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use hyper::http::Uri;
use s3s::Body;
use s3s::stream::DynByteStream;

use super::chunked::decode;

/// Takes the signature off a request.
pub fn strip(request: Request<Incoming>) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.remove(AUTHORIZATION);
    if let Some(uri) = without_signature(&head.uri) {
        head.uri = uri;
    }
    let streaming = head.headers.get("x-amz-content-sha256").is_some_and(|v| v.as_bytes().starts_with(b"STREAMING-"));
    if !streaming {
        return Request::from_parts(head, Body::from(body));
    }
    let len = head.headers.get("x-amz-decoded-content-length").cloned();
    let number = len.as_ref().and_then(|len| len.to_str().ok()?.parse().ok()).unwrap_or(0);
    match len {
        Some(len) => head.headers.insert(CONTENT_LENGTH, len),
        None => head.headers.remove(CONTENT_LENGTH),
    };
    head.headers.insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
    let (stream, trailers) = decode(body, number);
    head.extensions.insert(trailers);
    Request::from_parts(head, Body::from(Box::pin(stream) as DynByteStream))
}

/// The parameters of presigned URLs of Signature Version 2, which some clients still make.
const VERSION_2: [&str; 3] = ["AWSAccessKeyId=", "Signature=", "Expires="];

/// The URI without the parameters of a presigned URL; `None` when it has none.
fn without_signature(uri: &Uri) -> Option<Uri> {
    let query = uri.query().filter(|query| query.contains("Signature="))?;
    let signature = |pair: &str| pair.starts_with("X-Amz-") || VERSION_2.iter().any(|name| pair.starts_with(name));
    let kept: Vec<&str> = query.split('&').filter(|pair| !signature(pair)).collect();
    let mut text = uri.path().to_owned();
    if !kept.is_empty() {
        text.push('?');
        text.push_str(&kept.join("&"));
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presigned_urls_lose_their_signature_only() {
        let strip = |text: &str| without_signature(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(strip("/b/k?X-Amz-Date=1&X-Amz-Signature=ab&partNumber=3").unwrap(), "/b/k?partNumber=3");
        assert_eq!(strip("/b/k?X-Amz-Signature=ab").unwrap(), "/b/k");
        assert_eq!(strip("/b/k?AWSAccessKeyId=a&Signature=b%3D&Expires=9").unwrap(), "/b/k");
        assert_eq!(strip("/b/k?uploads="), None);
    }
}

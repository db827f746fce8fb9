//! Just enough HTTP/1.1 for a server on this machine: one request, one connection, the answer whole.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, IoContext, Result, check_failed};

/// How long a silent server is waited for: a guard against hanging, not a measure of anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends a request to `address` (`HOST:PORT`) and returns status and body.
///
/// # Errors
/// The server can't be reached, or answers no HTTP.
pub fn request(address: &str, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let what = Path::new(address);
    let mut stream = TcpStream::connect(address).at("cannot connect to", what)?;
    stream.set_read_timeout(Some(PATIENCE)).at("cannot talk to", what)?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).at("cannot write to", what)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).at("cannot read from", what)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (Some(status), Some((head, body))) = (status, answer.split_once("\r\n\r\n")) else {
        return check_failed(format!("{address} does not speak HTTP"));
    };
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok((status, if is_chunked { unchunked(body) } else { body.to_owned() }))
}

/// As [`request`], for JSON; an answer other than 200 is an error.
///
/// # Errors
/// As [`request`], and the server's own.
pub fn json(address: &str, method: &str, path: &str, body: &str) -> Result<Value> {
    match request(address, method, path, body)? {
        (200, text) => serde_json::from_str(&text)
            .map_err(|source| Error::Json { path: format!("the answer to {method} {path}").into(), source }),
        (status, text) => check_failed(format!("{method} {path}: {status} {}", text.trim())),
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        whole.push_str(chunk);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one request with these bytes, and says what it was asked.
    fn serve(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 1000];
            let mut len = 0;
            while !String::from_utf8_lossy(&asked[..len]).contains("\r\n\r\n{}") {
                len += stream.read(&mut asked[len..]).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..len]).into_owned()
        });
        (address, served)
    }

    #[test]
    fn bodies_come_whole_and_in_chunks() {
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
        for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]", chunks] {
            let (address, served) = serve(answer);
            assert_eq!(json(&address, "POST", "/x", "{}").unwrap(), serde_json::json!([1, 2]));
            assert!(served.join().unwrap().starts_with("POST /x HTTP/1.1\r\n"));
        }
    }

    #[test]
    fn other_answers_are_errors() {
        let (address, served) = serve("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno!\n");
        assert!(json(&address, "PUT", "/y", "{}").unwrap_err().to_string().ends_with("400 no!"));
        served.join().unwrap();
    }
}

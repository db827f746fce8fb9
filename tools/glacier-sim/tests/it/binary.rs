//! The program: kill -9, restart, and a proper end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, StorageClass};
use serde_json::Value;

use crate::{client, raw};

/// A running program; killed if a test ends without having done so.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(dir: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glacier-sim"));
        command.args(["--bucket", "ice", "--clock", "virtual", "--start", "2026-01-01T00:00:00Z", "--dir"]).arg(dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "it did not start: {:?}", child.wait());
        Server { child, url: url.trim().to_owned() }
    }

    fn client(&self) -> Client {
        client(&self.url, "any", "any")
    }

    fn admin(&self, method: &str, path: &str, body: &str) -> Value {
        let addr = self.url.strip_prefix("http://").unwrap().parse().unwrap();
        let (status, answer) = raw(addr, method, path, "", body);
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let s3 = server.client();
    let frozen = s3.put_object().bucket("ice").key("frozen").storage_class(StorageClass::Glacier);
    frozen.body(vec![3; 100_000].into()).send().await.unwrap();
    let xml = "<RestoreRequest><Days>2</Days></RestoreRequest>";
    let addr = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(raw(addr, "POST", "/ice/frozen?restore", "", xml).0, 202);
    let id = s3.create_multipart_upload().bucket("ice").key("parts").send().await.unwrap().upload_id.unwrap();
    let part = s3.upload_part().bucket("ice").key("parts").upload_id(&id).part_number(1).body(b"part".to_vec().into());
    let etag = part.send().await.unwrap().e_tag.unwrap();
    server.admin("POST", "/_sim/clock", "{\"advance\": 18000}");
    let (bill, log) = (server.admin("GET", "/_sim/bill", ""), server.admin("GET", "/_sim/requests", ""));
    let objects = server.admin("GET", "/_sim/objects", "");
    assert_eq!(objects[0]["restore"], "restored");
    std::fs::write(dir.path().join("bodies").join("999"), "left by a crash").unwrap();
    drop(server); // SIGKILL

    let server = Server::start(dir.path());
    assert_eq!(server.admin("GET", "/_sim/clock", "")["now"], "2026-01-01T05:00:00.000Z");
    assert_eq!(server.admin("GET", "/_sim/bill", ""), bill);
    assert_eq!(server.admin("GET", "/_sim/requests", ""), log);
    assert_eq!(server.admin("GET", "/_sim/objects", ""), objects);
    assert!(!dir.path().join("bodies").join("999").exists());
    let s3 = server.client();
    let got = s3.get_object().bucket("ice").key("frozen").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), vec![3; 100_000]);
    let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let done = s3.complete_multipart_upload().bucket("ice").key("parts").upload_id(&id).multipart_upload(parts);
    done.send().await.unwrap();
    let got = s3.get_object().bucket("ice").key("parts").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"part");
}

/// Whatever was answered before a kill is there after it, whenever it comes.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_writing_nothing_answered_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4u8 {
        let mut server = Server::start(dir.path());
        let s3 = server.client();
        let writer = tokio::spawn(async move {
            let mut done = 0;
            loop {
                let body = vec![round; 5_000 + done];
                let put = s3.put_object().bucket("ice").key(format!("{round}/{done}")).body(body.into()).send();
                if put.await.is_err() {
                    return done;
                }
                done += 1;
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(150 + 40 * u64::from(round))).await;
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let done = writer.await.unwrap();
        let server = Server::start(dir.path());
        let s3 = server.client();
        for i in 0..done {
            let got = s3.get_object().bucket("ice").key(format!("{round}/{i}")).send().await.unwrap();
            assert_eq!(got.body.collect().await.unwrap().to_vec(), vec![round; 5_000 + i]);
        }
    }
}

#[test]
fn sigterm_ends_it_in_good_order_and_the_directory_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    let second = Command::new(env!("CARGO_BIN_EXE_glacier-sim")).arg("--dir").arg(dir.path()).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another glacier-sim"));
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(server.child.wait().unwrap().success());
}

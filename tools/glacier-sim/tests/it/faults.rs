//! Each kind of fault, as the client sees it.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use aws_sdk_s3::error::SdkError;
use glacier_sim::faults::{FaultKind, Faults};

use crate::{World, is, refused, world};

fn meet(w: &World, faults: &str) {
    w.sim.set_faults(faults.parse().unwrap()).unwrap();
}

fn last_fault(w: &World) -> Option<FaultKind> {
    w.sim.requests().unwrap().last().unwrap().fault
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_without_effect() {
    let w = world();
    let put = || w.s3.put_object().bucket("ice").key("k").body(vec![0; 3 << 20].into());
    meet(&w, "slow-down=1");
    assert_eq!(refused(put().send().await), is(503, "SlowDown"));
    assert_eq!(last_fault(&w), Some(FaultKind::SlowDown));
    meet(&w, "internal-error=1");
    assert_eq!(refused(put().send().await), is(500, "InternalError"));
    meet(&w, "conflict=1");
    assert_eq!(refused(put().if_none_match("*").send().await), is(409, "ConditionalRequestConflict"));
    assert!(w.sim.objects("ice").is_empty());
    put().send().await.expect("an unconditional write meets no conflict");
    assert!((w.sim.bill().dollars("put-requests") - 0.005 / 1000.0).abs() < 1e-15, "refusals of the server are free");
    w.sim.set_faults(Faults::default()).unwrap();
    w.get("k").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leaves_its_effect() {
    let w = world();
    meet(&w, "lost-answer=1,only=PutObject,limit=1");
    let put = || w.s3.put_object().bucket("ice").key("k").if_none_match("*").body(b"mine".to_vec().into()).send();
    let error = put().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(refused(put().await), is(412, "PreconditionFailed"), "the retry meets its own first write");
    assert_eq!(w.get("k").await.unwrap(), b"mine");
    let log = w.sim.requests().unwrap();
    assert_eq!((log[0].status, log[0].fault, log[0].charges.len()), (200, Some(FaultKind::LostAnswer), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_comes_before_the_effect() {
    let w = world();
    meet(&w, "reset=1,limit=2");
    let put = || w.s3.put_object().bucket("ice").key("k").body(b"mine".to_vec().into()).send();
    let error = put().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert!(w.sim.objects("ice").is_empty());
    assert_eq!(w.sim.requests().unwrap()[0].status, 0);
    let mut stream = std::net::TcpStream::connect(w.sim.addr()).unwrap();
    stream.write_all(b"GET /ice/k HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "a real RST");
    put().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_cut_or_corrupted() {
    let w = world();
    let body = vec![5; 300_000];
    w.put("k", "STANDARD", body.clone()).await;
    meet(&w, "cut-body=1");
    let got = w.s3.get_object().bucket("ice").key("k").send().await.unwrap();
    assert_eq!(got.content_length, Some(300_000), "the answer promises all of it");
    got.body.collect().await.expect_err("a body cut short");
    meet(&w, "corrupt-body=1,seed=4");
    // A range has no checksum that the client could check: it has to do so itself.
    let range = || w.s3.get_object().bucket("ice").key("k").range("bytes=0-299999").send();
    let got = range().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(got.iter().zip(&body).filter(|(a, b)| a != b).count(), 1, "one byte is wrong");
    let got = w.s3.get_object().bucket("ice").key("k").send().await.unwrap();
    got.body.collect().await.expect_err("the client's own check of the whole");
    w.sim.set_faults(Faults::default()).unwrap();
    assert_eq!(w.get("k").await.unwrap(), body, "what is stored is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_under_200_and_delays() {
    let w = world();
    w.put("k", "STANDARD", "x").await;
    meet(&w, "error-in-200=1,limit=1");
    let copy = || w.s3.copy_object().bucket("ice").key("l").copy_source("ice/k").send();
    assert_eq!(refused(copy().await), is(200, "InternalError"));
    assert_eq!(w.sim.objects("ice").len(), 1);
    copy().await.unwrap();
    meet(&w, "delay=1,delay-ms=150");
    let begin = Instant::now();
    w.get("k").await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(150));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_is_the_same_weather() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let w = world();
        w.put("k", "STANDARD", "x").await;
        meet(&w, "slow-down=0.3,internal-error=0.3,seed=11");
        let mut run = Vec::new();
        for _ in 0..30 {
            run.push(w.get("k").await.map_err(|(status, _)| status).map(|_| ()));
        }
        seen.push(run);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains(&Ok(())) && seen[0].contains(&Err(503)) && seen[0].contains(&Err(500)));
}

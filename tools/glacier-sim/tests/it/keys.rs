//! Signatures.

use crate::{client, is, raw, refused, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn requests_must_be_signed_with_the_key() {
    let w = world_with(|options| options.key = Some(("AKID".into(), "secret".into())));
    let body: Vec<u8> = vec![7; 200_000];
    w.put("k", "STANDARD", body.clone()).await;
    assert_eq!(w.get("k").await.unwrap(), body);
    let wrong = client(&w.sim.url(), "AKID", "other");
    let get = wrong.get_object().bucket("ice").key("k").send();
    assert_eq!(refused(get.await), is(403, "SignatureDoesNotMatch"));
    let unknown = client(&w.sim.url(), "NOBODY", "secret");
    let get = unknown.get_object().bucket("ice").key("k").send();
    assert_eq!(refused(get.await), is(403, "InvalidAccessKeyId"));
    assert_eq!(raw(w.sim.addr(), "GET", "/ice/k", "", "").0, 403, "unsigned");
    assert_eq!(w.sim.counts()["unknown"], 3);
    assert!(w.sim.requests().unwrap().iter().filter(|r| r.op.is_none()).all(|r| r.charges.is_empty()));
}

//! Copies and changes of class.

use aws_sdk_s3::types::{MetadataDirective, StorageClass};

use crate::{DAY, World, is, refused, world};

async fn copy(w: &World, from: &str, to: &str, class: Option<&str>) -> Result<(), (u16, String)> {
    let class = class.map(StorageClass::from);
    let copy = w.s3.copy_object().bucket("ice").key(to).copy_source(format!("ice/{from}")).set_storage_class(class);
    match copy.send().await {
        Ok(_) => Ok(()),
        error => Err(refused(error)),
    }
}

async fn class(w: &World, key: &str) -> String {
    let head = w.s3.head_object().bucket("ice").key(key).send().await.unwrap();
    head.storage_class.map_or("STANDARD".to_owned(), |class| class.as_str().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_change_class_in_place() {
    let w = world();
    let etag = w.put("k", "STANDARD", "water").await;
    for to in ["STANDARD_IA", "GLACIER_IR", "STANDARD", "DEEP_ARCHIVE"] {
        copy(&w, "k", "k", Some(to)).await.unwrap();
        assert_eq!(class(&w, "k").await, to);
    }
    let head = w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
    assert_eq!(head.e_tag.unwrap(), etag);
    assert_eq!(w.get("k").await, Err(is(403, "InvalidObjectState")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_changes_nothing_is_refused() {
    let w = world();
    w.put("k", "STANDARD", "water").await;
    w.put("cool", "STANDARD_IA", "water").await;
    assert_eq!(copy(&w, "k", "k", None).await, Err(is(400, "InvalidRequest")));
    assert_eq!(copy(&w, "cool", "cool", Some("STANDARD_IA")).await, Err(is(400, "InvalidRequest")));
    let replace = w.s3.copy_object().bucket("ice").key("k").copy_source("ice/k").metadata("a", "1");
    replace.metadata_directive(MetadataDirective::Replace).send().await.unwrap();
    let head = w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
    assert_eq!(head.metadata.unwrap()["a"], "1");
    // Without a class a copy goes to STANDARD, from whatever class.
    copy(&w, "cool", "cool", None).await.unwrap();
    assert_eq!(class(&w, "cool").await, "STANDARD");
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_sources_must_be_restored_first() {
    let w = world();
    w.put("k", "GLACIER", "ice").await;
    assert_eq!(copy(&w, "k", "l", None).await, Err(is(403, "ObjectNotInActiveTierError")));
    assert_eq!(copy(&w, "k", "k", Some("DEEP_ARCHIVE")).await, Err(is(403, "ObjectNotInActiveTierError")));
    w.restore("k", "Expedited", 1).await.unwrap();
    assert_eq!(copy(&w, "k", "l", None).await, Err(is(403, "ObjectNotInActiveTierError")), "not readable yet");
    w.sim.advance(300).unwrap();
    copy(&w, "k", "l", None).await.unwrap();
    assert_eq!(w.get("l").await.unwrap(), b"ice");
    copy(&w, "k", "k", Some("STANDARD")).await.unwrap();
    w.sim.advance(9 * DAY).unwrap();
    assert_eq!(w.get("k").await.unwrap(), b"ice", "it has left the archive for good");
    assert_eq!(w.header("k").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_copies() {
    let w = world();
    let etag = w.put("k", "STANDARD", "one").await;
    w.put("l", "STANDARD", "two").await;
    let to = |key| w.s3.copy_object().bucket("ice").key(key).copy_source("ice/k");
    assert_eq!(refused(to("l").if_none_match("*").send().await), is(412, "PreconditionFailed"));
    assert_eq!(refused(to("l").if_match(&etag).send().await), is(412, "PreconditionFailed"));
    assert_eq!(refused(to("m").if_match(&etag).send().await), is(404, "NoSuchKey"));
    assert_eq!(refused(to("m").copy_source_if_none_match(&etag).send().await), is(412, "PreconditionFailed"));
    to("m").copy_source_if_match(&etag).if_none_match("*").send().await.unwrap();
    let missing = w.s3.copy_object().bucket("ice").key("x").copy_source("ice/none").send();
    assert_eq!(refused(missing.await), is(404, "NoSuchKey"));
    assert_eq!(w.get("l").await.unwrap(), b"two");
    assert_eq!(w.get("m").await.unwrap(), b"one");
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_transitions_only_go_down() {
    let w = world();
    let key = "k";
    w.put(key, "STANDARD", "water").await;
    let to = |class: &str| w.sim.transition("ice", key, glacier_sim::class::Class::parse(class).unwrap());
    to("GLACIER").unwrap();
    assert!(to("STANDARD_IA").is_err() && to("GLACIER").is_err());
    assert_eq!(w.get(key).await, Err(is(403, "InvalidObjectState")));
    to("DEEP_ARCHIVE").unwrap();
    assert_eq!(class(&w, key).await, "DEEP_ARCHIVE");
}

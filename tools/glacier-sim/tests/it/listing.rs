//! Listings through the SDK, and deleting what they show.

use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};

use crate::{is, refused, world};

#[tokio::test(flavor = "multi_thread")]
async fn pages_prefixes_and_common_prefixes() {
    let w = world();
    for key in ["a/1", "a/2", "b", "c/1", "c/2/x", "d e"] {
        w.put(key, "STANDARD", "x").await;
    }
    let list = || w.s3.list_objects_v2().bucket("ice");
    let mut pages = list().max_keys(2).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.contents().len() <= 2);
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, ["a/1", "a/2", "b", "c/1", "c/2/x", "d e"]);
    let rolled = list().delimiter("/").encoding_type(EncodingType::Url).send().await.unwrap();
    let prefixes: Vec<_> = rolled.common_prefixes().iter().map(|p| p.prefix().unwrap()).collect();
    assert_eq!(prefixes, ["a/", "c/"]);
    let keys: Vec<_> = rolled.contents().iter().map(|object| object.key().unwrap()).collect();
    assert_eq!(keys, ["b", "d%20e"]);
    let below = list().prefix("c/").start_after("c/1").send().await.unwrap();
    assert_eq!(below.contents().iter().map(|o| o.key().unwrap()).collect::<Vec<_>>(), ["c/2/x"]);
    assert_eq!(refused(list().continuation_token("k0").send().await), is(400, "InvalidArgument"));
    let old = w.s3.list_objects().bucket("ice").marker("c/2/x").send().await.unwrap();
    assert_eq!(old.contents().iter().map(|o| o.key().unwrap()).collect::<Vec<_>>(), ["d e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_deleted_at_once() {
    let w = world();
    let etag = w.put("a", "STANDARD", "1").await;
    w.put("b", "STANDARD", "2").await;
    let id = |key: &str, etag: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_e_tag(etag.map(str::to_owned)).build().unwrap()
    };
    let keys = [id("a", Some(&etag)), id("b", Some(&etag)), id("none", None)];
    let delete = Delete::builder().set_objects(Some(keys.to_vec())).build().unwrap();
    let done = w.s3.delete_objects().bucket("ice").delete(delete).send().await.unwrap();
    let deleted: Vec<_> = done.deleted().iter().map(|d| d.key().unwrap()).collect();
    assert_eq!(deleted, ["a", "none"]);
    assert_eq!(done.errors()[0].code(), Some("PreconditionFailed"));
    assert_eq!(w.get("b").await.unwrap(), b"2");
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets() {
    let w = world();
    w.s3.create_bucket().bucket("second").send().await.unwrap();
    assert_eq!(refused(w.s3.create_bucket().bucket("second").send().await), is(409, "BucketAlreadyOwnedByYou"));
    w.s3.head_bucket().bucket("second").send().await.unwrap();
    assert_eq!(refused(w.s3.head_bucket().bucket("third").send().await).0, 404);
    let names: Vec<_> = w.s3.list_buckets().send().await.unwrap().buckets.unwrap();
    assert_eq!(names.iter().map(|b| b.name().unwrap()).collect::<Vec<_>>(), ["ice", "second"]);
    w.put("k", "STANDARD", "x").await;
    assert_eq!(refused(w.s3.delete_bucket().bucket("ice").send().await), is(409, "BucketNotEmpty"));
    w.s3.delete_bucket().bucket("second").send().await.unwrap();
    assert_eq!(refused(w.s3.list_objects_v2().bucket("second").send().await), is(404, "NoSuchBucket"));
}

//! Multipart uploads.

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, StorageClass,
};

use crate::{World, is, refused, world};

const PART: usize = 5 << 20;

async fn begin(w: &World, key: &str, class: &str) -> String {
    let begun = w.s3.create_multipart_upload().bucket("ice").key(key).storage_class(StorageClass::from(class));
    begun.send().await.unwrap().upload_id.unwrap()
}

async fn part(w: &World, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let sent = w.s3.upload_part().bucket("ice").key(key).upload_id(id).part_number(number).body(body.into());
    let etag = sent.send().await.unwrap().e_tag.unwrap();
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}

fn list(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_become_one_object_in_an_archive_class() {
    let w = world();
    let id = begin(&w, "k", "DEEP_ARCHIVE").await;
    let parts = [part(&w, "k", &id, 1, vec![1; PART]).await, part(&w, "k", &id, 7, vec![2; 10]).await];
    let listed = w.s3.list_parts().bucket("ice").key("k").upload_id(&id).send().await.unwrap();
    assert_eq!(listed.parts().iter().map(|p| p.part_number().unwrap()).collect::<Vec<_>>(), [1, 7]);
    let uploads = w.s3.list_multipart_uploads().bucket("ice").send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(id.as_str()));
    let done = w.s3.complete_multipart_upload().bucket("ice").key("k").upload_id(&id).multipart_upload(list(&parts));
    let done = done.send().await.unwrap();
    assert!(done.e_tag.unwrap().ends_with("-2\""));
    assert_eq!(w.get("k").await, Err(is(403, "InvalidObjectState")));
    w.restore("k", "Standard", 1).await.unwrap();
    w.sim.advance(12 * 3600).unwrap();
    let got = w.get("k").await.unwrap();
    assert_eq!((got.len(), got[PART - 1], got[PART]), (PART + 10, 1, 2));
    let put: Vec<_> = w.sim.bill().lines.into_iter().filter(|line| line.name == "put-requests").collect();
    let counts: Vec<_> = put.iter().map(|line| (line.class.name(), (line.quantity * 1000.0).round())).collect();
    // Create, two parts and two listings at the STANDARD rate; completion at that of the archive class.
    assert_eq!(counts, [("STANDARD", 5.0), ("DEEP_ARCHIVE", 1.0)]);
    let again = w.s3.complete_multipart_upload().bucket("ice").key("k").upload_id(&id).multipart_upload(list(&parts));
    assert_eq!(refused(again.send().await), is(404, "NoSuchUpload"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_complete() {
    let w = world();
    let id = begin(&w, "k", "STANDARD").await;
    let (one, two) = (part(&w, "k", &id, 1, vec![1; 10]).await, part(&w, "k", &id, 2, vec![2; 10]).await);
    let complete = |parts: &[CompletedPart]| {
        w.s3.complete_multipart_upload().bucket("ice").key("k").upload_id(&id).multipart_upload(list(parts))
    };
    assert_eq!(refused(complete(&[one.clone(), two.clone()]).send().await), is(400, "EntityTooSmall"));
    assert_eq!(refused(complete(&[two.clone(), one.clone()]).send().await), is(400, "InvalidPartOrder"));
    let absent = CompletedPart::builder().part_number(3).e_tag("\"00\"").build();
    assert_eq!(refused(complete(&[absent]).send().await), is(400, "InvalidPart"));
    w.put("k", "STANDARD", "there").await;
    assert_eq!(
        refused(complete(std::slice::from_ref(&two)).if_none_match("*").send().await),
        is(412, "PreconditionFailed")
    );
    assert_eq!(
        refused(complete(std::slice::from_ref(&two)).if_match("\"00\"").send().await),
        is(412, "PreconditionFailed")
    );
    assert_eq!(w.get("k").await.unwrap(), b"there", "a stale If-Match overwrites nothing");
    complete(&[two]).send().await.unwrap();
    assert_eq!(w.get("k").await.unwrap(), [2; 10]);
    let id = begin(&w, "k", "STANDARD").await;
    part(&w, "k", &id, 1, vec![1; 10]).await;
    w.s3.abort_multipart_upload().bucket("ice").key("k").upload_id(&id).send().await.unwrap();
    let late = w.s3.upload_part().bucket("ice").key("k").upload_id(&id).part_number(2).body(vec![1].into()).send();
    assert_eq!(refused(late.await), is(404, "NoSuchUpload"));
    assert_eq!(std::fs::read_dir(w.dir.path().join("bodies")).unwrap().count(), 1, "only the object's part is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_of_parts_and_of_the_whole() {
    let w = world();
    for (algorithm, kind) in [("CRC32", "COMPOSITE"), ("CRC32C", "FULL_OBJECT"), ("SHA256", "COMPOSITE")] {
        let begun = w.s3.create_multipart_upload().bucket("ice").key("k");
        let begun =
            begun.checksum_algorithm(ChecksumAlgorithm::from(algorithm)).checksum_type(ChecksumType::from(kind));
        let id = begun.send().await.unwrap().upload_id.unwrap();
        let mut parts = Vec::new();
        for (number, body) in [(1, vec![b'a'; PART]), (2, b"end".to_vec())] {
            let sent = w.s3.upload_part().bucket("ice").key("k").upload_id(&id).part_number(number);
            let sent = sent.checksum_algorithm(ChecksumAlgorithm::from(algorithm)).body(body.into()).send().await;
            let etag = sent.unwrap().e_tag.unwrap();
            parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
        }
        let done = w.s3.complete_multipart_upload().bucket("ice").key("k").upload_id(&id);
        let done = done.multipart_upload(list(&parts)).send().await.unwrap();
        let sum = done.checksum_crc32.or(done.checksum_crc32_c).or(done.checksum_sha256).unwrap();
        assert_eq!(sum.ends_with("-2"), kind == "COMPOSITE", "{algorithm}: {sum}");
        let head = w.s3.head_object().bucket("ice").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(head.checksum_type.unwrap().as_str(), kind);
        assert_eq!(w.get("k").await.unwrap().len(), PART + 3, "the client checks what it can");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_copied() {
    let w = world();
    let body: Vec<u8> = (0..PART + 100).map(|i| u8::try_from(i % 253).unwrap()).collect();
    w.put("from", "GLACIER", body.clone()).await;
    let id = begin(&w, "to", "STANDARD_IA").await;
    let copy = |number, range: String| {
        let copy = w.s3.upload_part_copy().bucket("ice").key("to").upload_id(&id).part_number(number);
        copy.copy_source("ice/from").copy_source_range(range).send()
    };
    assert_eq!(refused(copy(1, "bytes=0-9".into()).await), is(403, "ObjectNotInActiveTierError"));
    w.restore("from", "Expedited", 1).await.unwrap();
    w.sim.advance(300).unwrap();
    let mut parts = Vec::new();
    for (number, from, to) in [(1, 50, PART + 50), (2, 0, 50)] {
        let copied = copy(number, format!("bytes={from}-{}", to - 1)).await.unwrap();
        let etag = copied.copy_part_result.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    assert_eq!(refused(copy(3, format!("bytes=0-{}", body.len())).await), is(400, "InvalidArgument"));
    let done = w.s3.complete_multipart_upload().bucket("ice").key("to").upload_id(&id).multipart_upload(list(&parts));
    done.send().await.unwrap();
    // The bytes are shared: the source may go.
    w.s3.delete_object().bucket("ice").key("from").send().await.unwrap();
    assert_eq!(w.get("to").await.unwrap(), [&body[50..PART + 50], &body[..50]].concat());
    // A whole copy of it is one piece again, with a plain MD5 as its ETag.
    let whole = w.s3.copy_object().bucket("ice").key("whole").copy_source("ice/to").send().await.unwrap();
    assert!(!whole.copy_object_result.unwrap().e_tag.unwrap().contains('-'));
}

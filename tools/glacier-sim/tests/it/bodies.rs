//! Bodies: ranges, checksums, metadata.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};

use crate::{is, raw, refused, world};

#[tokio::test(flavor = "multi_thread")]
async fn ranges() {
    let w = world();
    let body: Vec<u8> = (0..300_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    w.put("k", "GLACIER_IR", body.clone()).await;
    let get = |range: &str| w.s3.get_object().bucket("ice").key("k").range(range).send();
    for (range, from, to) in
        [("bytes=0-0", 0, 1), ("bytes=131071-262144", 131_071, 262_145), ("bytes=-7", 299_993, 300_000)]
    {
        let got = get(range).await.unwrap();
        assert_eq!(got.content_range.unwrap(), format!("bytes {from}-{}/300000", to - 1));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), &body[from..to]);
    }
    let got = get("bytes=299999-400000").await.unwrap();
    assert_eq!(got.content_length, Some(1), "a range is cut at the end");
    assert_eq!(refused(get("bytes=300000-").await), is(416, "InvalidRange"));
    assert_eq!(w.get("k").await.unwrap(), body);
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_of_every_kind_are_checked_and_kept() {
    let w = world();
    for (i, algorithm) in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].into_iter().enumerate() {
        let key = format!("k{i}");
        let put = w.s3.put_object().bucket("ice").key(&key).checksum_algorithm(ChecksumAlgorithm::from(algorithm));
        put.body(b"123456789".to_vec().into()).send().await.unwrap();
        let head =
            w.s3.head_object().bucket("ice").key(&key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        let sums = [
            head.checksum_crc32,
            head.checksum_crc32_c,
            head.checksum_crc64_nvme,
            head.checksum_sha1,
            head.checksum_sha256,
        ];
        let there: Vec<usize> = sums.iter().enumerate().filter_map(|(i, sum)| sum.as_ref().map(|_| i)).collect();
        assert_eq!(there, [i], "{algorithm}");
        assert_eq!(w.get(&key).await.unwrap(), b"123456789", "the client checks it again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_checksums_are_refused_in_headers_and_trailers() {
    let w = world();
    let put = |headers: &str, body: &str| raw(w.sim.addr(), "PUT", "/ice/k", headers, body);
    for header in [
        "x-amz-checksum-crc32: AAAAAA==\r\n",
        "x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa4=\r\n",
        "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    ] {
        let (status, text) = put(header, "abc");
        assert_eq!(status, 400, "{header}");
        assert!(text.contains("<Code>BadDigest</Code>"), "{text}");
    }
    let trailer = |sum: &str| {
        let headers = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\
                       x-amz-decoded-content-length: 3\r\nContent-Encoding: aws-chunked\r\n";
        put(headers, &format!("3\r\nabc\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n"))
    };
    assert_eq!(trailer("AAAAAA==").0, 400);
    assert_eq!(w.get("k").await, Err(is(404, "NoSuchKey")), "nothing was stored");
    assert_eq!(trailer("NSRBwg==").0, 200);
    let got = w.s3.get_object().bucket("ice").key("k").send().await.unwrap();
    assert_eq!(got.content_encoding, None, "how it travelled is not what it is");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"abc");
    let orphans = std::fs::read_dir(w.dir.path().join("bodies")).unwrap().count();
    assert_eq!(orphans, 1, "refused bodies leave no files");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_comes_back() {
    let w = world();
    let put = w.s3.put_object().bucket("ice").key("a/ü b+c").metadata("id", "7").content_type("text/plain");
    put.cache_control("no-store").body(b"x".to_vec().into()).send().await.unwrap();
    let head = w.s3.head_object().bucket("ice").key("a/ü b+c").send().await.unwrap();
    assert_eq!(head.metadata.unwrap()["id"], "7");
    assert_eq!((head.content_type.as_deref(), head.cache_control.as_deref()), (Some("text/plain"), Some("no-store")));
    assert_eq!(head.last_modified.unwrap().secs(), 1_767_225_600, "by the simulated clock");
    let bogus = w.s3.put_object().bucket("ice").key("k").storage_class("COLD".into()).send();
    assert_eq!(refused(bogus.await), is(400, "InvalidStorageClass"));
    let nowhere = w.s3.put_object().bucket("nowhere").key("k").send();
    assert_eq!(refused(nowhere.await), is(404, "NoSuchBucket"));
    w.put("empty", "STANDARD", "").await;
    assert_eq!(w.get("empty").await.unwrap(), b"");
}

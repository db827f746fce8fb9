//! Archived objects: every row of the table of what AWS does that concerns restores.

use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::types::{OptionalObjectAttributes, RestoreRequest};
use glacier_sim::{Quota, time::Time};

use crate::{DAY, HOUR, is, raw, refused, world, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn archived_objects_cannot_be_read_and_say_why() {
    let w = world();
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        w.put("k", class, "ice").await;
        for range in [None, Some("bytes=0-0".to_owned())] {
            let error = w.s3.get_object().bucket("ice").key("k").set_range(range).send().await.unwrap_err();
            assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
            let GetObjectError::InvalidObjectState(state) = error.into_service_error() else { panic!("other error") };
            assert_eq!(state.storage_class.unwrap().as_str(), class);
        }
        let head = w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
        assert_eq!(head.storage_class.unwrap().as_str(), class);
        assert_eq!((head.restore, head.content_length), (None, Some(3)));
    }
    for class in ["STANDARD", "STANDARD_IA", "GLACIER_IR"] {
        w.put("k", class, "water").await;
        assert_eq!(w.get("k").await.unwrap(), b"water");
        let head = w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
        let shown = head.storage_class.map(|class| class.as_str().to_owned());
        assert_eq!(shown.as_deref(), (class != "STANDARD").then_some(class), "absent for STANDARD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_runs_its_time_lives_its_days_and_ends() {
    let w = world();
    w.put("k", "GLACIER", "ice").await;
    let start = w.sim.now();
    assert_eq!(w.restore("k", "Standard", 2).await, Ok(202));
    assert_eq!(w.header("k").await.unwrap(), "ongoing-request=\"true\"");
    assert_eq!(w.restore("k", "Standard", 2).await, Err(is(409, "RestoreAlreadyInProgress")));
    w.sim.advance(5 * HOUR - 1).unwrap();
    assert_eq!(w.get("k").await, Err(is(403, "InvalidObjectState")));
    w.sim.advance(1).unwrap();
    assert_eq!(w.get("k").await.unwrap(), b"ice");
    // 1 January, 5:00, and two days: the next midnight is that of 4 January.
    let expiry = "ongoing-request=\"false\", expiry-date=\"Sun, 04 Jan 2026 00:00:00 GMT\"";
    assert_eq!(w.header("k").await.unwrap(), expiry);
    let head = w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
    assert_eq!(head.storage_class.unwrap().as_str(), "GLACIER", "the class stays while restored");
    w.sim.set_clock(start.plus(3 * DAY - 1)).unwrap();
    assert_eq!(w.get("k").await.unwrap(), b"ice");
    w.sim.advance(1).unwrap();
    assert_eq!(w.get("k").await, Err(is(403, "InvalidObjectState")));
    assert_eq!(w.header("k").await, None);
    assert_eq!(w.restore("k", "Bulk", 1).await, Ok(202), "expired: a new restore");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_times_of_every_tier() {
    for (class, tier, seconds) in [
        ("GLACIER", "Expedited", 300),
        ("GLACIER", "Standard", 5 * HOUR),
        ("GLACIER", "Bulk", 12 * HOUR),
        ("DEEP_ARCHIVE", "Standard", 12 * HOUR),
        ("DEEP_ARCHIVE", "Bulk", 48 * HOUR),
    ] {
        let w = world();
        w.put("k", class, "ice").await;
        assert_eq!(w.restore("k", tier, 1).await, Ok(202));
        w.sim.advance(seconds - 1).unwrap();
        assert_eq!(w.get("k").await, Err(is(403, "InvalidObjectState")), "{class} {tier}");
        w.sim.advance(1).unwrap();
        assert_eq!(w.get("k").await.unwrap(), b"ice", "{class} {tier}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored() {
    let w = world();
    w.put("warm", "STANDARD", "").await;
    w.put("cool", "STANDARD_IA", "").await;
    w.put("instant", "GLACIER_IR", "").await;
    w.put("deep", "DEEP_ARCHIVE", "").await;
    assert_eq!(w.restore("warm", "Standard", 1).await, Err(is(403, "ObjectAlreadyInActiveTierError")));
    assert_eq!(w.restore("cool", "Standard", 1).await, Err(is(403, "ObjectAlreadyInActiveTierError")));
    assert_eq!(w.restore("instant", "Standard", 1).await, Err(is(403, "InvalidObjectState")));
    assert_eq!(w.restore("deep", "Expedited", 1).await, Err(is(400, "InvalidArgument")));
    assert_eq!(w.restore("deep", "Swift", 1).await, Err(is(400, "MalformedXML")));
    assert_eq!(w.restore("deep", "Bulk", 0).await, Err(is(400, "InvalidArgument")));
    assert_eq!(w.restore("deep", "Bulk", -1).await, Err(is(400, "InvalidArgument")));
    assert_eq!(w.restore("none", "Bulk", 1).await, Err(is(404, "NoSuchKey")));
    let no_days = w.s3.restore_object().bucket("ice").key("deep").restore_request(RestoreRequest::builder().build());
    assert_eq!(refused(no_days.send().await), is(400, "MalformedXML"));
    assert_eq!(w.header("deep").await, None, "nothing of this began a restore");
    assert!(w.sim.bill().dollars("restore-requests") == 0.0, "and nothing is billed as one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faster_tier_speeds_a_running_restore_up() {
    let w = world();
    w.put("k", "GLACIER", "ice").await;
    assert_eq!(w.restore("k", "Bulk", 1).await, Ok(202));
    assert_eq!(w.restore("k", "Standard", 2).await, Err(is(409, "RestoreAlreadyInProgress")), "other days");
    assert_eq!(w.restore("k", "Standard", 1).await, Ok(202));
    assert_eq!(w.restore("k", "Bulk", 1).await, Err(is(409, "RestoreAlreadyInProgress")), "slower");
    assert_eq!(w.restore("k", "Expedited", 1).await, Ok(202));
    w.sim.advance(300).unwrap();
    assert_eq!(w.get("k").await.unwrap(), b"ice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_is_extended_from_now() {
    let w = world();
    w.put("k", "GLACIER", "ice").await;
    w.restore("k", "Expedited", 1).await.unwrap();
    w.sim.advance(DAY).unwrap();
    let xml = "<RestoreRequest><Days>5</Days></RestoreRequest>";
    let (status, _) = raw(w.sim.addr(), "POST", "/ice/k?restore", "", xml);
    assert_eq!(status, 200, "on the wire");
    let expiry = w.header("k").await.unwrap();
    assert!(expiry.contains("Wed, 07 Jan 2026 00:00:00 GMT"), "{expiry}");
    assert_eq!(w.get("k").await.unwrap(), b"ice", "it stays readable");
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_on_the_wire() {
    let w = world();
    w.put("k", "GLACIER", "ice").await;
    let xml = "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Days>1</Days>\
               <GlacierJobParameters><Tier>Expedited</Tier></GlacierJobParameters></RestoreRequest>";
    assert_eq!(raw(w.sim.addr(), "POST", "/ice/k?restore", "", xml).0, 202);
    let (status, text) = raw(w.sim.addr(), "GET", "/ice/k", "", "");
    assert_eq!(status, 403);
    assert!(text.contains("<Code>InvalidObjectState</Code>") && text.contains("<StorageClass>GLACIER</StorageClass>"));
    let (status, text) = raw(w.sim.addr(), "HEAD", "/ice/k", "", "");
    assert_eq!(status, 200);
    assert!(text.contains("x-amz-restore: ongoing-request=\"true\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_show_restores_when_asked() {
    let w = world();
    for key in ["1-frozen", "2-thawing", "3-thawed"] {
        w.put(key, "GLACIER", "ice").await;
    }
    w.put("4-warm", "STANDARD", "water").await;
    w.restore("3-thawed", "Expedited", 1).await.unwrap();
    w.sim.advance(300).unwrap();
    w.restore("2-thawing", "Bulk", 1).await.unwrap();
    let list = w.s3.list_objects_v2().bucket("ice");
    let plain = list.clone().send().await.unwrap();
    assert!(plain.contents().iter().all(|object| object.restore_status().is_none()));
    let asked = list.optional_object_attributes(OptionalObjectAttributes::RestoreStatus).send().await.unwrap();
    let status: Vec<_> = asked
        .contents()
        .iter()
        .map(|object| {
            let status = object.restore_status()?;
            let expiry = status.restore_expiry_date().map(|date| Time::from_unix(date.secs().try_into().unwrap()));
            Some((status.is_restore_in_progress(), expiry))
        })
        .collect();
    let midnight = Time::parse("2026-01-03T00:00:00Z").unwrap();
    assert_eq!(status, [None, Some((Some(true), None)), Some((Some(false), Some(midnight))), None]);
    let classes: Vec<_> = asked.contents().iter().map(|o| o.storage_class().unwrap().as_str()).collect();
    assert_eq!(classes, ["GLACIER", "GLACIER", "GLACIER", "STANDARD"], "listings show STANDARD too");
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas() {
    let w = world_with(|options| {
        options.quota = Quota { restores_per_second: Some(3), expedited_per_5_minutes: Some(1) };
    });
    for key in ["a", "b", "c", "d"] {
        w.put(key, "GLACIER", "ice").await;
    }
    assert_eq!(w.restore("a", "Expedited", 1).await, Ok(202));
    assert_eq!(w.restore("b", "Expedited", 1).await, Err(is(503, "GlacierExpeditedRetrievalNotAvailable")));
    assert_eq!(w.restore("b", "Standard", 1).await, Ok(202));
    assert_eq!(w.restore("c", "Standard", 1).await, Err(is(503, "SlowDown")));
    w.sim.advance(1).unwrap();
    assert_eq!(w.restore("c", "Standard", 1).await, Ok(202));
    w.sim.advance(299).unwrap();
    assert_eq!(w.restore("d", "Expedited", 1).await, Ok(202), "capacity is back after five minutes");
}

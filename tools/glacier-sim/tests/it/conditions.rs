//! Conditional writes, alone and in races.

use std::sync::Arc;

use crate::{is, refused, world};

#[tokio::test(flavor = "multi_thread")]
async fn conditional_puts_and_deletes() {
    let w = world();
    let put = |key| w.s3.put_object().bucket("ice").key(key).body(b"new".to_vec().into());
    let etag = put("k").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    assert_eq!(refused(put("k").if_none_match("*").send().await), is(412, "PreconditionFailed"));
    assert_eq!(refused(put("k").if_match("\"00\"").send().await), is(412, "PreconditionFailed"));
    assert_eq!(refused(put("none").if_match(&etag).send().await), is(404, "NoSuchKey"));
    put("k").if_match(&etag).send().await.unwrap();
    let delete = |key| w.s3.delete_object().bucket("ice").key(key);
    assert_eq!(refused(delete("k").if_match("\"00\"").send().await), is(412, "PreconditionFailed"));
    delete("k").if_match(&etag).send().await.unwrap();
    assert_eq!(refused(delete("k").if_match("*").send().await), is(404, "NoSuchKey"));
    delete("k").send().await.unwrap();
    assert_eq!(w.get("k").await, Err(is(404, "NoSuchKey")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_eight_racing_creators_wins() {
    let w = Arc::new(world());
    for round in 0..20 {
        let racers = (0..8).map(|racer| {
            let w = w.clone();
            tokio::spawn(async move {
                let key = format!("round{round}");
                let body = vec![racer; 1000].into();
                let put = w.s3.put_object().bucket("ice").key(key).if_none_match("*").body(body).send();
                match put.await {
                    Ok(_) => Some(racer),
                    error => {
                        assert_eq!(refused(error), is(412, "PreconditionFailed"));
                        None
                    }
                }
            })
        });
        let mut winners = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(w.get(&format!("round{round}")).await.unwrap(), vec![winners[0]; 1000]);
    }
}

/// A counter in an object, incremented by compare and swap: no increment is lost.
#[tokio::test(flavor = "multi_thread")]
async fn compare_and_swap_loses_nothing() {
    let w = Arc::new(world());
    w.put("n", "STANDARD", "0").await;
    let workers = (0..4).map(|_| {
        let w = w.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < 10 {
                let got = w.s3.get_object().bucket("ice").key("n").send().await.unwrap();
                let etag = got.e_tag.unwrap();
                let text = String::from_utf8(got.body.collect().await.unwrap().to_vec()).unwrap();
                let next = (text.parse::<u32>().unwrap() + 1).to_string();
                let put = w.s3.put_object().bucket("ice").key("n").if_match(etag).body(next.into_bytes().into());
                match put.send().await {
                    Ok(_) => done += 1,
                    error => assert_eq!(refused(error), is(412, "PreconditionFailed")),
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(w.get("n").await.unwrap(), b"40");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_reads() {
    let w = world();
    let etag = w.put("k", "STANDARD", "water").await;
    let get = || w.s3.get_object().bucket("ice").key("k");
    assert_eq!(refused(get().if_match("\"00\"").send().await), is(412, "PreconditionFailed"));
    assert_eq!(refused(get().if_none_match(&etag).send().await).0, 304);
    get().if_match(&etag).send().await.unwrap();
}

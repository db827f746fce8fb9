//! Bills, against sums done by hand from the price page: us-east-1, GB = 2^30 bytes, month = 2,628,000 s.

use aws_sdk_s3::types::StorageClass;
use glacier_sim::bill::Bill;

use crate::{DAY, World, world};

const MIB: usize = 1 << 20;
const GB: f64 = 1_073_741_824.0;
const MONTH: f64 = 2_628_000.0;

fn same(got: f64, want: f64) {
    assert!((got - want).abs() <= 1e-9 * want.abs().max(1e-12), "{got} is not {want}");
}

fn total(bill: &Bill) -> f64 {
    bill.lines.iter().map(|line| line.quantity * line.unit_price).sum()
}

async fn change(w: &World, key: &str, class: &str) {
    let copy = w.s3.copy_object().bucket("ice").key(key).copy_source(format!("ice/{key}"));
    copy.storage_class(StorageClass::from(class)).send().await.unwrap();
}

/// A 4 MiB pack: archived at once, thawed after 200 days, read, its copy kept for its days.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_in_deep_archive_thawed_once() {
    let w = world();
    w.put("pack", "DEEP_ARCHIVE", vec![1; 4 * MIB]).await;
    w.sim.advance(200 * DAY).unwrap();
    w.restore("pack", "Bulk", 3).await.unwrap();
    w.sim.advance(2 * DAY).unwrap();
    w.get("pack").await.unwrap();
    w.sim.advance(10 * DAY).unwrap();
    let bill = w.sim.bill();
    let (size, life) = (4.0 * 1_048_576.0, 212.0 * 86_400.0);
    same(bill.dollars("storage"), (size + 32_768.0) * life / GB / MONTH * 0.00099);
    same(bill.dollars("archive-overhead"), 8_192.0 * life / GB / MONTH * 0.023);
    // Ready on a midnight, so the copy lives three days to the second.
    same(bill.dollars("restored-copy"), size * 3.0 * 86_400.0 / GB / MONTH * 0.023);
    same(bill.dollars("put-requests"), 0.05 / 1000.0);
    same(bill.dollars("get-requests"), 0.0004 / 1000.0);
    same(bill.dollars("restore-requests"), 0.025 / 1000.0);
    same(bill.dollars("restore-retrieval"), size / GB * 0.0025);
    assert_eq!(bill.dollars("early-deletion"), 0.0, "180 days have passed");
    assert_eq!(bill.dollars("retrieval"), 0.0, "the copy is in STANDARD");
    same(bill.total, total(&bill));
    assert_eq!(bill.lines.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_a_class_early_costs_the_rest() {
    let w = world();
    w.put("small", "STANDARD_IA", vec![1; 1000]).await;
    w.put("pack", "GLACIER", vec![1; MIB]).await;
    w.put("instant", "GLACIER_IR", vec![1; MIB]).await;
    w.sim.advance(10 * DAY).unwrap();
    w.s3.delete_object().bucket("ice").key("small").send().await.unwrap();
    w.put("pack", "STANDARD", vec![2; 10]).await;
    change(&w, "instant", "DEEP_ARCHIVE").await;
    let bill = w.sim.bill();
    let of = |class: &str| {
        let class = glacier_sim::class::Class::parse(class).unwrap();
        bill.line("early-deletion", class, None).map_or(0.0, |line| line.dollars)
    };
    let day = 86_400.0;
    same(of("STANDARD_IA"), 131_072.0 * 20.0 * day / GB / MONTH * 0.0125);
    same(of("GLACIER"), (1_048_576.0 + 32_768.0) * 80.0 * day / GB / MONTH * 0.0036);
    same(of("GLACIER_IR"), 1_048_576.0 * 80.0 * day / GB / MONTH * 0.004);
    // Copying out of GLACIER_IR reads it.
    same(bill.dollars("retrieval"), 1_048_576.0 / GB * 0.03);
    // Three puts, one to STANDARD, one copy at the rate of where it goes; the delete is free.
    same(bill.dollars("put-requests"), (0.01 + 0.03 + 0.02 + 0.005 + 0.05) / 1000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_instant_classes_are_billed_by_the_byte() {
    let w = world();
    w.put("k", "STANDARD_IA", vec![1; MIB]).await;
    let get = w.s3.get_object().bucket("ice").key("k").range("bytes=100-1099").send();
    get.await.unwrap().body.collect().await.unwrap();
    w.s3.head_object().bucket("ice").key("k").send().await.unwrap();
    w.s3.list_objects_v2().bucket("ice").send().await.unwrap();
    let bill = w.sim.bill();
    same(bill.dollars("retrieval"), 1000.0 / GB * 0.01);
    same(bill.dollars("get-requests"), 2.0 * 0.001 / 1000.0);
    same(bill.dollars("put-requests"), (0.01 + 0.005) / 1000.0);
    assert_eq!(bill.dollars("storage"), 0.0, "no time has passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn escalation_bills_the_bytes_once_at_the_faster_tier() {
    let w = world();
    w.put("k", "GLACIER", vec![1; MIB]).await;
    w.sim.reset().unwrap();
    w.restore("k", "Bulk", 1).await.unwrap();
    w.restore("k", "Standard", 1).await.unwrap();
    w.restore("k", "Bulk", 1).await.unwrap_err();
    let bill = w.sim.bill();
    same(bill.dollars("restore-retrieval"), 1_048_576.0 / GB * 0.01);
    same(bill.dollars("restore-requests"), 0.05 / 1000.0);
    w.sim.advance(DAY).unwrap();
    w.restore("k", "Standard", 5).await.unwrap();
    let extended = w.sim.bill();
    same(extended.dollars("restore-retrieval"), bill.dollars("restore-retrieval"));
    same(extended.dollars("restore-requests"), 2.0 * 0.05 / 1000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn transitions_are_billed_by_the_object() {
    let w = world();
    w.put("k", "STANDARD", vec![1; MIB]).await;
    w.sim.advance(DAY).unwrap();
    w.sim.transition("ice", "k", glacier_sim::class::Class::Glacier).unwrap();
    w.sim.advance(DAY).unwrap();
    let bill = w.sim.bill();
    same(bill.dollars("transitions"), 0.03 / 1000.0);
    let day = 86_400.0 / GB / MONTH;
    same(bill.dollars("storage"), 1_048_576.0 * day * 0.023 + (1_048_576.0 + 32_768.0) * day * 0.0036);
}

/// The log explains the bill: the same charges, summed by hand from its lines.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_every_charge() {
    let w = world();
    w.put("k", "GLACIER", vec![1; 10]).await;
    w.get("k").await.unwrap_err();
    w.get("none").await.unwrap_err();
    let log = w.sim.requests().unwrap();
    let seen: Vec<_> = log.iter().map(|r| (r.op.unwrap().name(), r.status, r.charges.len())).collect();
    // Refusals with 4xx are billed as requests.
    assert_eq!(seen, [("PutObject", 200, 1), ("GetObject", 403, 1), ("GetObject", 404, 1)]);
    assert_eq!(log[1].code.as_deref(), Some("InvalidObjectState"));
    same(w.sim.bill().dollars("get-requests"), 2.0 * 0.0004 / 1000.0);
    w.sim.reset().unwrap();
    assert!(w.sim.requests().unwrap().is_empty() && w.sim.bill().lines.is_empty() && w.sim.counts().is_empty());
}

use proptest::prelude::*;

use super::*;
use crate::cost::{Bill, Money, Prices};

const GB: u64 = 1 << 30;
const MONTH: u64 = 2_628_000;

fn prices() -> Prices {
    Prices::us_east_1().unwrap()
}

fn priced(fill: impl FnOnce(&mut Usage, &Prices)) -> Bill {
    let (mut usage, prices) = (Usage::default(), prices());
    fill(&mut usage, &prices);
    Bill::of(&usage, &prices)
}

#[track_caller]
fn costs(bill: &Bill, parts: &[(Item, i128)]) {
    let found: Vec<_> = bill.lines.iter().map(|line| (line.item, line.amount.nanos())).collect();
    assert_eq!(found, parts);
    assert_eq!(bill.total, bill.lines.iter().map(|line| line.amount).sum());
}

/// A month of a GB. In the archive classes 32 KiB are 2^-15 GB and 8 KiB 2^-17 GB:
/// 0.0036 × (1 + 2^-15) = 0.003600110, 0.00099 × (1 + 2^-15) = 0.000990030, 0.023 × 2^-17 = 0.000000175.
#[test]
fn a_gigabyte_for_a_month() {
    let month = |class| priced(|usage, prices| usage.store(prices, class, GB, MONTH));
    costs(&month(Class::Standard), &[(Item::Storage, 23_000_000)]);
    costs(&month(Class::Other), &[(Item::Storage, 23_000_000)]);
    costs(&month(Class::StandardIa), &[(Item::Storage, 12_500_000)]);
    costs(&month(Class::GlacierInstant), &[(Item::Storage, 4_000_000)]);
    costs(&month(Class::GlacierFlexible), &[(Item::Storage, 3_600_110), (Item::ArchiveOverhead, 175)]);
    costs(&month(Class::DeepArchive), &[(Item::Storage, 990_030), (Item::ArchiveOverhead, 175)]);
}

/// A thousand objects of 1 KiB: 1,024,000 B in Standard = 0.000021935; billed as 131,072,000 B in IA = 0.001525879 and in
/// Instant = 0.000488281; as 33,792,000 B in Deep Archive = 0.000031157 and 8,192,000 B at Standard = 0.000175476.
#[test]
fn small_objects_are_billed_as_larger_ones() {
    let month = |class| priced(|usage, prices| (0..1000).for_each(|_| usage.store(prices, class, 1024, MONTH)));
    costs(&month(Class::Standard), &[(Item::Storage, 21_935)]);
    costs(&month(Class::StandardIa), &[(Item::Storage, 1_525_879)]);
    costs(&month(Class::GlacierInstant), &[(Item::Storage, 488_281)]);
    costs(&month(Class::DeepArchive), &[(Item::Storage, 31_157), (Item::ArchiveOverhead, 175_476)]);
}

/// Deleted on the day it came, a GB owes 30, 90, 90, 180 days at 86,400 / 2,628,000 of a month each:
/// 0.0125 × 0.986301370, 0.004 × 2.958904110, 0.0036 × (1 + 2^-15) × 2.958904110, 0.00099 × (1 + 2^-15) × 5.917808219.
#[test]
fn early_deletion_is_the_rest_of_the_minimum() {
    let leave = |class, days: u64| priced(|usage, prices| usage.leave(prices, class, GB, days * DAY));
    costs(&leave(Class::Standard, 0), &[]);
    costs(&leave(Class::StandardIa, 0), &[(Item::EarlyDeletion, 12_328_767)]);
    costs(&leave(Class::GlacierInstant, 0), &[(Item::EarlyDeletion, 11_835_616)]);
    costs(&leave(Class::GlacierFlexible, 0), &[(Item::EarlyDeletion, 10_652_380)]);
    costs(&leave(Class::DeepArchive, 0), &[(Item::EarlyDeletion, 5_858_809)]);
    // A third left: 30 of 90 days.
    costs(&leave(Class::GlacierInstant, 60), &[(Item::EarlyDeletion, 3_945_205)]);
    costs(&leave(Class::GlacierInstant, 90), &[]);
    costs(&leave(Class::DeepArchive, 100_000), &[]);
}

#[test]
fn writing_into_a_class_costs_its_write() {
    for (class, nanos) in Class::ALL.into_iter().zip([5_000, 10_000, 20_000, 30_000, 50_000]) {
        let bill = priced(|usage, _| usage.upload(class, 64 << 20));
        assert_eq!(bill.total, Money::from_nanos(nanos), "{class}");
        assert_eq!(bill.item(Item::PutRequests), bill.total);
    }
    // 1 GB by round numbers: 2^30 / 10^9 × 0.02 = 0.021474836; into Standard nothing.
    let round = Prices::named("round-numbers").unwrap();
    let mut usage = Usage::default();
    usage.upload(Class::GlacierFlexible, GB);
    usage.upload(Class::Standard, GB);
    assert_eq!(Bill::of(&usage, &round).total, Money::from_nanos(21_474_836));
}

/// One GB out of Instant after 60 of 90 days into Deep Archive. By copying: a write at 0.05 / 1000, reading at 0.03, and
/// 30 days owed (above). By a rule: a transition at 0.05 / 1000, and the 30 days.
#[test]
fn a_change_of_class_is_a_write_a_read_and_a_leaving() {
    let change = |from, way| priced(|usage, prices| usage.change(prices, from, Class::DeepArchive, GB, 60 * DAY, way));
    let paid = |bill: Bill| bill.lines.into_iter().map(|line| (line.item, line.class, line.amount.nanos())).collect();
    let lines: Vec<_> = paid(change(Class::GlacierInstant, Way::Copy));
    let (instant, deep) = (Class::GlacierInstant, Class::DeepArchive);
    let owed = (Item::EarlyDeletion, instant, 3_945_205);
    let entry = (Item::Entry, deep, 0);
    let retrieval = (Item::Retrieval, instant, 30_000_000);
    assert_eq!(lines, [owed, (Item::PutRequests, deep, 50_000), entry, retrieval]);
    let lines: Vec<_> = paid(change(Class::GlacierInstant, Way::Rule));
    assert_eq!(lines, [owed, (Item::Transitions, deep, 50_000), entry]);
    let lines: Vec<_> = paid(change(Class::Standard, Way::Copy));
    assert_eq!(lines, [(Item::PutRequests, deep, 50_000), entry]);
    assert!(change(Class::DeepArchive, Way::Copy).lines.is_empty());
    // A frozen object is copied from its readable copy, which is in Standard.
    let bill = priced(|usage, prices| usage.change(prices, deep, Class::Standard, GB, 200 * DAY, Way::Copy));
    assert_eq!(bill.total, Money::from_nanos(5_000));
}

/// 100 ranged reads of 1 MiB: IA 100 × 0.001 / 1000 + 100 / 1024 × 0.01 = 0.0001 + 0.000976563 (0.0009765625, a half up);
/// Instant 100 × 0.01 / 1000 + 100 / 1024 × 0.03 = 0.001 + 0.002929688; others 100 × 0.0004 / 1000 and no bytes.
#[test]
fn reads_of_instant_classes_cost_bytes() {
    let read = |class| priced(|usage, _| usage.read(class, 100, 100 << 20));
    costs(&read(Class::StandardIa), &[(Item::GetRequests, 100_000), (Item::Retrieval, 976_563)]);
    costs(&read(Class::GlacierInstant), &[(Item::GetRequests, 1_000_000), (Item::Retrieval, 2_929_688)]);
    costs(&read(Class::Standard), &[(Item::GetRequests, 40_000)]);
    costs(&read(Class::DeepArchive), &[(Item::GetRequests, 40_000)]);
}

/// One GB, three days of copy: 3 × 86,400 / 2,628,000 × 0.023 = 0.002268493.
#[test]
fn a_thaw_is_a_request_its_bytes_and_a_copy() {
    let thaw = |class, tier| priced(|usage, _| usage.thaw(class, tier, GB, 3 * DAY));
    let copy = (Item::RestoredCopy, 2_268_493);
    let lines = |request, bytes| [copy, (Item::RestoreRequests, request), (Item::RestoreRetrieval, bytes)];
    costs(&thaw(Class::DeepArchive, Tier::Bulk), &lines(25_000, 2_500_000));
    costs(&thaw(Class::DeepArchive, Tier::Standard), &lines(100_000, 20_000_000));
    costs(&thaw(Class::GlacierFlexible, Tier::Bulk), &lines(0, 0));
    costs(&thaw(Class::GlacierFlexible, Tier::Standard), &lines(50_000, 10_000_000));
    costs(&thaw(Class::GlacierFlexible, Tier::Expedited), &lines(10_000_000, 30_000_000));
}

/// 2,500 keys are three pages: 10 rounds are 30 listings at 0.005 / 1000. 2,500 HEADs at 0.0004 / 1000. Ten GB out at 0.09.
#[test]
fn looking_and_leaving_the_region() {
    costs(&priced(|usage, _| usage.lists(2500, 10)), &[(Item::ListRequests, 150_000)]);
    costs(&priced(|usage, _| usage.lists(0, 1)), &[(Item::ListRequests, 5_000)]);
    costs(&priced(|usage, _| usage.heads(Class::DeepArchive, 2500)), &[(Item::GetRequests, 1_000_000)]);
    costs(&priced(|usage, _| usage.transfer_out(10 * GB)), &[(Item::TransferOut, 900_000_000)]);
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL.to_vec())
}

fn anything(usage: &mut Usage, prices: &Prices, what: u8, class: Class, to: Class, bytes: u64, seconds: u64) {
    match what % 7 {
        0 => usage.store(prices, class, bytes, seconds),
        1 => usage.leave(prices, class, bytes, seconds),
        2 => usage.upload(class, bytes),
        3 => usage.change(prices, class, to, bytes, seconds, Way::Copy),
        4 => usage.read(class, seconds, bytes),
        5 => usage.thaw(Class::DeepArchive, Tier::Bulk, bytes, seconds),
        _ => usage.lists(bytes, seconds),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_usage_has_a_bill_that_adds_up(
        steps in prop::collection::vec((any::<u8>(), class(), class(), 0u64..1 << 50, 0u64..1 << 40), 0..20),
    ) {
        let prices = prices();
        let (mut whole, mut halves) = (Usage::default(), [Usage::default(), Usage::default()]);
        for (at, (what, class, to, bytes, seconds)) in steps.into_iter().enumerate() {
            anything(&mut whole, &prices, what, class, to, bytes, seconds);
            anything(&mut halves[at % 2], &prices, what, class, to, bytes, seconds);
        }
        let [mut sum, other] = halves.clone();
        sum.add(&other);
        prop_assert_eq!(&sum, &whole, "quantities add up exactly");
        let bill = Bill::of(&whole, &prices);
        prop_assert!(bill.lines.iter().all(|line| line.amount >= Money::ZERO));
        let by_class: Money = Class::ALL.into_iter().map(|class| bill.class(class)).sum();
        prop_assert_eq!(by_class, bill.total);
        // Each line of each half is rounded once.
        let parts: i128 = halves.iter().map(|half| Bill::of(half, &prices).total.nanos()).sum();
        prop_assert!((parts - bill.total.nanos()).abs() <= 2 * bill.lines.len() as i128);
    }

    #[test]
    fn more_costs_more(class in class(), tier in prop::sample::select(Tier::ALL.to_vec()),
        bytes in 0u64..1 << 50, more in 0u64..1 << 40, seconds in 0u64..1 << 32, longer in 0u64..1 << 30,
    ) {
        let total = |fill: &dyn Fn(&mut Usage, &Prices)| priced(|usage, prices| fill(usage, prices)).total;
        let keep = |bytes, seconds| total(&|usage, prices| usage.store(prices, class, bytes, seconds));
        prop_assert!(keep(bytes, seconds) <= keep(bytes + more, seconds));
        prop_assert!(keep(bytes, seconds) <= keep(bytes, seconds + longer));
        let leave = |bytes, held| total(&|usage, prices| usage.leave(prices, class, bytes, held));
        prop_assert!(leave(bytes, seconds + longer) <= leave(bytes, seconds), "the longer kept, the less is owed");
        prop_assert!(leave(bytes, seconds) <= leave(bytes + more, seconds));
        let thaw = |bytes, kept| total(&|usage, _| usage.thaw(class, tier, bytes, kept));
        prop_assert!(thaw(bytes, seconds) <= thaw(bytes + more, seconds + longer));
    }

    /// Leaving early never saves: what was kept and what is owed are at least the whole minimum.
    #[test]
    fn the_minimum_is_paid_in_any_case(class in class(), bytes in 0u64..1 << 50, held in 0u64..400 * DAY) {
        let prices = prices();
        let left = |held| {
            let mut usage = Usage::default();
            usage.store(&prices, class, bytes, held);
            usage.leave(&prices, class, bytes, held);
            Bill::of(&usage, &prices)
        };
        let own = |bill: &Bill| (bill.item(Item::Storage) + bill.item(Item::EarlyDeletion)).nanos();
        let minimum = u64::from(prices.of(class).min_days) * DAY;
        prop_assert!(own(&left(held)) >= own(&left(minimum.min(held))) - 2);
        if held < minimum {
            prop_assert!((own(&left(held)) - own(&left(minimum))).abs() <= 2);
        }
    }
}

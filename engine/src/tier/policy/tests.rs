use proptest::prelude::*;

use super::*;
use crate::tier::access::{Window, Windows};
use crate::tier::estimate::Monthly;

const GB: u64 = 1 << 30;

fn prices() -> Prices {
    Prices::us_east_1().unwrap()
}

fn facts(place: Place) -> PackFacts<'static> {
    PackFacts {
        bytes: GB,
        age_days: 400,
        last_read_days: None,
        reads: Windows::default(),
        place,
        pinned: &[],
        remaining_life_days: None,
    }
}

fn held(class: Class, held_days: u32) -> Place {
    Place::Bucket { class, held_days, readable: !class.is_frozen() }
}

fn policy(text: &str) -> Policy {
    Policy::parse(&format!("name = \"p\"\n{text}")).unwrap()
}

/// Between these classes, for a life of so many days, with nothing unforeseen.
fn between(classes: &str, threshold: &str) -> Policy {
    policy(&format!(
        "assume = {{ restores_per_month = 0.0 }}\nthreshold = {threshold}\n[[rule]]\nclasses = [{classes}]\n"
    ))
}

fn class_of(decision: &Decision) -> Option<Class> {
    match decision.action {
        Action::Move(class) => Some(class),
        _ => None,
    }
}

/// Standard and Deep Archive, from here, a GB for n days. Standard: 0.000005 + n × 0.023 / 30.41667 = n × 0.000756164. Deep:
/// 0.00005 + 180 days at least × 0.000032549 = 0.005858809, + n × 0.0000000058. Equal where n × 0.000756158 =
/// 0.005903809: n = 7.81. So 7 days belong in Standard, 8 in Deep Archive.
#[test]
fn break_even_of_a_minimum_duration() {
    let policy = between("\"standard\", \"deep-archive\"", "{ percent = 0, dollars = 0 }");
    let at = |days| {
        let facts = PackFacts { remaining_life_days: Some(days), ..facts(Place::Local) };
        class_of(&policy.decide(&prices(), &facts))
    };
    assert_eq!(at(7), Some(Class::Standard));
    assert_eq!(at(8), Some(Class::DeepArchive));
}

/// Standard and Standard-IA, a pack of n bytes for 730 days. Per GB-month IA saves 0.0105, but bills 131,072 bytes: equal
/// where n × 0.023 = 131,072 × 0.0125 in storage: 71,235 B; the dearer write (0.000005 more, 24 months of 0.000000023 per
/// GB…) moves it: n = (131,072 × 0.0125 × 24 + 0.000005 × 2^30) / (0.023 × 24) = 80,961 B.
#[test]
fn break_even_of_a_minimum_size() {
    let policy = between("\"standard\", \"standard-ia\"", "{ percent = 0, dollars = 0 }");
    let at = |bytes| class_of(&policy.decide(&prices(), &PackFacts { bytes, ..facts(Place::Local) }));
    assert_eq!(at(80_900), Some(Class::Standard));
    assert_eq!(at(81_100), Some(Class::StandardIa));
}

/// Instant and Deep Archive (Standard tier, three days), wanted as a whole r times a month, for 730 days (24 months of storage,
/// 24.3333 of 30 days). Deep is cheaper to keep by 24 × (0.004 − 0.000990206) = 0.072235 and dearer to enter by 0.00003;
/// bringing it back (0.022746575) costs less than reading it all from Instant (0.03001): frozen at any r. With $0.10 for
/// waiting once it is dearer by 0.092736575 r: equal where 24.3333 × 0.092736575 r = 0.072205: r = 0.031998.
#[test]
fn break_even_of_waiting() {
    let at = |restores: f64, wait: f64| {
        let policy = policy(&format!(
            "[assume]\nrestores_per_month = {restores}\nwait_cost = {wait}\n[[rule]]\nclasses = [\"glacier-ir\", \"deep-archive\"]"
        ));
        class_of(&policy.decide(&prices(), &facts(Place::Local)))
    };
    assert_eq!(at(0.0315, 0.1), Some(Class::DeepArchive));
    assert_eq!(at(0.0325, 0.1), Some(Class::GlacierInstant));
    assert_eq!(at(10.0, 0.0), Some(Class::DeepArchive));
}

/// Read in small parts: n MiB on one day a month for a year. In Deep Archive every such day wakes the whole GB:
/// 0.022746575; in Instant it costs n / 1024 × 0.03. Per month of 30 days Instant is dearer to keep by
/// 24 × 0.003009794 / 24.3333 = 0.002968563, and cheaper to enter by 0.00003 / 24.3333; so equal where n / 1024 × 0.03 =
/// 0.0197793: n = 675.
#[test]
fn break_even_of_partial_reads() {
    let policy = between("\"glacier-ir\", \"deep-archive\"", "{}");
    let at = |mib: u64| {
        let window = |months: u32| Window { days: months, reads: 0, bytes: u64::from(months) * (mib << 20) };
        let reads = Windows { month: window(1), quarter: window(3), year: window(12) };
        class_of(&policy.decide(&prices(), &PackFacts { reads, ..facts(Place::Local) }))
    };
    assert_eq!(at(640), Some(Class::GlacierInstant));
    assert_eq!(at(700), Some(Class::DeepArchive));
}

/// From Standard to IA, unread, for n days: saves n × 0.0105 / 30.41667 = n × 0.000345205, less the write of 0.00001.
/// Staying costs n × 0.000756164. A threshold of 45 % is met where 0.000345205 n − 0.00001 ≥ 0.000340274 n: n ≥ 2.03, but
/// 30 days are the minimum: n < 30 pays 30 × 0.000410959 = 0.012328767. At 40 %: 0.000756164 n − 0.00001 − 0.012328767 ≥
/// 0.000302466 n: n ≥ 27.2; so 27 days stay and 28 move. By dollars: 0.01 is reached at n = 29 (0.0219288 − 0.0123388 =
/// 0.00959) not, at 30 (0.0226849 − 0.0123388 = 0.010346) yes.
#[test]
fn a_saving_under_the_threshold_is_no_reason_to_move() {
    let at = |days, threshold: &str| {
        let policy = between("\"standard\", \"standard-ia\"", threshold);
        let facts = PackFacts { remaining_life_days: Some(days), ..facts(held(Class::Standard, 50)) };
        let decision = policy.decide(&prices(), &facts);
        (class_of(&decision), decision.reason)
    };
    let percent = "{ percent = 40, dollars = 0 }";
    assert_eq!(at(27, percent), (None, Reason::UnderThreshold));
    assert_eq!(at(28, percent), (Some(Class::StandardIa), Reason::Cheapest));
    let dollars = "{ percent = 0, dollars = 0.01 }";
    assert_eq!(at(29, dollars), (None, Reason::UnderThreshold));
    assert_eq!(at(30, dollars), (Some(Class::StandardIa), Reason::Cheapest));
    // 16 days (0.0120986) cost less in Standard than 30 in IA, 17 (0.0128548) more.
    assert_eq!(at(16, "{ percent = 0, dollars = 0 }"), (None, Reason::Best));
    assert_eq!(at(17, "{ percent = 0, dollars = 0 }").0, Some(Class::StandardIa));
}

#[test]
fn frozen_packs_move_only_when_they_can_be_copied() {
    // Warmer is dearer, but prescribed.
    let policy = Policy::simple(30, Class::Standard);
    let frozen = |readable| facts(Place::Bucket { class: Class::DeepArchive, held_days: 10, readable });
    let decision = policy.decide(&prices(), &frozen(false));
    assert_eq!((decision.action, decision.reason), (Action::MoveWhenThawed(Class::Standard), Reason::Prescribed));
    assert!(decision.saving < Money::ZERO);
    assert!(decision.to_string().starts_with("to standard when it is thawed: the rule names this class; saves -$0."));
    assert_eq!(policy.decide(&prices(), &frozen(true)).action, Action::Move(Class::Standard));
}

#[test]
fn leaving_early_is_part_of_the_price_of_a_move() {
    // Just arrived in Instant: 90 days are owed, which for a life of 90 days is all that Deep Archive could save.
    let policy = between("\"glacier-ir\", \"deep-archive\"", "{ percent = 0, dollars = 0 }");
    let at = |held_days| {
        let facts = PackFacts { remaining_life_days: Some(300), ..facts(held(Class::GlacierInstant, held_days)) };
        policy.decide(&prices(), &facts)
    };
    // Staying 300 days: 0.039452; leaving reads it for 0.03, enters for 0.00005, keeps it for 0.009767, and owes the rest:
    // 0.039817 without any.
    assert_eq!(at(90).reason, Reason::Best);
    let longer = PackFacts { remaining_life_days: Some(900), ..facts(held(Class::GlacierInstant, 90)) };
    assert_eq!(policy.decide(&prices(), &longer).action, Action::Move(Class::DeepArchive));
    let early = PackFacts { place: held(Class::GlacierInstant, 0), ..longer.clone() };
    let owed = policy.decide(&prices(), &longer).saving - policy.decide(&prices(), &early).saving;
    assert_eq!(owed.nanos(), 11_835_616, "90 days × 0.004 × 12 / 365");
}

#[test]
fn the_first_rule_that_fits_decides() {
    let policy = policy(
        r#"
[[rule]]
pinned = ["startup"]
class = "standard"
[[rule]]
pinned = ["*"]
class = "standard-ia"
[[rule]]
min_bytes = 1_000
max_bytes = 2_000
class = "glacier-ir"
[[rule]]
older_than_days = 100
not_read_for_days = 50
read_at_most = "yearly"
min_remaining_life_days = 200
class = "deep-archive"
"#,
    );
    let rule = |facts: PackFacts<'_>| policy.decide(&prices(), &facts).rule;
    let base = || PackFacts { last_read_days: Some(50), ..facts(Place::Local) };
    assert_eq!(rule(PackFacts { pinned: &["startup"], ..base() }), Some(1));
    assert_eq!(rule(PackFacts { pinned: &["files"], ..base() }), Some(2));
    assert_eq!(rule(PackFacts { pinned: &["files", "startup"], ..base() }), Some(2));
    assert_eq!([999, 1000, 2000, 2001].map(|bytes| rule(PackFacts { bytes, ..base() })), [4, 3, 3, 4].map(Some));
    assert_eq!(rule(PackFacts { age_days: 99, ..base() }), None);
    assert_eq!(rule(PackFacts { age_days: 100, ..base() }), Some(4));
    assert_eq!(rule(PackFacts { last_read_days: Some(49), ..base() }), None);
    assert_eq!(rule(PackFacts { last_read_days: None, ..base() }), Some(4));
    assert_eq!(rule(PackFacts { remaining_life_days: Some(199), ..base() }), None);
    let month = Window { days: 1, reads: 1, bytes: 1 };
    assert_eq!(rule(PackFacts { reads: Windows { month, quarter: month, year: month }, ..base() }), None);
    let none = policy.decide(&prices(), &PackFacts { age_days: 0, ..base() });
    assert_eq!(none.to_string(), "stays: no rule fits");
}

#[test]
fn the_simple_policy_does_what_it_says() {
    let policy = Policy::simple(30, Class::DeepArchive);
    let at = |age_days, place| policy.decide(&prices(), &PackFacts { age_days, ..facts(place) });
    assert_eq!(at(29, Place::Local).reason, Reason::NoRule);
    assert_eq!(at(30, Place::Local).action, Action::Move(Class::DeepArchive));
    assert_eq!(at(30, held(Class::Standard, 1)).reason, Reason::Prescribed);
    assert_eq!(at(30, held(Class::DeepArchive, 1)).reason, Reason::Best);
    assert_eq!(at(30, held(Class::Other, 1)).reason, Reason::ForeignClass);
    let pinned = PackFacts { pinned: &["startup"], ..facts(Place::Local) };
    assert_eq!(policy.decide(&prices(), &pinned), policy.decide(&prices(), &facts(Place::Local)));
}

#[test]
fn the_built_in_policy() {
    let policy = Policy::built_in().unwrap();
    assert_eq!(policy.assume, Assumptions::default());
    assert_eq!(policy.threshold, Threshold::default());
    let unread = policy.decide(&prices(), &facts(held(Class::Standard, 400)));
    assert_eq!((unread.action, unread.rule), (Action::Move(Class::DeepArchive), Some(1)));
    assert_eq!(unread.estimates.len(), 5);
    // 10 MiB read yesterday, and on every tenth day.
    let window = |days: u32| Window { days, reads: days.into(), bytes: u64::from(days) * (10 << 20) };
    let reads = Windows { month: window(3), quarter: window(9), year: window(36) };
    let read = PackFacts { reads, last_read_days: Some(1), ..facts(held(Class::Standard, 400)) };
    let read = policy.decide(&prices(), &read);
    assert_eq!((read.action, read.rule), (Action::Move(Class::GlacierInstant), Some(2)));
    let json = serde_json::to_string(&read).unwrap();
    assert!(json.starts_with(r#"{"action":{"move":"glacier-ir"},"reason":"cheapest","rule":2"#), "{json}");
}

#[test]
fn what_is_wrong_is_told() {
    let told = |text: &str| Policy::parse(&format!("name = \"p\"\n{text}")).unwrap_err().to_string();
    assert!(told("\n[[rule]]\nclass = \"lukewarm\"").contains("line 4"));
    assert!(
        told("[[rule]]\nclass = \"lukewarm\"").contains("standard, standard-ia, glacier-ir, glacier, deep-archive")
    );
    assert!(told("[[rule]]\nclasses = []").contains("rule 1 must have"));
    assert!(told("[[rule]]\nclass = \"glacier\"\nclasses = [\"glacier\"]").contains("rule 1 must have"));
    assert!(told("[[rule]]\nolder = 3\nclass = \"glacier\"").contains("unknown field `older`"));
    assert!(told("[assume]\nrestores_per_month = -0.1").contains("line 3"));
    assert!(told("[assume]\nrestores_per_month = nan").contains("0 to 30"));
    assert!(told("[assume]\nrestore_days = 0").contains("1 to 36500"));
    assert!(told("[threshold]\ndollars = -1").contains("no price"));
    assert!(told(&"#".repeat(MAX_LEN)).contains("bytes long"));
    let many = "[[rule]]\nclass = \"glacier\"\n".repeat(MAX_RULES + 1);
    assert!(told(&many).contains("1001 rules"));
    assert_eq!(Monthly::new(f64::NAN), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is chosen never costs more than staying, and never less than the threshold.
    #[test]
    fn choices_by_cost_pay(
        now in prop::sample::select(Class::ALL.to_vec()), bytes in 0u64..1 << 40, held_days in 0u32..1000,
        life in 1u32..4000, days in 0u32..30, size in 0u64..1 << 40,
    ) {
        let policy = between("\"standard\", \"standard-ia\", \"glacier-ir\", \"glacier\", \"deep-archive\"", "{}");
        let window = Window { days, reads: days.into(), bytes: size };
        let reads = Windows { month: window, quarter: window, year: window };
        let facts = PackFacts { bytes, reads, remaining_life_days: Some(life), ..facts(held(now, held_days)) };
        let decision = policy.decide(&prices(), &facts);
        let of = |class| decision.estimates.iter().find(|estimate| estimate.class == class).unwrap().total;
        match decision.action {
            Action::Stay => prop_assert_eq!(decision.saving, Money::ZERO),
            Action::Move(class) | Action::MoveWhenThawed(class) => {
                prop_assert_ne!(class, now);
                prop_assert_eq!(decision.saving, of(now) - of(class));
                prop_assert!(decision.saving >= Money::from_nanos(1_000_000));
                prop_assert!(decision.estimates.iter().all(|estimate| estimate.total >= of(class)));
                prop_assert_eq!(now.is_frozen(), matches!(decision.action, Action::MoveWhenThawed(_)));
            }
        }
    }
}

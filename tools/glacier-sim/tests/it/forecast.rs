//! firn's forecast of a bill and the bill are the same, formula by formula and for the whole price table.

use firn_engine::cost::{self, Prices as Forecast, Way};
use firn_engine::remote;
use glacier_sim::bill::{Prices, bill};
use glacier_sim::class::{Class, Tier};
use glacier_sim::op::Group;
use glacier_sim::usage::{Charge, Usage};
use proptest::prelude::*;

fn class(class: Class) -> remote::Class {
    remote::Class::from_s3_name(class.name())
}

fn tier(tier: Tier) -> remote::Tier {
    tier.name().parse().unwrap()
}

/// What happens to an object, told to both.
#[derive(Debug, Clone, Copy)]
enum Step {
    Keep(Class, u64, u64),
    Delete(Class, u64, u64),
    Put(Class, u64),
    Change(Class, Class, u64, u64, bool),
    Read(Class, u64),
    Thaw(Class, Tier, u64, u64),
    List(u64),
}

fn bills(step: Step, usage: &mut Usage) {
    let instant = |class| matches!(class, Class::StandardIa | Class::GlacierIr);
    match step {
        Step::Keep(class, bytes, seconds) => usage.store(class, bytes, seconds),
        Step::Delete(class, bytes, held) => usage.leave(class, bytes, held),
        Step::Put(class, _) => usage.charge(Charge::Request { group: Group::Put, class }),
        Step::Change(from, to, ..) if from == to => {}
        Step::Change(from, to, bytes, held, rule) => {
            if rule {
                usage.charge(Charge::Transition { class: to });
            } else {
                usage.charge(Charge::Request { group: Group::Put, class: to });
                if instant(from) {
                    usage.charge(Charge::Retrieved { class: from, bytes });
                }
            }
            usage.leave(from, bytes, held);
        }
        Step::Read(class, bytes) => {
            usage.charge(Charge::Request { group: Group::Get, class });
            if instant(class) {
                usage.charge(Charge::Retrieved { class, bytes });
            }
        }
        Step::Thaw(class, tier, bytes, seconds) => {
            usage.charge(Charge::Restore { class, tier });
            usage.charge(Charge::Thawed { class, tier, bytes });
            usage.copy(class, bytes, seconds);
        }
        Step::List(pages) => {
            (0..pages).for_each(|_| usage.charge(Charge::Request { group: Group::Put, class: Class::Standard }));
        }
    }
}

fn forecasts(step: Step, prices: &Forecast, usage: &mut cost::Usage) {
    match step {
        Step::Keep(of, bytes, seconds) => usage.store(prices, class(of), bytes, seconds),
        Step::Delete(of, bytes, held) => usage.leave(prices, class(of), bytes, held),
        Step::Put(of, bytes) => usage.upload(class(of), bytes),
        Step::Change(from, to, bytes, held, rule) => {
            let way = if rule { Way::Rule } else { Way::Copy };
            usage.change(prices, class(from), class(to), bytes, held, way);
        }
        Step::Read(of, bytes) => usage.read(class(of), 1, bytes),
        Step::Thaw(of, at, bytes, seconds) => usage.thaw(class(of), tier(at), bytes, seconds),
        Step::List(pages) => usage.lists(pages * 1000, 1),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let class = || prop::sample::select(Class::ALL.to_vec());
    let frozen = prop::sample::select(vec![
        (Class::Glacier, Tier::Bulk),
        (Class::Glacier, Tier::Standard),
        (Class::Glacier, Tier::Expedited),
        (Class::DeepArchive, Tier::Bulk),
        (Class::DeepArchive, Tier::Standard),
    ]);
    let (bytes, seconds) = (|| 0u64..1 << 34, || 0u64..400 * crate::DAY);
    prop_oneof![
        (class(), bytes(), seconds()).prop_map(|(class, bytes, time)| Step::Keep(class, bytes, time)),
        (class(), bytes(), seconds()).prop_map(|(class, bytes, time)| Step::Delete(class, bytes, time)),
        (class(), bytes()).prop_map(|(class, bytes)| Step::Put(class, bytes)),
        (class(), class(), bytes(), seconds(), any::<bool>())
            .prop_map(|(from, to, bytes, time, rule)| Step::Change(from, to, bytes, time, rule)),
        (class(), bytes()).prop_map(|(class, bytes)| Step::Read(class, bytes)),
        (frozen, bytes(), seconds()).prop_map(|((class, tier), bytes, time)| Step::Thaw(class, tier, bytes, time)),
        (1u64..20).prop_map(Step::List),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_forecast_is_the_bill(steps in prop::collection::vec(step(), 1..40)) {
        let (prices, table) = (Forecast::us_east_1().unwrap(), Prices::us_east_1().unwrap());
        let (mut forecast, mut used) = (cost::Usage::default(), Usage::default());
        for step in steps {
            bills(step, &mut used);
            forecasts(step, &prices, &mut forecast);
        }
        let (forecast, bill) = (cost::Bill::of(&forecast, &prices), bill(&used, &table));
        // The forecast rounds each line to a billionth of a dollar, and the bill's sums have 15 digits.
        let close = 1e-9 * forecast.lines.len() as f64 + 1e-12 * bill.total;
        prop_assert!((forecast.total.dollars() - bill.total).abs() <= close, "{} is not {}", forecast.total, bill.total);
    }

    /// Copies end when the server says they do.
    #[test]
    fn copies_end_at_the_same_midnight(ready in 0u64..4_000_000_000, days in 1u32..1000) {
        let ends = glacier_sim::time::Time::from_unix(ready).plus(u64::from(days) * crate::DAY).up_to_midnight();
        let forecast = cost::copy_expires(i64::try_from(ready).unwrap(), days);
        prop_assert_eq!(u64::try_from(forecast).unwrap(), ends.unix());
    }
}

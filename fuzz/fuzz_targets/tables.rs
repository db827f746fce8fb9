//! What stands beside the objects: histories of reads, journals of thaw jobs, price tables and policies. Any bytes give one or an error; a
//! table that is taken can be reckoned with, whatever figures are in it.
#![no_main]

use firn_engine::cost::{Prices, thaw_quotes};
use firn_engine::remote::{Class, Tier};
use firn_engine::thaw::parse_journal;
use firn_engine::tier::{History, PackFacts, Place, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8], u64, u32)| {
    let (kind, bytes, number, days) = input;
    match kind % 4 {
        0 => {
            let sum = blake3::hash(bytes);
            if let Some(history) = History::decode(&[bytes, sum.as_bytes()].concat()) {
                for access in history.accesses() {
                    let _ = (history.windows(&access.pack, days), history.last_read(&access.pack));
                }
            }
            let _ = History::decode(bytes);
        }
        1 => drop(parse_journal(bytes)),
        2 => {
            let Some(prices) = std::str::from_utf8(bytes).ok().and_then(|text| Prices::parse(text).ok()) else { return };
            let frozen = [(Class::DeepArchive, number), (Class::GlacierFlexible, 1)];
            for quote in thaw_quotes(&prices, &frozen, days, i64::from(days)) {
                assert!(quote.objects > quote.slower && Tier::ALL.contains(&quote.tier));
            }
        }
        _ => {
            let Some(policy) = std::str::from_utf8(bytes).ok().and_then(|text| Policy::parse(text).ok()) else { return };
            let Ok(prices) = Prices::us_east_1() else { return };
            for class in [Class::Standard, Class::GlacierInstant, Class::DeepArchive] {
                let place = Place::Bucket { class, held_days: days, readable: number % 2 == 0 };
                for place in [Place::Local, place] {
                    let facts = PackFacts {
                        bytes: number,
                        age_days: days,
                        last_read_days: Some(days),
                        reads: Default::default(),
                        place,
                        pinned: &[],
                        remaining_life_days: None,
                    };
                    let _ = policy.decide(&prices, &facts);
                }
            }
        }
    }
});

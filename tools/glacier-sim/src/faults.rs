//! Faults by seed: which request meets which, and how they are set.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::op::Op;

/// A kind of fault one request can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// 503 `SlowDown`; nothing happens.
    SlowDown,
    /// 500 `InternalError`; nothing happens.
    InternalError,
    /// 409 `ConditionalRequestConflict` on a conditional write; nothing happens.
    Conflict,
    /// The connection is reset before the request takes effect.
    Reset,
    /// The request takes effect, its answer is lost and the connection closed.
    LostAnswer,
    /// 200 with an `<Error>` body, as CopyObject and CompleteMultipartUpload may answer; nothing happens.
    ErrorIn200,
    /// The body of an answer to GetObject ends half-way.
    CutBody,
    /// One byte of the body of an answer to GetObject is wrong.
    CorruptBody,
}

/// How often requests meet each kind of fault: probabilities from 0 to 1, which add up to 1 at most. A request meets
/// one of them, and a delay besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Faults {
    /// Which requests are hit: the same seed, operations, keys and order per key meet the same faults.
    pub seed: u64,
    /// 503 `SlowDown`.
    pub slow_down: f64,
    /// 500 `InternalError`.
    pub internal_error: f64,
    /// 409 `ConditionalRequestConflict`; only conditional writes meet it.
    pub conflict: f64,
    /// Connection reset before the effect.
    pub reset: f64,
    /// Answer lost after the effect.
    pub lost_answer: f64,
    /// `<Error>` under 200; only CopyObject and CompleteMultipartUpload meet it.
    pub error_in_200: f64,
    /// Body cut short; only GetObject meets it.
    pub cut_body: f64,
    /// Body corrupted; only GetObject meets it.
    pub corrupt_body: f64,
    /// How often the answer is held back for `delay-ms` of real time.
    pub delay: f64,
    /// Real milliseconds of a delay; at most a minute is waited.
    pub delay_ms: u64,
    /// Operations that meet faults (`GetObject`, …); empty means all.
    pub only: Vec<Op>,
    /// Faults are over after this many (delays do not count); `None` means never.
    pub limit: Option<u64>,
}

/// What is wrong with a set of faults.
#[derive(Debug, thiserror::Error)]
#[error("faults: {0}; give NAME=RATE pairs such as slow-down=0.05,lost-answer=0.02,seed=7")]
pub struct BadFaults(String);

impl Faults {
    /// Whether the rates are probabilities that add up to 1 at most.
    ///
    /// # Errors
    /// [`BadFaults`] names the rate that is not.
    pub fn check(&self) -> Result<(), BadFaults> {
        let mut sum = 0.0;
        for (kind, rate) in self.rates() {
            if !(0.0..=1.0).contains(&rate) {
                return Err(BadFaults(format!("{kind:?} is {rate}, not between 0 and 1")));
            }
            sum += rate;
        }
        if !(0.0..=1.0).contains(&self.delay) {
            return Err(BadFaults(format!("delay is {}, not between 0 and 1", self.delay)));
        }
        if sum > 1.0 + 1e-9 { Err(BadFaults(format!("the rates add up to {sum}"))) } else { Ok(()) }
    }

    fn rates(&self) -> [(FaultKind, f64); 8] {
        [
            (FaultKind::SlowDown, self.slow_down),
            (FaultKind::InternalError, self.internal_error),
            (FaultKind::Conflict, self.conflict),
            (FaultKind::Reset, self.reset),
            (FaultKind::LostAnswer, self.lost_answer),
            (FaultKind::ErrorIn200, self.error_in_200),
            (FaultKind::CutBody, self.cut_body),
            (FaultKind::CorruptBody, self.corrupt_body),
        ]
    }
}

impl FromStr for Faults {
    type Err = BadFaults;

    /// Parses `slow-down=0.05,lost-answer=0.02,seed=7,only=GetObject`; `only` may be given several times.
    fn from_str(text: &str) -> Result<Faults, BadFaults> {
        let mut faults = Faults::default();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| BadFaults(format!("{pair:?} has no value")))?;
            let bad = |e: &dyn fmt::Display| BadFaults(format!("{pair:?}: {e}"));
            let rate = || value.parse::<f64>().map_err(|e| bad(&e));
            let number = || value.parse::<u64>().map_err(|e| bad(&e));
            match name {
                "seed" => faults.seed = number()?,
                "slow-down" => faults.slow_down = rate()?,
                "internal-error" => faults.internal_error = rate()?,
                "conflict" => faults.conflict = rate()?,
                "reset" => faults.reset = rate()?,
                "lost-answer" => faults.lost_answer = rate()?,
                "error-in-200" => faults.error_in_200 = rate()?,
                "cut-body" => faults.cut_body = rate()?,
                "corrupt-body" => faults.corrupt_body = rate()?,
                "delay" => faults.delay = rate()?,
                "delay-ms" => faults.delay_ms = number()?,
                "limit" => faults.limit = Some(number()?),
                "only" => faults.only.push(value.parse().map_err(|e| bad(&e))?),
                _ => return Err(BadFaults(format!("{name:?} is no fault"))),
            }
        }
        faults.check()?;
        Ok(faults)
    }
}

/// What one request meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// The fault, if any.
    pub fault: Option<FaultKind>,
    /// Real milliseconds its answer is held back.
    pub delay_ms: u64,
    /// A number of its own, e.g. for the place of a corrupted byte.
    pub luck: u64,
}

/// Draws fates: a pure function of the seed, the operation, the key and how often that pair was asked for, so that
/// concurrent clients do not change each other's luck.
#[derive(Debug, Default)]
pub struct Draw {
    faults: Faults,
    asked: HashMap<(Op, String), u64>,
    met: u64,
}

impl Draw {
    /// Starts anew with these faults.
    pub fn new(faults: Faults) -> Draw {
        Draw { faults, asked: HashMap::new(), met: 0 }
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The fate of the next request of `op` on `name`.
    pub fn next(&mut self, op: Op, name: &str, conditional: bool) -> Fate {
        if self.faults.delay == 0.0 && self.faults.rates().iter().all(|(_, rate)| *rate == 0.0) {
            // Fair weather: nothing to remember, for as long as it lasts.
            return Fate::default();
        }
        let asked = self.asked.entry((op, name.to_owned())).or_default();
        *asked += 1;
        if !self.faults.only.is_empty() && !self.faults.only.contains(&op) {
            return Fate::default();
        }
        let luck = mix(mix(self.faults.seed ^ hash(op.name()) ^ hash(name).rotate_left(17)).wrapping_add(*asked));
        let mut fate = Fate { fault: None, delay_ms: 0, luck };
        if fraction(mix(luck ^ 1)) < self.faults.delay {
            fate.delay_ms = self.faults.delay_ms.min(60_000);
        }
        if self.faults.limit.is_some_and(|limit| self.met >= limit) {
            return fate;
        }
        let mut dart = fraction(mix(luck ^ 2));
        for (kind, rate) in self.faults.rates() {
            if dart < rate {
                if meets(kind, op, conditional) {
                    self.met += 1;
                    fate.fault = Some(kind);
                }
                break;
            }
            dart -= rate;
        }
        fate
    }
}

fn meets(kind: FaultKind, op: Op, conditional: bool) -> bool {
    match kind {
        FaultKind::SlowDown | FaultKind::InternalError | FaultKind::Reset | FaultKind::LostAnswer => true,
        FaultKind::Conflict => conditional,
        FaultKind::ErrorIn200 => matches!(op, Op::CopyObject | Op::CompleteMultipartUpload),
        FaultKind::CutBody | FaultKind::CorruptBody => op == Op::GetObject,
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of `x`.
pub(crate) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a: stable across builds, which the standard hasher is not.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

fn fraction(x: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept exactly")]
    let top = (x >> 11) as f64;
    top / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(faults: &Faults, requests: u32) -> Vec<Option<FaultKind>> {
        let mut draw = Draw::new(faults.clone());
        (0..requests).map(|i| draw.next(Op::GetObject, &format!("k{}", i % 50), false).fault).collect()
    }

    #[test]
    fn the_same_seed_meets_the_same_faults_at_about_the_rates() {
        let faults: Faults = "slow-down=0.1,cut-body=0.2,conflict=0.3,seed=7".parse().unwrap();
        let fates = run(&faults, 10_000);
        assert_eq!(fates, run(&faults, 10_000));
        let count = |kind| fates.iter().filter(|fate| **fate == Some(kind)).count();
        assert!((800..1200).contains(&count(FaultKind::SlowDown)), "{}", count(FaultKind::SlowDown));
        assert!((1700..2300).contains(&count(FaultKind::CutBody)), "{}", count(FaultKind::CutBody));
        assert_eq!(count(FaultKind::Conflict), 0, "a read is no conditional write");
        assert_ne!(fates, run(&Faults { seed: 8, ..faults }, 10_000));
    }

    #[test]
    fn other_requests_do_not_change_a_keys_luck() {
        let faults: Faults = "internal-error=0.5,seed=3".parse().unwrap();
        let mut alone = Draw::new(faults.clone());
        let mut crowded = Draw::new(faults);
        for i in 0..200 {
            crowded.next(Op::HeadObject, &format!("other{i}"), false);
            assert_eq!(alone.next(Op::GetObject, "k", false), crowded.next(Op::GetObject, "k", false));
        }
    }

    #[test]
    fn limits_and_operations() {
        let faults: Faults = "slow-down=1,limit=3,only=GetObject".parse().unwrap();
        assert_eq!(run(&faults, 10).iter().flatten().count(), 3);
        assert_eq!(Draw::new(faults).next(Op::PutObject, "k", false).fault, None);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["slow-down", "slow-down=2", "slow-down=0.6,reset=0.6", "rain=1", "seed=x", "only=Fly", "delay=-1"] {
            assert!(bad.parse::<Faults>().is_err(), "{bad}");
        }
    }
}

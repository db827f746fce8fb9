//! Which class a pack should be in: rules in TOML, decided by expected cost. `default.toml` shows the format.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::access::Frequency;
use super::estimate::{Assumptions, Estimate, PackFacts, Place, estimate};
use crate::cost::{Money, Price, Prices};
use crate::remote::Class;

/// Longest policy accepted, in bytes.
const MAX_LEN: usize = 1 << 20;
/// Most rules.
const MAX_RULES: usize = 1000;

const DEFAULT: &str = include_str!("default.toml");

/// Rules, of which the first that fits a pack decides. The one that comes with firn, with all there is to say:
///
/// ```toml
#[doc = include_str!("default.toml")]
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// What it reckons with.
    #[serde(default)]
    pub assume: Assumptions,
    /// What is not worth a move.
    #[serde(default)]
    pub threshold: Threshold,
    /// The rules, in order.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

/// The least that a move inside the bucket must save, over a pack's remaining life. Both have to be met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threshold {
    /// Percent of what staying would cost.
    pub percent: u32,
    /// Dollars per pack.
    pub dollars: Price,
}

impl Default for Threshold {
    fn default() -> Self {
        Threshold { percent: 10, dollars: Price::new(0.001).unwrap_or_default() }
    }
}

/// One rule: what it asks of a pack, and where that pack belongs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Days since it was written, at least.
    pub older_than_days: u32,
    /// Days since it was last read, at least; a pack never read fits.
    pub not_read_for_days: u32,
    /// How often it is read at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at_most: Option<Frequency>,
    /// Its size in bytes, at least.
    pub min_bytes: u64,
    /// Its size in bytes, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Days it will live on, at least.
    pub min_remaining_life_days: u32,
    /// Every image that uses it has a pinned working set, found in one of these ways: `startup`, `mount`, `files` (`*`: in any). Without,
    /// it does not matter.
    pub pinned: Vec<String>,
    /// The class, whatever it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The classes, among which cost decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
}

/// Why a policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no such policy; the text names line and column.
    #[error("policy: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is far too long.
    #[error("policy: {0} bytes long, more than {MAX_LEN}")]
    TooLong(usize),
    /// It has far too many rules.
    #[error("policy {name:?}: {count} rules, more than {MAX_RULES}")]
    TooMany {
        /// The policy.
        name: String,
        /// How many it has.
        count: usize,
    },
    /// A rule names no class, or names both one and several.
    #[error("policy {name:?}: rule {rule} must have either class = \"…\" or classes = [\"…\", …]")]
    Classes {
        /// The policy.
        name: String,
        /// Which rule, from 1.
        rule: usize,
    },
    /// A copy must be kept for a day at least.
    #[error("policy {name:?}: assume.restore_days = {days}, but it is 1 to 36500")]
    RestoreDays {
        /// The policy.
        name: String,
        /// What it is.
        days: u32,
    },
}

/// What should happen to a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Stay,
    /// It goes into this class: written there if it is only here, copied onto itself if it is in the bucket.
    Move(Class),
    /// The same, once it has a readable copy: frozen packs are not thawed for being moved.
    MoveWhenThawed(Class),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No rule fits.
    NoRule,
    /// It is where it should be.
    Best,
    /// Another class would cost less, but by too little.
    UnderThreshold,
    /// Its class is one that firn does not use.
    ForeignClass,
    /// The rule names this class.
    Prescribed,
    /// It has the lowest expected cost.
    Cheapest,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Reason::NoRule => "no rule fits",
            Reason::Best => "it is where it should be",
            Reason::UnderThreshold => "a move would save too little",
            Reason::ForeignClass => "its class is not one of firn's",
            Reason::Prescribed => "the rule names this class",
            Reason::Cheapest => "it has the lowest expected cost",
        })
    }
}

/// What a policy makes of a pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// What should happen.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that fitted, from 1.
    pub rule: Option<usize>,
    /// Less than staying, over the remaining life; for a pack that is only here, less than Standard. Negative if more.
    pub saving: Money,
    /// What was compared: the classes of the rule, warmest first.
    pub estimates: Vec<Estimate>,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Stay => write!(f, "stays: {}", self.reason),
            Action::Move(class) => write!(f, "to {class}: {}; saves {}", self.reason, self.saving),
            Action::MoveWhenThawed(class) => {
                write!(f, "to {class} when it is thawed: {}; saves {}", self.reason, self.saving)
            }
        }
    }
}

impl Rule {
    fn fits(&self, facts: &PackFacts<'_>, assume: &Assumptions) -> bool {
        let life = facts.remaining_life_days.unwrap_or(assume.remaining_life_days);
        facts.age_days >= self.older_than_days
            && facts.last_read_days.is_none_or(|days| days >= self.not_read_for_days)
            && self.read_at_most.is_none_or(|most| facts.reads.frequency() <= most)
            && facts.bytes >= self.min_bytes
            && self.max_bytes.is_none_or(|most| facts.bytes <= most)
            && life >= self.min_remaining_life_days
            && self.fits_pins(facts.pinned)
    }

    fn fits_pins(&self, pinned: &[&str]) -> bool {
        let named = |by: &&str| self.pinned.iter().any(|wanted| wanted == "*" || wanted == by);
        self.pinned.is_empty() || !pinned.is_empty() && pinned.iter().all(named)
    }
}

impl Policy {
    /// The policy used when none is named. Fails in no build that has passed its tests.
    pub fn built_in() -> Result<Policy, PolicyError> {
        Policy::parse(DEFAULT)
    }

    /// Everything that is older than so many days goes into one class: `--older-than 30d --class …`.
    pub fn simple(older_than_days: u32, class: Class) -> Policy {
        let rule = Rule { older_than_days, class: Some(class), ..Rule::default() };
        let (assume, threshold) = Default::default();
        Policy { name: format!("older than {older_than_days} days to {class}"), assume, threshold, rules: vec![rule] }
    }

    /// Reads a policy. Unknown keys, classes and figures that can't be are refused.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > MAX_LEN {
            return Err(PolicyError::TooLong(text.len()));
        }
        let policy: Policy = toml::from_str(text)?;
        let name = || policy.name.clone();
        if policy.rules.len() > MAX_RULES {
            return Err(PolicyError::TooMany { name: name(), count: policy.rules.len() });
        }
        let days = policy.assume.restore_days;
        if !(1..=36_500).contains(&days) {
            return Err(PolicyError::RestoreDays { name: name(), days });
        }
        match policy.rules.iter().position(|rule| rule.class.is_some() != rule.classes.is_empty()) {
            Some(at) => Err(PolicyError::Classes { name: name(), rule: at + 1 }),
            None => Ok(policy),
        }
    }

    /// Decides for one pack.
    pub fn decide(&self, prices: &Prices, facts: &PackFacts<'_>) -> Decision {
        let stays =
            |reason, rule| Decision { action: Action::Stay, reason, rule, saving: Money::ZERO, estimates: Vec::new() };
        if matches!(facts.place, Place::Bucket { class: Class::Other, .. }) {
            return stays(Reason::ForeignClass, None);
        }
        let Some((at, rule)) = self.rules.iter().enumerate().find(|(_, rule)| rule.fits(facts, &self.assume)) else {
            return stays(Reason::NoRule, None);
        };
        let classes = Class::ALL.into_iter().filter(|class| rule.class == Some(*class) || rule.classes.contains(class));
        let of = |class| estimate(prices, facts, &self.assume, class);
        let estimates: Vec<Estimate> = classes.map(of).collect();
        // Of equals the warmest.
        let Some(best) = estimates.iter().min_by_key(|estimate| estimate.total).copied() else {
            return stays(Reason::NoRule, Some(at + 1));
        };
        let (now, readable) = match facts.place {
            Place::Local => (None, true),
            Place::Bucket { class, readable, .. } => (Some(class), readable),
        };
        let baseline = of(now.unwrap_or(Class::Standard)).total;
        let saving = baseline - best.total;
        let prescribed = rule.class.is_some();
        let too_little = saving < self.threshold.dollars.money()
            || saving < baseline.times(self.threshold.percent.into(), 100)
            || saving == Money::ZERO;
        let (action, reason) = match now {
            Some(class) if class == best.class => (Action::Stay, Reason::Best),
            Some(_) if !prescribed && too_little => (Action::Stay, Reason::UnderThreshold),
            _ => (
                if readable { Action::Move(best.class) } else { Action::MoveWhenThawed(best.class) },
                if prescribed { Reason::Prescribed } else { Reason::Cheapest },
            ),
        };
        let saving = if action == Action::Stay { Money::ZERO } else { saving };
        Decision { action, reason, rule: Some(at + 1), saving, estimates }
    }
}

#[cfg(test)]
mod tests;

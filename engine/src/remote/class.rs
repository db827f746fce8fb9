//! What a bucket can keep an object as, and how it can bring one back.

use std::fmt;
use std::str::FromStr;

/// A storage class of S3: what a byte costs to keep, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Read at once, no minimum.
    Standard,
    /// Read at once for a price per byte; 30 days at least.
    StandardIa,
    /// Glacier Instant Retrieval: read at once for a higher price per byte; 90 days at least.
    GlacierInstant,
    /// Glacier Flexible Retrieval: restored first, in minutes to hours; 90 days at least.
    GlacierFlexible,
    /// Glacier Deep Archive: restored first, in half a day to two days; 180 days at least.
    DeepArchive,
    /// One that firn does not use. Read like Standard; never chosen, never left.
    Other,
}

impl Class {
    /// Those that firn chooses among, warmest first.
    pub const ALL: [Class; 5] =
        [Class::Standard, Class::StandardIa, Class::GlacierInstant, Class::GlacierFlexible, Class::DeepArchive];

    /// The byte that stands for it in firn's own files.
    pub(crate) fn code(self) -> u8 {
        match self {
            Class::Standard => 0,
            Class::StandardIa => 1,
            Class::GlacierInstant => 2,
            Class::GlacierFlexible => 3,
            Class::DeepArchive => 4,
            Class::Other => u8::MAX,
        }
    }

    /// The class that a byte stands for.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Class::ALL.into_iter().chain([Class::Other]).find(|class| class.code() == code)
    }

    /// Whether objects must be restored before they can be read.
    pub fn is_frozen(self) -> bool {
        matches!(self, Class::GlacierFlexible | Class::DeepArchive)
    }

    /// Its name in the S3 protocol; empty for one that firn does not use.
    pub fn s3_name(self) -> &'static str {
        match self {
            Class::Standard => "STANDARD",
            Class::StandardIa => "STANDARD_IA",
            Class::GlacierInstant => "GLACIER_IR",
            Class::GlacierFlexible => "GLACIER",
            Class::DeepArchive => "DEEP_ARCHIVE",
            Class::Other => "",
        }
    }

    /// The class of this name in the S3 protocol, where no name means Standard.
    pub fn from_s3_name(name: &str) -> Self {
        match name {
            "" => Class::Standard,
            name => Class::ALL.into_iter().find(|class| class.s3_name() == name).unwrap_or(Class::Other),
        }
    }
}

/// As users write them: the protocol's names in lower case with dashes.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Class::Standard => "standard",
            Class::StandardIa => "standard-ia",
            Class::GlacierInstant => "glacier-ir",
            Class::GlacierFlexible => "glacier",
            Class::DeepArchive => "deep-archive",
            Class::Other => "other",
        })
    }
}

/// Not the name of something one can choose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is none of {choices}")]
pub struct UnknownName {
    given: String,
    choices: String,
}

fn named<T: Copy + fmt::Display>(all: &[T], given: &str) -> Result<T, UnknownName> {
    let wanted = given.to_ascii_lowercase().replace('_', "-");
    all.iter().copied().find(|one| one.to_string() == wanted).ok_or_else(|| {
        let choices: Vec<String> = all.iter().map(ToString::to_string).collect();
        UnknownName { given: given.to_owned(), choices: choices.join(", ") }
    })
}

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(&Class::ALL, text)
    }
}

/// How fast a frozen object is asked back, and for how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Slowest and cheapest.
    Bulk,
    /// In between.
    Standard,
    /// Minutes; not to be had for Deep Archive.
    Expedited,
}

impl Tier {
    /// All of them, slowest first.
    pub const ALL: [Tier; 3] = [Tier::Bulk, Tier::Standard, Tier::Expedited];

    /// Its name in the S3 protocol.
    pub fn s3_name(self) -> &'static str {
        match self {
            Tier::Bulk => "Bulk",
            Tier::Standard => "Standard",
            Tier::Expedited => "Expedited",
        }
    }

    /// Shortest time until an object of this class is readable, in seconds, as the provider states it; 0 for Deep Archive,
    /// where it states none, and `None` where [`Tier::longest`] is.
    pub fn shortest(self, class: Class) -> Option<u64> {
        const HOUR: u64 = 60 * 60;
        self.longest(class).map(|_| match (class, self) {
            (Class::GlacierFlexible, Tier::Expedited) => 60,
            (Class::GlacierFlexible, Tier::Standard) => 3 * HOUR,
            (Class::GlacierFlexible, Tier::Bulk) => 5 * HOUR,
            _ => 0,
        })
    }

    /// The next slower tier.
    pub fn slower(self) -> Option<Tier> {
        Tier::ALL.into_iter().rev().find(|tier| *tier < self)
    }

    /// This tier, or where the class can't have it the next slower one that it can; `None` where nothing is frozen.
    pub fn available(self, class: Class) -> Option<Tier> {
        Tier::ALL.into_iter().rev().filter(|tier| *tier <= self).find(|tier| tier.longest(class).is_some())
    }

    /// Longest time until an object of this class is readable, in seconds, as the provider states it; `None` where the
    /// tier can't be had or the class needs no restore.
    pub fn longest(self, class: Class) -> Option<u64> {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        match (class, self) {
            (Class::GlacierFlexible, Tier::Expedited) => Some(5 * MINUTE),
            (Class::GlacierFlexible, Tier::Standard) => Some(5 * HOUR),
            (Class::GlacierFlexible, Tier::Bulk) => Some(12 * HOUR),
            (Class::DeepArchive, Tier::Standard) => Some(12 * HOUR),
            (Class::DeepArchive, Tier::Bulk) => Some(48 * HOUR),
            _ => None,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tier::Bulk => "bulk",
            Tier::Standard => "standard",
            Tier::Expedited => "expedited",
        })
    }
}

impl FromStr for Tier {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named(&Tier::ALL, text)
    }
}

/// In files and in JSON both stand as users write them.
macro_rules! as_written {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_written!(Class, Tier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_unknown_ones_are_told() {
        for class in Class::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(Class::from_s3_name(class.s3_name()), class);
            assert_eq!(class.s3_name().replace("GLACIER_IR", "glacier-ir").parse(), Ok(class));
        }
        assert_eq!(Class::from_s3_name(""), Class::Standard);
        assert_eq!(Class::from_s3_name("EXPRESS_ONEZONE"), Class::Other);
        for tier in Tier::ALL {
            assert_eq!(tier.s3_name().parse(), Ok(tier));
        }
        let error = "slow".parse::<Tier>().unwrap_err().to_string();
        assert_eq!(error, "\"slow\" is none of bulk, standard, expedited");
    }

    #[test]
    fn only_what_is_frozen_has_to_be_waited_for() {
        for class in Class::ALL {
            assert_eq!(class.is_frozen(), Tier::Standard.longest(class).is_some());
        }
        assert_eq!(Tier::Expedited.longest(Class::DeepArchive), None);
        assert_eq!(Tier::Expedited.available(Class::DeepArchive), Some(Tier::Standard));
        assert_eq!((Tier::Expedited.slower(), Tier::Bulk.slower()), (Some(Tier::Standard), None));
        assert_eq!(Tier::Bulk.available(Class::DeepArchive), Some(Tier::Bulk));
        assert_eq!(Tier::Expedited.available(Class::GlacierInstant), None);
        for (class, tier) in Class::ALL.into_iter().flat_map(|class| Tier::ALL.map(|tier| (class, tier))) {
            assert_eq!(tier.shortest(class).is_some(), tier.longest(class).is_some());
            assert!(tier.shortest(class) < tier.longest(class) || tier.longest(class).is_none());
        }
    }
}

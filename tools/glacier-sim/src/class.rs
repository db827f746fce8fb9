//! Storage classes and retrieval tiers, and the terms that are facts about S3 rather than prices.
//!
//! Source: S3 user guide, "Understanding and managing Amazon S3 storage classes" (minimum durations, minimum
//! billable sizes, metadata added to archived objects).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::DAY;

/// A storage class this server knows; every other name is refused with `InvalidStorageClass`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// `STANDARD`.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// `STANDARD_IA`: infrequent access.
    #[serde(rename = "STANDARD_IA")]
    StandardIa,
    /// `GLACIER_IR`: instant retrieval; not archived.
    #[serde(rename = "GLACIER_IR")]
    GlacierIr,
    /// `GLACIER`: flexible retrieval; archived.
    #[serde(rename = "GLACIER")]
    Glacier,
    /// `DEEP_ARCHIVE`; archived.
    #[serde(rename = "DEEP_ARCHIVE")]
    DeepArchive,
}

impl Class {
    /// All of them, warmest first: the order in which lifecycle transitions go down.
    pub const ALL: [Class; 5] =
        [Class::Standard, Class::StandardIa, Class::GlacierIr, Class::Glacier, Class::DeepArchive];

    /// Its name in the S3 API.
    pub fn name(self) -> &'static str {
        match self {
            Class::Standard => "STANDARD",
            Class::StandardIa => "STANDARD_IA",
            Class::GlacierIr => "GLACIER_IR",
            Class::Glacier => "GLACIER",
            Class::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    /// The class of that API name.
    pub fn parse(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether objects must be restored before they can be read.
    pub fn is_archive(self) -> bool {
        matches!(self, Class::Glacier | Class::DeepArchive)
    }

    /// Seconds that are paid for at least.
    pub fn minimum_seconds(self) -> u64 {
        match self {
            Class::Standard => 0,
            Class::StandardIa => 30 * DAY,
            Class::GlacierIr | Class::Glacier => 90 * DAY,
            Class::DeepArchive => 180 * DAY,
        }
    }

    /// Bytes billed at the class's own rate for an object of `size` bytes: at least 128 KiB in `STANDARD_IA` and
    /// `GLACIER_IR`, and 32 KiB of index and metadata on top in the archive classes.
    pub fn billed_bytes(self, size: u64) -> u64 {
        match self {
            Class::Standard => size,
            Class::StandardIa | Class::GlacierIr => size.max(128 << 10),
            Class::Glacier | Class::DeepArchive => size.saturating_add(32 << 10),
        }
    }

    /// Bytes billed at the `STANDARD` rate besides: 8 KiB of name and metadata per archived object.
    pub fn billed_standard_bytes(self) -> u64 {
        if self.is_archive() { 8 << 10 } else { 0 }
    }

    /// Where the parts of an unfinished multipart upload are billed: uploads to archive classes are staged in
    /// `STANDARD`.
    pub fn staging(self) -> Class {
        if self.is_archive() { Class::Standard } else { self }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How fast, and at what price, an archived object is restored; slower ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Within half a day (`GLACIER`) or two days (`DEEP_ARCHIVE`).
    Bulk,
    /// Within hours.
    Standard,
    /// Within minutes; `GLACIER` only.
    Expedited,
}

impl Tier {
    /// All of them, slowest first.
    pub const ALL: [Tier; 3] = [Tier::Bulk, Tier::Standard, Tier::Expedited];

    /// Its name in the S3 API.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Bulk => "Bulk",
            Tier::Standard => "Standard",
            Tier::Expedited => "Expedited",
        }
    }

    /// The tier of that API name.
    pub fn parse(name: &str) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api() {
        for class in Class::ALL {
            assert_eq!(Class::parse(class.name()), Some(class));
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{class}\""));
        }
        assert_eq!(Class::parse("GLACIERS"), None);
        for tier in Tier::ALL {
            assert_eq!(Tier::parse(tier.name()), Some(tier));
        }
    }

    #[test]
    fn what_a_small_object_is_billed_for() {
        assert_eq!(Class::Standard.billed_bytes(1), 1);
        assert_eq!(Class::StandardIa.billed_bytes(1), 131_072);
        assert_eq!(Class::GlacierIr.billed_bytes(200_000), 200_000);
        assert_eq!(Class::Glacier.billed_bytes(1), 32_769);
        assert_eq!(Class::DeepArchive.billed_standard_bytes(), 8_192);
    }
}

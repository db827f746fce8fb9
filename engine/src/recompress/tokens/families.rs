use std::fmt;

use super::{Survey, rules};

/// A set of families of deflate encoders.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Families(u16);

/// The families by name, in the order in which they are shown.
const NAMES: [(Families, &str); 9] = [
    (Families::ZLIB_8, "zlib (memLevel 8)"),
    (Families::ZLIB_9, "zlib (memLevel 9)"),
    (Families::ZLIB_OTHER, "zlib (memLevel 1 to 7)"),
    (Families::GO, "Go 1.8 to 1.26"),
    (Families::KLAUSPOST, "klauspost, pgzip or Go from 1.27"),
    (Families::GNU_GZIP, "GNU gzip"),
    (Families::PIGZ, "pigz"),
    (Families::MINIZ, "miniz_oxide"),
    (Families::UNKNOWN, "unknown"),
];

impl Families {
    /// All.
    pub const ALL: Self = Self(u16::MAX);
    /// None.
    pub const NONE: Self = Self(0);
    /// zlib with memory level 8, the default; with or without flushes of the sync, full and partial kind.
    pub const ZLIB_8: Self = Self(1);
    /// zlib with memory level 9.
    pub const ZLIB_9: Self = Self(1 << 1);
    /// zlib with a lower memory level.
    pub const ZLIB_OTHER: Self = Self(1 << 2);
    /// `compress/flate` of Go 1.8 to 1.26, with or without `Flush`.
    pub const GO: Self = Self(1 << 3);
    /// klauspost's `compress/flate`, by itself or in pgzip, and Go's since 1.27; with or without `Flush`. Not klauspost's stateless
    /// writer.
    pub const KLAUSPOST: Self = Self(1 << 4);
    /// GNU gzip's own deflate, also with `--rsyncable`.
    pub const GNU_GZIP: Self = Self(1 << 5);
    /// pigz at levels 0 to 9 (its level 11 is zopfli), of any block size, also with `-i` and `-R`.
    pub const PIGZ: Self = Self(1 << 6);
    /// miniz_oxide at levels 1 to 10.
    pub const MINIZ: Self = Self(1 << 7);
    /// None of these.
    pub const UNKNOWN: Self = Self(1 << 8);

    /// The families that can have written what was surveyed; [`Self::UNKNOWN`] alone when none can.
    ///
    /// Who wrote it is among them, unless unknown: a prefix that shows little leaves many. Others may be among them, so this
    /// says what to try, and only trying says who it was.
    pub fn possible(survey: &Survey) -> Self {
        let mut possible = Self::NONE;
        let mut add = |family, fits: bool| {
            if fits && !survey.odd {
                possible = possible.or(family);
            }
        };
        add(Self::ZLIB_8, rules::zlib(survey, 8));
        add(Self::ZLIB_9, rules::zlib(survey, 9));
        add(Self::ZLIB_OTHER, (1..=7).any(|mem_level| rules::zlib(survey, mem_level)));
        add(Self::GO, rules::go(survey));
        add(Self::KLAUSPOST, rules::klauspost(survey));
        add(Self::GNU_GZIP, rules::gnu_gzip(survey));
        add(Self::PIGZ, rules::pigz(survey));
        add(Self::MINIZ, rules::miniz(survey));
        if possible == Self::NONE { Self::UNKNOWN } else { possible }
    }

    /// This and `others`.
    pub const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of `others` are in this set.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The families in it, one at a time.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(family, _)| family).filter(move |family| self.contains(*family))
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (_, name) in NAMES.iter().filter(|(family, _)| self.contains(*family)) {
            write!(f, "{}{name}", if first { "" } else { ", " })?;
            first = false;
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

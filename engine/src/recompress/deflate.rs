//! The deflate encoders firn can run again. To add one: a folder beside this file, a variant here and in `running`, its ids in
//! FORMAT.md, and its place in `candidates`.

use super::place::Flush;
use super::tokens::Families;
use super::watch::Cut;
use super::zlib::{self, ZlibParams};
use super::{goflate, kflate, pigz};
use crate::codec::layer::GzipHeader;

/// An encoder with its parameters: everything that, with the data, fixes a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeflateEncoder {
    /// Stock zlib.
    Zlib(ZlibParams),
    /// Go's `compress/flate`, 1.15 to 1.26.
    Go(GoLevel),
    /// GNU gzip.
    GnuGzip {
        /// 1 to 9.
        level: u8,
        /// `--rsyncable`.
        rsyncable: bool,
    },
    /// pigz.
    Pigz(pigz::Params),
    /// `klauspost/compress` and `klauspost/pgzip`, and Go's `compress/flate` from 1.27 on.
    Klauspost(kflate::Params),
    /// The crate `miniz_oxide`, at this level of 1 to 10.
    Miniz(u8),
}

/// A level of Go's `compress/flate`: -2 (`HuffmanOnly`) or 0 to 9; the default is 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GoLevel(i8);

impl GoLevel {
    /// `None` for other levels; -1 is 6.
    #[must_use]
    pub fn new(level: i8) -> Option<Self> {
        match level {
            -1 => Some(Self(6)),
            -2 | 0..=9 => Some(Self(level)),
            _ => None,
        }
    }

    /// -2 or 0 to 9.
    #[must_use]
    pub fn get(self) -> i8 {
        self.0
    }
}

/// A linked encoder that does not work; never a matter of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncoderFault {
    /// zlib, and what it did.
    #[error("zlib: {0}")]
    Zlib(&'static str),
    /// libzstd, and what it did.
    #[error("libzstd: {0}")]
    Zstd(&'static str),
    /// miniz_oxide, and what it did.
    #[error("miniz_oxide: {0}")]
    Miniz(&'static str),
    /// Parameters that cannot have come from a recipe.
    #[error("{0}: parameters out of range")]
    Parameters(&'static str),
}

/// Recipe ids of the encoders.
const ZLIB: u16 = 1;
const GO: u16 = 2;
const GNU_GZIP: u16 = 3;
const PIGZ: u16 = 4;
const KLAUSPOST: u16 = 5;
const MINIZ: u16 = 6;
/// Output as of zlib 1.3.2, and the same as 1.2.13's on the golden streams; as of Go 1.15 to 1.26, gzip 1.12 and 1.13, pigz 2.6 and
/// 2.8, miniz_oxide 0.7.4 to 0.9.1; klauspost's has its releases among its parameters. A release that changes it gets the next
/// number.
const FIRST_VERSION: u16 = 1;

/// Most parameter bytes an encoder may have in a recipe.
pub(super) const MAX_PARAMS: u64 = 255;

/// Why a recipe's encoder cannot be had.
pub(super) enum WireFault {
    /// No such id or version in this firn.
    Unknown,
    /// The encoder is known and its parameters make no sense.
    Parameters,
}

impl DeflateEncoder {
    /// Recipe id and version of the encoder, and its parameters.
    pub(super) fn to_wire(self) -> (u16, u16, Vec<u8>) {
        let (id, params) = match self {
            Self::Zlib(params) => (ZLIB, params.to_bytes().to_vec()),
            Self::Go(level) => (GO, level.get().to_le_bytes().to_vec()),
            Self::GnuGzip { level, rsyncable } => (GNU_GZIP, vec![level, rsyncable.into()]),
            Self::Pigz(params) => (PIGZ, params.to_bytes().to_vec()),
            Self::Klauspost(params) => (KLAUSPOST, params.to_bytes().to_vec()),
            Self::Miniz(level) => (MINIZ, vec![level]),
        };
        (id, FIRST_VERSION, params)
    }

    pub(super) fn from_wire(id: u16, version: u16, params: &[u8]) -> Result<Self, WireFault> {
        if version != FIRST_VERSION {
            return Err(WireFault::Unknown);
        }
        let known = match (id, params) {
            (ZLIB, _) => ZlibParams::from_bytes(params).map(Self::Zlib),
            (GO, &[level]) => {
                let level = i8::from_le_bytes([level]);
                GoLevel::new(level).filter(|known| known.get() == level).map(Self::Go)
            }
            (GNU_GZIP, &[level @ 1..=9, rsyncable @ 0..=1]) => Some(Self::GnuGzip { level, rsyncable: rsyncable == 1 }),
            (PIGZ, _) => pigz::Params::from_bytes(params).map(Self::Pigz),
            (KLAUSPOST, _) => kflate::Params::from_bytes(params).map(Self::Klauspost),
            (MINIZ, &[level @ 1..=10]) => Some(Self::Miniz(level)),
            (GO | GNU_GZIP | MINIZ, _) => None,
            _ => return Err(WireFault::Unknown),
        };
        known.ok_or(WireFault::Parameters)
    }

    /// Encoders worth trying on a member with this header, likeliest first within each family.
    pub(super) fn candidates(header: GzipHeader) -> Vec<Self> {
        let levels = likely_levels(header.xfl);
        let go = levels.into_iter().filter_map(|level| GoLevel::new(i8::try_from(level).ok()?));
        let go = go.chain([-2, 0].into_iter().filter_map(GoLevel::new)).map(Self::Go);
        let zlib = ZlibParams::candidates(header.xfl).into_iter().map(Self::Zlib);
        let gzip =
            [false, true].into_iter().flat_map(|rsyncable| levels.map(|level| Self::GnuGzip { level, rsyncable }));
        let pigz = pigz::Params::usual().flat_map(|params| levels.map(|level| Self::Pigz(params.at_level(level))));
        let klauspost = kflate::Params::usual().map(Self::Klauspost);
        let miniz = levels.map(Self::Miniz);
        go.chain(zlib).chain(gzip).chain(pigz).chain(klauspost).chain(miniz).collect()
    }

    /// The family by whose habits a stream of this encoder can be told.
    pub(super) fn family(&self) -> Families {
        match self {
            Self::Zlib(params) => match params.mem_level() {
                8 => Families::ZLIB_8,
                9 => Families::ZLIB_9,
                _ => Families::ZLIB_OTHER,
            },
            Self::Go(_) => Families::GO,
            Self::GnuGzip { .. } => Families::GNU_GZIP,
            Self::Pigz(_) => Families::PIGZ,
            Self::Klauspost(_) => Families::KLAUSPOST,
            Self::Miniz(_) => Families::MINIZ,
        }
    }

    /// Whether it can flush in this way.
    pub(super) fn can_flush(&self, flush: Flush) -> bool {
        match self {
            Self::Zlib(params) => params.own().is_some(),
            Self::Go(_) => flush == Flush::Sync,
            Self::Klauspost(params) => flush == Flush::Sync && params.framing() == kflate::Framing::Plain,
            Self::GnuGzip { .. } | Self::Pigz(_) | Self::Miniz(_) => false,
        }
    }

    /// Whether its window may slide early: `goflate` tells when.
    pub(super) fn slides_early(&self) -> bool {
        matches!(self, Self::Go(level) if level.get() >= 2)
    }

    /// Start of the decoded bytes that [`RunningEncoder::resume`] needs for a place behind a match that ends at `clean`; `None`
    /// for encoders that can't be resumed.
    pub(super) fn origin(&self, clean: u64) -> Option<u64> {
        match self {
            Self::Zlib(params) => zlib::deflate::Encoder::origin(params.own()?.0, clean),
            Self::Go(level) => goflate::Encoder::origin(level.get(), clean),
            Self::Pigz(params) => params.part_len().map(|_| clean.saturating_sub(pigz::DICTIONARY as u64)),
            Self::Klauspost(params) => params.part_len().map(|_| clean.saturating_sub(kflate::TAIL as u64)),
            Self::GnuGzip { .. } | Self::Miniz(_) => None,
        }
    }

    /// Where its streams can be cut; `None` for encoders that can't be resumed.
    pub(super) fn cut(&self) -> Option<Cut> {
        self.origin(0)?;
        Some(match self {
            Self::Pigz(params) => Cut::Parts { len: params.part_len()?, marked: false },
            Self::Klauspost(params) => Cut::Parts { len: params.part_len()?, marked: true },
            Self::Zlib(_) | Self::Go(_) | Self::GnuGzip { .. } | Self::Miniz(_) => Cut::Blocks,
        })
    }
}

/// Levels in the order of likelihood for a header with this XFL byte.
///
/// Encoders that follow RFC 1952 set XFL to 2 at level 9 and 4 at level 1, but Python set 2 always, Go and Java set 0.
pub(super) fn likely_levels(xfl: u8) -> [u8; 9] {
    match xfl {
        2 => [9, 6, 8, 7, 5, 4, 3, 2, 1],
        4 => [1, 6, 9, 5, 4, 3, 2, 7, 8],
        _ => [6, 9, 1, 5, 4, 3, 2, 7, 8],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::running::RunningEncoder;
    use super::*;

    #[test]
    fn every_candidate_survives_a_recipe() {
        for xfl in [0, 2, 4] {
            let candidates = DeflateEncoder::candidates(GzipHeader { xfl, ..GzipHeader::default() });
            assert_eq!(candidates.iter().collect::<HashSet<_>>().len(), candidates.len());
            for candidate in candidates {
                let (id, version, params) = candidate.to_wire();
                assert!(matches!(DeflateEncoder::from_wire(id, version, &params), Ok(same) if same == candidate));
                assert!(RunningEncoder::start(candidate).is_ok());
                assert!(matches!(DeflateEncoder::from_wire(id, 2, &params), Err(WireFault::Unknown)));
                let longer = [&params[..], &[0]].concat();
                assert!(matches!(DeflateEncoder::from_wire(id, version, &longer), Err(WireFault::Parameters)));
            }
        }
        for (id, params) in [(GO, [10]), (GO, [255]), (GNU_GZIP, [6]), (PIGZ, [6]), (KLAUSPOST, [5])] {
            assert!(matches!(DeflateEncoder::from_wire(id, 1, &params), Err(WireFault::Parameters)));
        }
        assert!(matches!(DeflateEncoder::from_wire(99, 1, &[]), Err(WireFault::Unknown)));
    }
}

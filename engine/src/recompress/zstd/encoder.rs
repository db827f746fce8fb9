use super::frame::FrameHeader;
use super::klauspost::{self, Params as KlauspostParams};
use super::libzstd::{LibzstdFlag, LibzstdParams};

/// An encoder with its parameters: everything that, with the data and its length, fixes a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ZstdEncoder {
    /// libzstd 1.5.7, and what it can do of earlier releases.
    Libzstd(LibzstdParams),
    /// `klauspost/compress/zstd` for Go.
    Klauspost(KlauspostParams),
}

/// Recipe ids of the encoders.
const LIBZSTD: u16 = 1;
const KLAUSPOST: u16 = 2;
/// Output as of libzstd 1.5.7, and of the releases in klauspost's parameters. A change of it gets the next number.
const FIRST_VERSION: u16 = 1;

/// Levels in the order of likelihood: the default, the highest, what is recommended for fast and for small, the others.
const LEVELS: [i32; 24] = [3, 19, 1, 9, 6, 2, 4, 5, 7, 8, 10, 11, 12, 15, 13, 14, 16, 17, 18, -1, -2, -3, -4, -5];
/// Levels at which libzstd 1.5.7 can write what releases before it wrote.
const AS_BEFORE: [i32; 10] = [1, 2, 15, 13, 14, -1, -2, -3, -4, -5];
/// The window of `--long`, if none is stated.
const LONG_WINDOW: u8 = 27;
/// Contents for which nobody asks for `--long`, where the header would not tell.
const SHORT: u64 = 1 << 20;

/// Why a recipe's encoder cannot be had.
pub(in super::super) enum WireFault {
    /// No such id or version in this firn.
    Unknown,
    /// The encoder is known and its parameters make no sense.
    Parameters,
}

impl ZstdEncoder {
    /// Recipe id and version of the encoder, and its parameters.
    pub(super) fn to_wire(self) -> (u16, u16, Vec<u8>) {
        match self {
            Self::Libzstd(params) => (LIBZSTD, FIRST_VERSION, params.to_bytes().to_vec()),
            Self::Klauspost(params) => (KLAUSPOST, FIRST_VERSION, params.to_bytes().to_vec()),
        }
    }

    pub(super) fn from_wire(id: u16, version: u16, params: &[u8]) -> Result<Self, WireFault> {
        match (id, version) {
            (LIBZSTD, FIRST_VERSION) => {
                LibzstdParams::from_bytes(params).map(Self::Libzstd).ok_or(WireFault::Parameters)
            }
            (KLAUSPOST, FIRST_VERSION) => {
                KlauspostParams::from_bytes(params).map(Self::Klauspost).ok_or(WireFault::Parameters)
            }
            _ => Err(WireFault::Unknown),
        }
    }

    /// Encoders worth trying on a frame with this header, likeliest first.
    pub(super) fn candidates(header: &FrameHeader) -> Vec<Self> {
        let plain = LEVELS.into_iter().filter_map(LibzstdParams::new);
        let unsplit = AS_BEFORE.into_iter().filter_map(LibzstdParams::new);
        let unsplit = unsplit.map(|params| params.with(LibzstdFlag::Unsplit, true));
        let window = header.window_log().unwrap_or(LONG_WINDOW);
        let long = plain.clone().filter_map(|params| params.long(window));
        let long = long.filter(|_| header.content_size.is_none_or(|len| len > SHORT));
        let plain = plain.chain(unsplit).chain(long);
        // A header with a window states the encoder's, unless it knew the length.
        let stated = header.window_log().filter(|_| header.content_size.is_none());
        let plain = plain.filter(|params| stated.is_none_or(|stated| params.window_log() == stated));
        let libzstd = plain
            .flat_map(|params| [true, false].map(|workers| params.with(LibzstdFlag::Workers, workers)))
            .map(|params| params.with(LibzstdFlag::Checksum, header.checksum))
            .map(|params| params.with(LibzstdFlag::ContentSize, header.content_size.is_some()))
            .map(Self::Libzstd);
        // What is refused by its first block at once comes first.
        klauspost::candidates(header).map(Self::Klauspost).chain(libzstd).collect()
    }

    /// An encoder that begins a frame as this one does and emits sooner, for a first look.
    pub(super) fn glance(self) -> Self {
        match self {
            Self::Libzstd(params) => Self::Libzstd(params.with(LibzstdFlag::Workers, false)),
            Self::Klauspost(_) => self,
        }
    }

    /// The same encoder, told of the end as stated.
    pub(super) fn ending(self, alone: bool) -> Self {
        match self {
            Self::Libzstd(params) => Self::Libzstd(params.with(LibzstdFlag::EndsAlone, alone)),
            Self::Klauspost(params) => Self::Klauspost(params.flushed(alone)),
        }
    }

    /// Whether the encoder is told of the end after its last bytes.
    pub(super) fn ends_alone(&self) -> bool {
        match self {
            Self::Libzstd(params) => params.has(LibzstdFlag::EndsAlone),
            Self::Klauspost(params) => params.is_flushed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn header(window: Option<u8>, content_size: Option<u64>) -> FrameHeader {
        FrameHeader { len: 6, window, content_size, checksum: true }
    }

    #[test]
    fn every_candidate_survives_a_recipe() {
        for header in [header(Some(0x58), None), header(Some(0x88), None), header(None, Some(5 << 20))] {
            let candidates = ZstdEncoder::candidates(&header);
            assert_eq!(candidates.iter().collect::<HashSet<_>>().len(), candidates.len());
            assert!(candidates.len() >= 20, "{}", candidates.len());
            for candidate in candidates.into_iter().flat_map(|c| [c, c.ending(true)]) {
                let (id, version, params) = candidate.to_wire();
                assert!(matches!(ZstdEncoder::from_wire(id, version, &params), Ok(same) if same == candidate));
                assert!(matches!(ZstdEncoder::from_wire(id, version + 1, &params), Err(WireFault::Unknown)));
                let longer = [&params[..], &[0]].concat();
                assert!(matches!(ZstdEncoder::from_wire(id, version, &longer), Err(WireFault::Parameters)));
            }
        }
        assert!(matches!(ZstdEncoder::from_wire(99, 1, &[]), Err(WireFault::Unknown)));
    }

    #[test]
    fn a_stated_window_leaves_the_levels_that_have_it() {
        let levels = |window: u8| {
            let all = ZstdEncoder::candidates(&header(Some((window - 10) << 3), None));
            let libzstd = all.into_iter().filter_map(|encoder| match encoder {
                ZstdEncoder::Libzstd(params) => Some(params),
                ZstdEncoder::Klauspost(_) => None,
            });
            let plain = libzstd.filter(|params| params.long_window().is_none());
            plain.map(|params| params.level()).collect::<HashSet<_>>()
        };
        assert_eq!(levels(21), HashSet::from([3, 4, 5, 6, 7, 8]));
        assert_eq!(levels(23), HashSet::from([17, 18, 19]));
        assert!(levels(25).is_empty());
    }

    /// What tells klauspost's frames from each other before any byte is encoded.
    #[test]
    fn a_header_leaves_the_levels_of_klauspost_that_write_it() {
        let levels = |window: Option<u8>, content_size, checksum| {
            let all = ZstdEncoder::candidates(&FrameHeader { checksum, ..header(window, content_size) });
            let klauspost = all.into_iter().filter_map(|encoder| match encoder {
                ZstdEncoder::Klauspost(params) if params.is_sniffed() => None,
                ZstdEncoder::Klauspost(params) => Some((params.level(), params.release() as u8)),
                ZstdEncoder::Libzstd(_) => None,
            });
            let mut levels: Vec<_> = klauspost.collect();
            levels.sort_unstable();
            levels
        };
        let every = |level| [0, 1, 2].map(|release| (level, release));
        assert_eq!(levels(Some(0x60), None, true), every(1));
        assert_eq!(levels(Some(0x68), None, true), [&every(2)[..], &[(3, 1), (3, 2), (4, 1), (4, 2)]].concat());
        assert_eq!(levels(Some(0x70), None, true), [(3, 0)]);
        assert_eq!(levels(Some(0x78), None, true), [(4, 0)]);
        assert_eq!(levels(Some(0), None, true).len(), 12);
        assert_eq!(levels(Some(0), Some(1000), true).len(), 12);
        assert_eq!(levels(None, Some(65_535), true).len(), 12);
        assert_eq!(levels(None, Some(65_536), true).len(), 9);
        let others = [(Some(0x58), None), (Some(0x68), Some(9 << 20)), (None, Some(131_072)), (None, Some(1024))];
        assert!(others.into_iter().all(|(window, len)| levels(window, len, true).is_empty()));
        assert!(levels(Some(0x68), None, false).is_empty(), "without a checksum");
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let refused = |bytes: [u8; 6]| matches!(ZstdEncoder::from_wire(1, 1, &bytes), Err(WireFault::Parameters));
        assert!(!refused([3, 0, 0, 0, 0, 0]));
        assert!(refused([0, 0, 0, 0, 0, 0]) && refused([20, 0, 0, 0, 0, 0]) && refused([0, 0, 0xfd, 0xff, 0, 0]));
        let refused_2 = |bytes: &[u8]| matches!(ZstdEncoder::from_wire(2, 1, bytes), Err(WireFault::Parameters));
        assert!(!refused_2(&[4, 2, 1]) && refused_2(&[0, 2, 1]) && refused_2(&[5, 2, 1]));
        assert!(refused_2(&[4, 3, 1]) && refused_2(&[4, 2, 4]) && refused_2(&[4, 2]));
        assert!(refused([3, 0, 0, 0, 9, 0]) && refused([3, 0, 0, 0, 28, 0]) && refused([3, 0, 0, 0, 0, 32]));
    }
}

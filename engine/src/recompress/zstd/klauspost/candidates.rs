use super::super::frame::FrameHeader;
use super::params::{Params, Release};
use super::{LEAST_WINDOW, window_byte};

/// Parameters in the order of likelihood: of the level that is the default everywhere, then by speed.
const LEVELS: [u8; 4] = [2, 1, 3, 4];

/// What could have written a frame with this header.
pub(in super::super) fn candidates(header: &FrameHeader) -> impl Iterator<Item = Params> {
    let header = *header;
    let all = LEVELS.into_iter().flat_map(|level| Release::ALL.into_iter().filter_map(move |r| Params::new(level, r)));
    let all = all.flat_map(|params| [false, true].map(|sniffed| params.sniffed(sniffed)));
    all.filter(move |params| header.checksum && could_write(*params, &header))
}

fn could_write(params: Params, header: &FrameHeader) -> bool {
    if params.is_sniffed() {
        return header.content_size.is_none() && header.window == Some(window_byte(params.window()));
    }
    let fits = |len: u64| len < params.block() as u64;
    match (header.window, header.content_size) {
        // One block, and its content less than what lengths in headers begin with.
        (Some(window), None) if window == window_byte(LEAST_WINDOW) => true,
        (Some(window), None) => window == window_byte(params.window()),
        (Some(_), Some(len)) => fits(len) && len <= LEAST_WINDOW as u64,
        (None, Some(len)) => fits(len) && len > LEAST_WINDOW as u64,
        (None, None) => false,
    }
}

//! Every re-encoder on any data in any slices: the slices do not matter, what comes out inflates back (by two inflaters), and
//! where the real program is at hand (zlib), the stream is the same.
#![no_main]

use std::io::Read;

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{
    DeflateEncoder, GoLevel, GzipRecipe, KlauspostFraming, KlauspostParams, KlauspostRevision, Member, PigzParams,
    Recipe, Strategy, Trailing, ZlibParams,
};
use libfuzzer_sys::fuzz_target;

mod common;
use common::blob;

/// A slice's unit in bytes.
const STEP: usize = 37;

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Some encoder for every byte.
fn encoder(choice: u8) -> Option<DeflateEncoder> {
    let level = choice % 10;
    let at_least_1 = level.max(1);
    Some(match choice / 10 {
        0 => DeflateEncoder::Zlib(ZlibParams::new(at_least_1, 15, 8, Strategy::Default)?),
        1 => DeflateEncoder::Zlib(ZlibParams::new(at_least_1, 15, 9, Strategy::Default)?),
        2 => DeflateEncoder::Go(GoLevel::new(level.cast_signed())?),
        3 => DeflateEncoder::GnuGzip { level: at_least_1, rsyncable: choice % 2 == 1 },
        4 => DeflateEncoder::Go(GoLevel::new(-2)?),
        options @ 5..=12 => {
            let options = options - 5;
            let (independent, rsyncable, single_thread) = (options & 1 > 0, options & 2 > 0, options & 4 > 0);
            DeflateEncoder::Pigz(PigzParams {
                level: at_least_1,
                block_len: 32 << 10,
                independent,
                rsyncable,
                single_thread,
            })
        }
        options => {
            let framings =
                [KlauspostFraming::Plain, KlauspostFraming::Parallel(32 << 10), KlauspostFraming::Parallel(256 << 10)];
            let revision = KlauspostRevision::ALL[usize::from(options / 3 % 4)];
            let level = if level == 0 && options % 2 == 0 { -2 } else { level.cast_signed() };
            DeflateEncoder::Klauspost(KlauspostParams::new(framings[usize::from(options % 3)], level, revision)?)
        }
    })
}

/// The bytes, repeated with a change in each round, so that short inputs reach past windows and blocks.
fn stretched(bytes: &[u8], rounds: u8) -> Vec<u8> {
    let mut data = Vec::new();
    for round in 0..=rounds {
        data.extend(bytes.iter().map(|byte| byte.wrapping_add(round & 3)));
        if data.len() > 300_000 {
            break;
        }
    }
    data
}

fuzz_target!(|input: (u8, u8, [u8; 4], &[u8])| {
    let (choice, rounds, slices, bytes) = input;
    let Some(encoder) = encoder(choice) else { return };
    let data = stretched(bytes, rounds);
    let member = Member { header: HEADER.as_slice().into(), encoder, len: data.len() as u64 };
    let recipe = Recipe::Gzip(GzipRecipe { members: vec![member], trailing: Trailing::default() });
    let whole = blob(&recipe, &data, &[255; 1], STEP);
    assert!(blob(&recipe, &data, &slices, STEP) == whole, "slices matter to {encoder:?}");
    let mut ours = Vec::new();
    decoder(whole.as_slice(), DecodeLimits::default()).expect("gzip").read_to_end(&mut ours).expect("gzip");
    assert!(ours == data, "{encoder:?} does not inflate back");
    let mut theirs = Vec::new();
    flate2::read::GzDecoder::new(whole.as_slice()).read_to_end(&mut theirs).expect("gzip");
    assert!(theirs == data, "flate2 inflates {encoder:?} otherwise");
    if let (0, level) = (choice / 10, (choice % 10).max(1)) {
        let body = whole.get(HEADER.len()..whole.len() - 8).expect("a header and a trailer");
        assert!(body == zlib(&data, level), "zlib -{level} writes something else");
    }
});

unsafe extern "C" {
    /// zlib's own, in one call; libz-sys declares the streaming calls only.
    fn compress2(out: *mut u8, out_len: *mut libz_sys::uLong, data: *const u8, len: libz_sys::uLong, level: i32)
    -> i32;
}

/// The deflate stream of the real zlib.
fn zlib(data: &[u8], level: u8) -> Vec<u8> {
    let mut len = data.len() as libz_sys::uLong + 4096 + data.len() as libz_sys::uLong / 8;
    let mut out = vec![0; len as usize];
    // SAFETY: both pointers are valid for the lengths that go with them.
    let code =
        unsafe { compress2(out.as_mut_ptr(), &mut len, data.as_ptr(), data.len() as libz_sys::uLong, level.into()) };
    assert_eq!(code, libz_sys::Z_OK);
    out.truncate(len as usize);
    // Two bytes before the stream, a checksum behind it.
    out.drain(..2);
    out.truncate(out.len() - 4);
    out
}

//! Whatever the stream is and however it is cut, skeleton and content concatenated are the input, and nothing panics.
#![no_main]

use firn_engine::tar::{Event, Limits, Splitter, TarError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u16)| {
    let (stream, step) = input;
    let mut seen = Vec::with_capacity(stream.len());
    let mut splitter = Splitter::new(Limits::default());
    for piece in stream.chunks(usize::from(step).max(1)) {
        let fed = splitter.feed::<TarError>(piece, &mut |event| {
            if let Event::Skeleton(bytes) | Event::Content(bytes) = event {
                seen.extend_from_slice(bytes);
            }
            Ok(())
        });
        if fed.is_err() {
            assert_eq!(stream.get(..seen.len()), Some(seen.as_slice()));
            return;
        }
    }
    let _ = splitter.finish();
    assert_eq!(seen, stream);
});

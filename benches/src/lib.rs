//! Benchmarks live in `benches/`, one file per structure or path: `cargo bench -p firn-benches`. The comparison of whole programs
//! (restic, borg) on real images is `cargo xtask bench-peers`.

//! Finds the recipes of compressed layers and carries them out: `recode LAYER…`. One line for each: what wrote it, the recipe's
//! bytes, the encoders tried, and the seconds that the search and the re-creation took.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use firn_engine::codec::layer::{DecodeLimits, decoder};
use firn_engine::recompress::{DetectLimits, Encoder, Recipe, detect, dismiss};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut reproduced, mut all) = (0, 0);
    for path in std::env::args_os().skip(1) {
        let blob = fs::read(&path)?;
        let open = || Ok(Box::new(BufReader::new(File::open(&path)?)) as Box<dyn Read + Send>);
        let limits = DetectLimits { threads: 2, ..DetectLimits::default() };
        let (len, cancel) = (blob.len() as u64, AtomicBool::new(false));
        let glance = Instant::now();
        let dismissed = dismiss(&open, len, limits, &cancel)?.is_some();
        let glance = glance.elapsed();
        let found = detect(&open, len, limits, &cancel)?;
        all += 1;
        let name = path.display();
        let (seconds, tried) = (found.elapsed.as_secs_f64(), found.tried);
        let Some(recipe) = &found.recipe else {
            println!(
                "{name}: unknown after {} of {len} bytes, {tried} tried, {seconds:.2} s (glance {glance:.2?}, {dismissed})",
                found.verified_bytes
            );
            continue;
        };
        assert!(!dismissed, "{name} was dismissed and has a recipe");
        let bytes = recipe.encode();
        let mut plain = Vec::new();
        decoder(blob.as_slice(), DecodeLimits::default())?.read_to_end(&mut plain)?;
        let started = Instant::now();
        let mut encoder = Encoder::new(&Recipe::decode(&bytes)?, Vec::with_capacity(blob.len()));
        encoder.write_all(&plain)?;
        assert!(encoder.finish()? == blob, "{name} is not re-created");
        let again = started.elapsed().as_secs_f64();
        reproduced += 1;
        println!(
            "{name}: {recipe}; {} bytes of {len}, {tried} tried, {seconds:.2} s (glance {glance:.2?}), again in {again:.2} s, {:.0} MB/s",
            bytes.len(),
            plain.len() as f64 / 1e6 / again
        );
    }
    println!("{reproduced} of {all}");
    Ok(())
}

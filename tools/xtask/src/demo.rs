//! `cargo xtask demo`: firn from the outside in a minute, on images made from Debian packages.

use std::path::Path;
use std::time::Instant;

use crate::corpus::{catalog, small};
use crate::error::{Result, check_failed};
use crate::firn::{self, Firn};
use crate::oci::ImageRef;
use crate::proc::Cmd;
use crate::{files, layouts, setup};

/// Runs the whole story below `dir`, which is removed at the end.
///
/// # Errors
/// A step fails.
pub fn run(dir: &Path) -> Result<()> {
    step("Looking for what is needed");
    setup::run("demo")?;
    step("Building firn (release)");
    let program = firn::program(None)?;
    files::make_dir(dir)?;
    let dir = files::absolute(dir)?;
    step("Making two images from Debian packages: one, and its rebuild a month later");
    let images = catalog::read(&small::build(&dir.join("images"))?)?;
    for image in &images {
        println!("  {}: {:.1} MB of files, {:.1} MB as gzip layers", image.tag, mb(image.raw), mb(image.compressed));
    }
    files::remove_dir(&dir.join("archive"))?;
    let firn = Firn::new(&program, &dir.join("archive"));
    firn.init()?;
    let stored = store(&firn, &images)?;
    if let Some(image) = images.last() {
        look(&firn, &image.source, &dir)?;
    }
    step("Restoring and comparing every blob");
    for image in &images {
        let out = ImageRef { dir: dir.join("out"), tag: image.tag.clone() };
        firn.restore(&image.tag, &out.to_string())?;
        let report = layouts::compare(&image.source, &out)?;
        if !report.problems.is_empty() {
            return check_failed(report.problems.join("\n"));
        }
        println!("  {}: {} blobs, {:.1} MB, bit for bit the same", image.tag, report.blobs, mb(report.bytes));
    }
    summary(&images, &stored);
    files::remove_dir(&dir)
}

fn step(text: &str) {
    println!("\n==> {text}");
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Archives each image; returns the archive's size after each.
fn store(firn: &Firn, images: &[catalog::Entry]) -> Result<Vec<u64>> {
    let mut stored = Vec::new();
    for image in images {
        step(&format!("firn archive {}", image.source));
        let begun = Instant::now();
        firn.archive(&image.source.to_string())?;
        let bytes = files::tree_bytes(firn.archive_dir())?;
        println!("  {:.1} s; the archive now holds {:.1} MB", begun.elapsed().as_secs_f64(), mb(bytes));
        stored.push(bytes);
    }
    step("firn ls, firn stats");
    firn.cmd(&["ls"]).show()?;
    firn.cmd(&["stats"]).show()?;
    Ok(stored)
}

/// Mounts one image, reads through the mount, unmounts.
fn look(firn: &Firn, image: &ImageRef, dir: &Path) -> Result<()> {
    step(&format!("firn mount {} and a look around", image.tag));
    let begun = Instant::now();
    let mount = firn.mount(&image.tag, &dir.join("mnt"))?;
    println!("  mounted after {} ms", begun.elapsed().as_millis());
    let version = Cmd::new("cat").arg(mount.dir().join("srv/app/version")).text()?;
    println!("  srv/app/version: {version}");
    let files = Cmd::new("find").arg(mount.dir()).args(["-type", "f"]).text()?;
    println!("  {} files", files.lines().count());
    let shell = Cmd::new(mount.dir().join("bin/busybox")).args(["echo", "a program run from the mount"]).text()?;
    println!("  {shell}");
    mount.unmount()
}

fn summary(images: &[catalog::Entry], stored: &[u64]) {
    step("What it saved");
    let raw: u64 = images.iter().map(|i| i.raw).sum();
    let compressed: u64 = images.iter().map(|i| i.compressed).sum();
    let last = stored.last().copied().unwrap_or(0);
    println!("  layers as files:     {:8.1} MB", mb(raw));
    println!("  layers as gzip:      {:8.1} MB", mb(compressed));
    println!(
        "  in the archive:      {:8.1} MB ({:.0} % of the gzip layers)",
        mb(last),
        100.0 * last as f64 / compressed.max(1) as f64
    );
    if let [first, .., last] = stored {
        println!("  the second image added {:.1} MB", mb(last.saturating_sub(*first)));
    }
}

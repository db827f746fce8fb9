//! The comparison as Markdown for people and JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::details::Details;
use super::input::Input;
use super::measure::Cost;

/// What one program needed for all images.
#[derive(Debug, Clone)]
pub struct ProgramResult {
    /// Its name.
    pub name: &'static str,
    /// Version and settings.
    pub settings: String,
    /// All its runs together.
    pub cost: Cost,
    /// Bytes in the repository after each image.
    pub stored: Vec<u64>,
    /// Elapsed seconds for each image.
    pub walls: Vec<f64>,
}

impl ProgramResult {
    /// Bytes in the repository after the last image so far.
    pub fn stored_now(&self) -> u64 {
        self.stored.last().copied().unwrap_or(0)
    }
}

/// A finished comparison.
#[derive(Debug, Clone)]
pub struct Report {
    tags: Vec<String>,
    raw: u64,
    compressed: u64,
    unique_compressed: u64,
    results: Vec<ProgramResult>,
    details: Option<Details>,
}

impl Report {
    pub(super) fn new(inputs: &[Input], results: Vec<ProgramResult>, details: Option<Details>) -> Self {
        let mut blobs: Vec<_> = inputs.iter().flat_map(|i| &i.blobs).collect();
        blobs.sort();
        blobs.dedup();
        Self {
            tags: inputs.iter().map(|i| i.tag.clone()).collect(),
            raw: inputs.iter().map(|i| i.raw).sum(),
            compressed: inputs.iter().map(|i| i.compressed).sum(),
            unique_compressed: blobs.iter().filter_map(|b| b.metadata().ok()).map(|m| m.len()).sum(),
            results,
            details,
        }
    }

    /// Stored bytes of `name`.
    pub fn stored(&self, name: &str) -> Option<u64> {
        self.result(name).map(ProgramResult::stored_now)
    }

    fn result(&self, name: &str) -> Option<&ProgramResult> {
        self.results.iter().find(|r| r.name == name)
    }

    /// Ratios of a row of firn's to its peers: stored bytes to the smaller one's, and the faster one's wall time to firn's.
    pub fn goals(&self, row: &str) -> Option<(f64, f64)> {
        let firn = self.result(row)?;
        let peers = || self.results.iter().filter(|r| !r.name.starts_with("firn"));
        let smallest = peers().map(|r| r.stored_now() as f64).min_by(f64::total_cmp)?;
        let fastest = peers().map(|r| r.cost.wall).min_by(f64::total_cmp)?;
        Some((firn.stored_now() as f64 / smallest, fastest / firn.cost.wall))
    }

    /// Tables for a README.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let _ = writeln!(
            out,
            "{} images, {:.0} MB of layer tars, {:.0} MB as compressed layers ({:.0} MB when each blob is kept once). \
             One run for each image, in order, the programs taking turns; before each run the page cache is emptied and the \
             program's input read once. The peers store the decompressed layer tars, firn the OCI layout.\n",
            self.tags.len(),
            mb(self.raw),
            mb(self.compressed),
            mb(self.unique_compressed)
        );
        out.push_str("| program | wall s | MB/s of tar | CPU s | peak MiB | stored MB | tar : stored | compressed : stored |\n|---|---:|---:|---:|---:|---:|---:|---:|\n");
        for r in &self.results {
            let stored = r.stored_now() as f64;
            let _ = writeln!(
                out,
                "| {} | {:.1} | {:.0} | {:.1} | {} | {:.1} | {:.2} | {:.2} |",
                r.name,
                r.cost.wall,
                mb(self.raw) / r.cost.wall,
                r.cost.cpu,
                r.cost.peak_kib >> 10,
                stored / 1e6,
                self.raw as f64 / stored,
                self.compressed as f64 / stored
            );
        }
        out.push('\n');
        for row in ["firn", "firn --defer"] {
            if let Some((size, speed)) = self.goals(row) {
                let _ = writeln!(
                    out,
                    "{row} stores {size:.3} of the smaller peer's bytes and is {speed:.2} times as fast as the faster one."
                );
            }
        }
        if let Some(d) = &self.details {
            let _ = writeln!(
                out,
                "Of firn's bytes, the originals of {} layers without a known encoder take {:.1} MB; {:.1} MB without them. \
                 A mount takes {:.0} ms (the middle one of all images).",
                d.kept_layers,
                mb(self.stored("firn").unwrap_or(0).saturating_sub(d.without_originals)),
                mb(d.without_originals),
                d.mount_ms
            );
        }
        out.push('\n');
        for r in &self.results {
            let _ = writeln!(out, "- {}: {}", r.name, r.settings);
        }
        out
    }

    /// Everything, with the growth image by image.
    pub fn json(&self) -> Value {
        let programs: Vec<Value> = self
            .results
            .iter()
            .map(|r| {
                json!({
                    "name": r.name, "settings": r.settings, "wall_seconds": r.cost.wall, "cpu_seconds": r.cost.cpu,
                    "peak_rss_kib": r.cost.peak_kib, "stored_bytes": r.stored_now(), "stored_after_each_image": r.stored,
                    "wall_seconds_of_each_image": r.walls,
                })
            })
            .collect();
        json!({
            "images": self.tags, "raw_bytes": self.raw, "compressed_bytes": self.compressed,
            "unique_compressed_bytes": self.unique_compressed, "programs": programs,
            "firn": self.details.as_ref().map(|d| json!({
                "kept_layers": d.kept_layers, "stored_bytes_without_originals": d.without_originals, "mount_ms": d.mount_ms,
            })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &'static str, wall: f64, stored: u64) -> ProgramResult {
        ProgramResult {
            name,
            settings: String::new(),
            cost: Cost { wall, cpu: 1.0, peak_kib: 1 },
            stored: vec![1, stored],
            walls: vec![],
        }
    }

    #[test]
    fn goals_compare_with_the_better_peer_in_each_respect() {
        let results = vec![result("restic", 10.0, 100), result("borg", 20.0, 80), result("firn", 5.0, 60)];
        let report =
            Report { tags: vec![], raw: 1000, compressed: 500, unique_compressed: 400, results, details: None };
        assert_eq!(report.goals("firn"), Some((0.75, 2.0)));
        assert!(report.markdown().contains("| borg | 20.0 |"));
    }

    #[test]
    fn without_firn_there_are_no_goals() {
        let report = Report {
            tags: vec![],
            raw: 1,
            compressed: 1,
            unique_compressed: 1,
            results: vec![result("borg", 1.0, 1)],
            details: None,
        };
        assert_eq!(report.goals("firn"), None);
    }
}

//! `firn verify`

use std::process::ExitCode;
use std::sync::Arc;

use firn_engine::format::ImageRecord;
use firn_engine::ingest::Meter;
use firn_engine::restore::{Verifier, VerifyReport};
use firn_engine::{ErrorKind, one_per_core, with_causes};
use serde_json::json;

use crate::args::Verify;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::show;

pub fn run(context: &Context, args: &Verify) -> Result<ExitCode, Failure> {
    let archive = context.archive()?;
    let records: Vec<ImageRecord> = if args.all {
        archive.images()?.iter().map(|image| archive.image(image)).collect::<Result<_, _>>()?
    } else {
        args.images.iter().map(|image| archive.resolve(image)).collect::<Result<_, _>>()?
    };
    let meter = Arc::new(Meter::default());
    let reader = archive.auditor(usize::try_from(args.cache).unwrap_or(usize::MAX));
    let progress = Progress::start(&meter, "verifying", context.shows_progress());
    let threads = args.threads.unwrap_or_else(one_per_core).clamp(1, 256);
    let mut reports = Vec::with_capacity(records.len());
    let mut verifier = Verifier::new(&reader, Default::default(), threads);
    for record in &records {
        reports.push((record, verifier.image(record, &meter)?));
    }
    drop(progress);
    let is_good = reports.iter().all(|(_, report)| report.findings.is_empty());
    let json = json!(reports.iter().map(|(record, report)| report_json(record, report)).collect::<Vec<_>>());
    context.print(&json, || reports.iter().map(|(record, report)| report_text(record, report)).collect());
    if is_good {
        return Ok(ExitCode::SUCCESS);
    }
    let of = |wanted| reports.iter().filter(|(_, report)| verdict(report) == wanted).count();
    let (damaged, frozen) = (of(Verdict::Damaged), of(Verdict::Frozen));
    let all = reports.len();
    let (kind, message) = match (damaged, frozen) {
        (0, _) => {
            (ErrorKind::Frozen, format!("{frozen} of {all} images sleep in an archive class and could not be read"))
        }
        (_, 0) => (ErrorKind::Damaged, format!("{damaged} of {all} images are damaged")),
        _ => (
            ErrorKind::Damaged,
            format!("{damaged} of {all} images are damaged; {frozen} more sleep in an archive class"),
        ),
    };
    Err(Failure::Other { kind, message, source: None })
}

/// What a report comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// What could be read is good; the rest sleeps.
    Frozen,
    Damaged,
}

fn verdict(report: &VerifyReport) -> Verdict {
    if report.findings.is_empty() {
        Verdict::Good
    } else if report.findings.iter().all(|finding| finding.error.kind() == ErrorKind::Frozen) {
        Verdict::Frozen
    } else {
        Verdict::Damaged
    }
}

fn findings(report: &VerifyReport) -> Vec<String> {
    let line = |finding: &firn_engine::restore::Finding| {
        show::printable(&format!("{}: {}", finding.subject, with_causes(&finding.error)))
    };
    report.findings.iter().map(line).collect()
}

fn report_text(record: &ImageRecord, report: &VerifyReport) -> String {
    let verdict = match verdict(report) {
        Verdict::Good => "good   ",
        Verdict::Frozen => "FROZEN ",
        Verdict::Damaged => "DAMAGED",
    };
    let mut text = format!(
        "{verdict} {}  {} blobs, {} re-created and hashed, {} trees compared{}\n",
        record.root,
        report.blobs,
        show::bytes(report.bytes),
        report.trees,
        match report.shared {
            0 => String::new(),
            shared => format!("; {shared} blobs with an image above"),
        }
    );
    findings(report).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

fn report_json(record: &ImageRecord, report: &VerifyReport) -> serde_json::Value {
    json!({
        "digest": record.root.to_string(),
        "good": report.findings.is_empty(),
        "frozen": verdict(report) == Verdict::Frozen,
        "blobs": report.blobs,
        "shared_blobs": report.shared,
        "bytes": report.bytes,
        "trees": report.trees,
        "findings": findings(report),
    })
}

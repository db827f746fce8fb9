//! `firn verify`

use std::process::ExitCode;
use std::sync::Arc;

use firn_engine::format::ImageRecord;
use firn_engine::ingest::Meter;
use firn_engine::restore::{VerifyReport, verify_image};
use firn_engine::{ErrorKind, with_causes};
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
    let reader = archive.reader(usize::try_from(args.cache).unwrap_or(usize::MAX));
    let progress = Progress::start(&meter, "verifying", context.shows_progress());
    let mut reports = Vec::with_capacity(records.len());
    for record in &records {
        reports.push((record, verify_image(&reader, record, &Default::default(), &meter)?));
    }
    drop(progress);
    let is_good = reports.iter().all(|(_, report)| report.findings.is_empty());
    let json = json!(reports.iter().map(|(record, report)| report_json(record, report)).collect::<Vec<_>>());
    context.print(&json, || reports.iter().map(|(record, report)| report_text(record, report)).collect());
    if is_good {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Other {
        kind: ErrorKind::Damaged,
        message: format!(
            "{} of {} images are damaged",
            reports.iter().filter(|(_, report)| !report.findings.is_empty()).count(),
            reports.len()
        ),
        source: None,
    })
}

fn findings(report: &VerifyReport) -> Vec<String> {
    let line = |finding: &firn_engine::restore::Finding| {
        show::printable(&format!("{}: {}", finding.subject, with_causes(&finding.error)))
    };
    report.findings.iter().map(line).collect()
}

fn report_text(record: &ImageRecord, report: &VerifyReport) -> String {
    let verdict = if report.findings.is_empty() { "good   " } else { "DAMAGED" };
    let mut text = format!(
        "{verdict} {}  {} blobs, {} re-created and hashed, {} trees compared\n",
        record.root,
        report.blobs,
        show::bytes(report.bytes),
        report.trees
    );
    findings(report).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

fn report_json(record: &ImageRecord, report: &VerifyReport) -> serde_json::Value {
    json!({
        "digest": record.root.to_string(),
        "good": report.findings.is_empty(),
        "blobs": report.blobs,
        "bytes": report.bytes,
        "trees": report.trees,
        "findings": findings(report),
    })
}

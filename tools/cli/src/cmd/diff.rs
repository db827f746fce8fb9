//! `firn diff`

use std::io::{self, Write};
use std::process::ExitCode;

use firn_engine::diff::{Change, Kind, Summary, diff};
use firn_engine::read::OpenImage;
use firn_engine::tree::{Node, NodeKind};
use firn_engine::{Archive, Error};
use serde_json::{Value, json};

use crate::args::Diff;
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;
use crate::show;

/// Memory for decompressed frames: only metadata is read.
const CACHE: usize = 64 << 20;

pub fn run(context: &Context, args: &Diff) -> Result<ExitCode, Failure> {
    let archive = context.archive()?;
    let (first, first_digest) = open(&archive, &args.first, args)?;
    let (second, second_digest) = open(&archive, &args.second, args)?;
    let ignored = args.ignore.iter().copied().collect();
    let mut changes = Vec::new();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut is_closed = false;
    let summary = diff(&first, &second, ignored, &mut |path, change| {
        if context.json() {
            changes.extend((!args.stat).then(|| change_json(path, change)));
        } else if !args.stat && !is_closed {
            match out.write_all(line(args, path, change).as_bytes()) {
                // A reader that has seen enough closes the pipe; that is not our failure.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => is_closed = true,
                Err(source) => return Err(Error::System { what: "writing to standard output".to_owned(), source }),
                Ok(()) => {}
            }
        }
        Ok(())
    })?;
    if !context.json() && !args.name_only && !args.name_status {
        let _ = out.write_all(summary_text(args, &summary).as_bytes());
    }
    let _ = out.flush();
    drop(out);
    if context.json() {
        let mut json = summary_json(&summary);
        if let Some(json) = json.as_object_mut() {
            json.insert("first".to_owned(), json!(first_digest));
            json.insert("second".to_owned(), json!(second_digest));
            if !args.stat {
                json.insert("changes".to_owned(), json!(changes));
            }
        }
        context.print(&json, String::new);
    }
    let differs = args.exit_code && !summary.is_same();
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn open(archive: &Archive, image: &str, args: &Diff) -> Result<(OpenImage, String), Failure> {
    let record = archive.resolve(image)?;
    let filesystem = choose_filesystem(&record, &args.platform)?;
    Ok((archive.open_image(&record, filesystem, CACHE)?, record.root.to_string()))
}

/// A path on one line, safe for a terminal: what is no printable text is escaped as in C.
fn shown(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for piece in path.utf8_chunks() {
        for c in piece.valid().chars() {
            if c.is_control() || c == '\\' { text.extend(c.escape_default()) } else { text.push(c) }
        }
        text.push_str(&piece.invalid().escape_ascii().to_string());
    }
    text
}

/// As `git diff --name-status` has them.
fn letter(change: &Change) -> char {
    match change {
        Change::Added(_) => 'A',
        Change::Removed(_) => 'D',
        Change::Changed { kinds, .. } if kinds.contains(Kind::Type) => 'T',
        Change::Changed { .. } => 'M',
    }
}

fn line(args: &Diff, path: &[u8], change: &Change) -> String {
    let (letter, path) = (letter(change), shown(path));
    if args.name_only {
        return format!("{path}\n");
    }
    if args.name_status {
        return format!("{letter}\t{path}\n");
    }
    let size = |node: &Node| match node.kind {
        NodeKind::File => show::bytes(node.size),
        kind => type_name(kind).to_owned(),
    };
    match change {
        Change::Added(node) | Change::Removed(node) => format!("{letter}  {path}  ({})\n", size(node)),
        Change::Changed { before, after, kinds } if before.size != after.size || before.kind != after.kind => {
            format!("{letter}  {path}  [{kinds}] ({} -> {})\n", size(before), size(after))
        }
        Change::Changed { kinds, .. } => format!("{letter}  {path}  [{kinds}]\n"),
    }
}

fn type_name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "directory",
        NodeKind::Symlink => "symlink",
        NodeKind::CharDevice => "char-device",
        NodeKind::BlockDevice => "block-device",
        NodeKind::Fifo => "fifo",
    }
}

fn summary_text(args: &Diff, summary: &Summary) -> String {
    let kinds: Vec<String> = Kind::ALL
        .iter()
        .zip(summary.by_kind)
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{} {}", kind.as_str(), show::count(count)))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    format!(
        "{} added, {} removed, {} changed{kinds}, {} the same\ncontent: {} in both, {} only in {}, {} only in {}\n",
        show::count(summary.added),
        show::count(summary.removed),
        show::count(summary.changed),
        show::count(summary.same),
        show::bytes(summary.shared_bytes),
        show::bytes(summary.only_first_bytes),
        show::printable(&args.first),
        show::bytes(summary.only_second_bytes),
        show::printable(&args.second),
    )
}

fn summary_json(summary: &Summary) -> Value {
    let kinds = Kind::ALL.iter().zip(summary.by_kind).map(|(kind, count)| (kind.as_str().to_owned(), json!(count)));
    json!({
        "added": summary.added,
        "removed": summary.removed,
        "changed": summary.changed,
        "same": summary.same,
        "changed_by_kind": Value::Object(kinds.collect()),
        "bytes": {
            "shared": summary.shared_bytes,
            "only_first": summary.only_first_bytes,
            "only_second": summary.only_second_bytes,
        },
    })
}

fn change_json(path: &[u8], change: &Change) -> Value {
    let node = |node: &Node| {
        json!({
            "type": type_name(node.kind),
            "mode": format!("{:04o}", node.mode),
            "uid": node.uid,
            "gid": node.gid,
            "size": node.size,
            "mtime": { "secs": node.mtime.secs, "nanos": node.mtime.nanos },
        })
    };
    let (before, after, kinds) = match change {
        Change::Added(after) => (None, Some(after), None),
        Change::Removed(before) => (Some(before), None, None),
        Change::Changed { before, after, kinds } => (Some(before), Some(after), Some(kinds)),
    };
    json!({
        "path": shown(path),
        "status": letter(change).to_string(),
        "kinds": kinds.map(|kinds| kinds.iter().map(Kind::as_str).collect::<Vec<_>>()).unwrap_or_default(),
        "before": before.map(node),
        "after": after.map(node),
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn paths_take_one_line_and_stay_apart() {
        assert_eq!(shown("/usr/é x".as_bytes()), "/usr/é x");
        assert_eq!(shown(b"/a\n\x1b[31m\xff\\"), "/a\\n\\u{1b}[31m\\xff\\\\");
    }
}

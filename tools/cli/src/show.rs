//! Numbers, times and tables for people.

use firn_engine::thaw::{Clock as _, SystemClock};
use indicatif::HumanBytes;

/// Bytes in binary units.
pub fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// A number of packs and their bytes, for programs.
pub fn packs((packs, bytes): (u64, u64)) -> serde_json::Value {
    serde_json::json!({ "packs": packs, "bytes": bytes })
}

/// Now, in seconds since the epoch.
pub fn now() -> i64 {
    SystemClock.now()
}

/// A count with thin separators.
pub fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A time, UTC.
pub fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

/// The day of a time, UTC.
pub fn day(seconds: i64) -> String {
    time(seconds).chars().take_while(|c| *c != 'T').collect()
}

/// `part / whole` as a percentage.
pub fn percent(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let share = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{share:.1} %")
}

/// `whole / part`, e.g. `4.2×`.
pub fn ratio(whole: u64, part: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let ratio = if part == 0 { 0.0 } else { whole as f64 / part as f64 };
    format!("{ratio:.2}×")
}

/// Text from an image or a user, safe for a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What a search for an encoder took.
pub fn detection(detection: &firn_engine::recompress::Detection) -> serde_json::Value {
    serde_json::json!({
        "encoders_tried": detection.tried,
        "prefix_bytes": detection.prefix_bytes,
        "verified_bytes": detection.verified_bytes,
        "seconds": detection.elapsed.as_secs_f64(),
    })
}

/// Columns aligned under their headings; those marked `right` hold numbers.
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// Headings; one that starts with `>` is a column of numbers.
    pub fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let headings = headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
        Table { rows: vec![headings], right }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The table as text.
    pub fn render(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if *right { (fill.as_str(), "") } else { ("", fill.as_str()) };
                line.push_str(&format!("{before}{cell}{after}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_nothing_reaches_the_terminal_raw() {
        let mut table = Table::new(&["NAME", ">SIZE"]);
        table.row(["a\u{1b}[31m".to_owned(), "5".to_owned()]);
        table.row(["long name here".to_owned(), "1234".to_owned()]);
        assert_eq!(table.render(), "NAME            SIZE\na\u{fffd}[31m             5\nlong name here  1234\n");
    }
}

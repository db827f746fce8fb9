//! Holds `SEMANTICS.md` and the tests together.

use std::collections::BTreeMap;

const DOCUMENT: &str = include_str!("../../SEMANTICS.md");

const SOURCES: [&str; 9] = [
    include_str!("access.rs"),
    include_str!("cold.rs"),
    include_str!("life.rs"),
    include_str!("listing.rs"),
    include_str!("overlay.rs"),
    include_str!("reads.rs"),
    include_str!("rootfs.rs"),
    include_str!("takeover.rs"),
    include_str!("view.rs"),
];

/// Statements by anchor, each on one line.
fn statements() -> BTreeMap<&'static str, String> {
    let paragraphs = DOCUMENT.split("\n\n").filter_map(|text| text.trim().strip_prefix("**"));
    let parts = paragraphs.map(|text| text.split_once(".** ").expect("an anchor is `**X1.** `"));
    parts.map(|(anchor, text)| (anchor, text.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// Says which statement a test checks: its whole first sentence.
pub(crate) fn quote(anchor: &str, sentence: &str) {
    let statements = statements();
    let text = statements.get(anchor).unwrap_or_else(|| panic!("SEMANTICS.md has no {anchor}"));
    let rest = text.strip_prefix(sentence);
    let rest = rest.unwrap_or_else(|| panic!("{anchor} now reads: {text}"));
    assert!(sentence.ends_with('.') && (rest.is_empty() || rest.starts_with(' ')), "quote the whole sentence");
}

#[test]
fn every_statement_has_a_test() {
    let tested = |anchor: &str| SOURCES.iter().any(|source| source.contains(&format!("\"{anchor}\",")));
    let statements = statements();
    assert_eq!(statements.len(), DOCUMENT.matches(".** ").count(), "an anchor is used twice");
    assert!(statements.len() > 20, "the document was not understood");
    let untested: Vec<_> = statements.keys().filter(|anchor| !tested(anchor)).collect();
    assert!(untested.is_empty(), "no test quotes {untested:?}");
}

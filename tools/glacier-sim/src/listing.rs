//! One page of a listing, as a pure function of the keys.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Where a page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Behind this key.
    Key(String),
    /// Behind every key that starts with this common prefix.
    Prefix(String),
}

impl After {
    /// The opaque token for clients.
    pub fn token(&self) -> String {
        let (kind, text) = match self {
            After::Key(text) => ('k', text),
            After::Prefix(text) => ('p', text),
        };
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}{hex}")
    }

    /// Reads a token back; `None` when this server did not write it.
    pub fn parse(token: &str) -> Option<After> {
        let (kind, hex) = token.split_at_checked(1)?;
        if hex.len() % 2 != 0 || !hex.is_ascii() {
            return None;
        }
        let bytes: Option<Vec<u8>> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect();
        let text = String::from_utf8(bytes?).ok()?;
        match kind {
            "k" => Some(After::Key(text)),
            "p" => Some(After::Prefix(text)),
            _ => None,
        }
    }
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Query<'a> {
    /// Keys that start with this.
    pub prefix: &'a str,
    /// Keys that hold this behind the prefix are rolled up into common prefixes; empty for none.
    pub delimiter: &'a str,
    /// Where to go on.
    pub after: Option<&'a After>,
    /// Entries of the page, keys and common prefixes together.
    pub max: usize,
}

/// A page.
#[derive(Debug)]
pub struct Page<'a, T> {
    /// Keys, in order.
    pub keys: Vec<(&'a String, &'a T)>,
    /// Common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Where the next page goes on; `None` on the last.
    pub next: Option<After>,
}

/// Lists one page.
pub fn page<'a, T>(objects: &'a BTreeMap<String, T>, query: &Query<'_>) -> Page<'a, T> {
    let mut page = Page { keys: Vec::new(), prefixes: Vec::new(), next: None };
    let mut last = None;
    let start = match query.after {
        Some(After::Key(key)) if key.as_str() >= query.prefix => Bound::Excluded(key.as_str()),
        Some(After::Prefix(prefix)) if prefix.as_str() >= query.prefix => Bound::Included(prefix.as_str()),
        _ => Bound::Included(query.prefix),
    };
    let mut skip = match query.after {
        Some(After::Prefix(prefix)) => Some(prefix.clone()),
        _ => None,
    };
    for (key, object) in objects.range::<str, _>((start, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(query.prefix) else { break };
        if skip.as_ref().is_some_and(|skip| key.starts_with(skip.as_str())) {
            continue;
        }
        if page.keys.len() + page.prefixes.len() >= query.max {
            page.next = last;
            break;
        }
        let end = if query.delimiter.is_empty() { None } else { rest.find(query.delimiter) };
        let rolled = end.and_then(|end| key.get(..query.prefix.len() + end + query.delimiter.len()));
        if let Some(common) = rolled {
            page.prefixes.push(common.to_owned());
            skip = Some(common.to_owned());
            last = Some(After::Prefix(common.to_owned()));
        } else {
            page.keys.push((key, object));
            last = Some(After::Key(key.clone()));
        }
    }
    page
}

/// A key as listings with `encoding-type=url` show it.
pub fn url(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All entries of a listing, by looking at each key on its own.
    fn naive(keys: &BTreeMap<String, ()>, prefix: &str, delimiter: &str) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for key in keys.keys().filter(|key| key.starts_with(prefix)) {
            let rest = &key[prefix.len()..];
            let entry = match (delimiter.is_empty(), rest.split_once(delimiter)) {
                (false, Some((head, _))) => format!("{prefix}{head}{delimiter}"),
                _ => key.clone(),
            };
            if all.last() != Some(&entry) {
                all.push(entry);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_listing(
            keys in prop::collection::btree_map("[ab/é]{1,5}", Just(()), 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in prop_oneof![Just(""), Just("/"), Just("b/")],
            max in 1usize..5,
        ) {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let query = Query { prefix: &prefix, delimiter, after: after.as_ref(), max };
                let page = page(&keys, &query);
                let mut entries: Vec<String> = page.keys.iter().map(|(key, ())| (*key).clone()).collect();
                entries.extend(page.prefixes);
                entries.sort();
                prop_assert!(entries.len() <= max);
                all.extend(entries);
                let Some(next) = page.next else { break };
                prop_assert_eq!(After::parse(&next.token()), Some(next.clone()));
                after = Some(next);
            }
            prop_assert_eq!(all, naive(&keys, &prefix, delimiter));
        }

        #[test]
        fn tokens_from_elsewhere_do_no_harm(token in ".{0,12}") {
            let _ = After::parse(&token);
        }
    }

    #[test]
    fn an_empty_page_says_nothing_follows() {
        let keys = BTreeMap::from([("a".to_owned(), ())]);
        let page = page(&keys, &Query { max: 0, ..Query::default() });
        assert!(page.keys.is_empty() && page.next.is_none());
    }

    #[test]
    fn url_encoding() {
        assert_eq!(url("a b/é+~"), "a%20b/%C3%A9%2B~");
    }
}

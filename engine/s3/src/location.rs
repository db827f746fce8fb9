//! `s3://bucket/prefix`.

use std::fmt;
use std::str::FromStr;

/// Where in S3 an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    /// Empty, or components joined by slashes, without one at either end.
    prefix: String,
}

/// Not a place in S3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not s3://BUCKET[/PREFIX]: {what}")]
pub struct LocationError {
    given: String,
    what: &'static str,
}

impl Location {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The full name of an object.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) }
    }

    /// What the full name of an object is below the prefix, if it is.
    pub(crate) fn strip<'n>(&self, name: &'n str) -> Option<&'n str> {
        if self.prefix.is_empty() { Some(name) } else { name.strip_prefix(&self.prefix)?.strip_prefix('/') }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// Prefixes are held to the characters that S3 calls safe: whatever else they could hold needs escaping somewhere.
    fn from_str(text: &str) -> Result<Self, LocationError> {
        let wrong = |what| LocationError { given: text.to_owned(), what };
        let rest = text.strip_prefix("s3://").ok_or(wrong("it starts otherwise"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_name) {
            return Err(wrong("a bucket's name has 3 to 63 lower case letters, digits, dots and dashes"));
        }
        let prefix = prefix.trim_end_matches('/');
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_.*'()/".contains(&byte);
        if !prefix.bytes().all(is_safe) || prefix.len() > 512 {
            return Err(wrong("a prefix has at most 512 letters, digits and !-_.*'()"));
        }
        if !prefix.is_empty() && prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong("a prefix has no empty component and none of dots"));
        }
        Ok(Location { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_below_the_prefix_and_nothing_else_is() {
        let place: Location = "s3://ice/team/app/".parse().unwrap();
        assert_eq!(place.to_string(), "s3://ice/team/app");
        assert_eq!(place.name("config"), "team/app/config");
        assert_eq!(place.strip("team/app/config"), Some("config"));
        assert_eq!(place.strip("team/application/config"), None);
        let whole: Location = "s3://ice".parse().unwrap();
        assert_eq!((whole.name("config").as_str(), whole.strip("config")), ("config", Some("config")));
        assert_eq!(whole.to_string(), "s3://ice");
    }

    #[test]
    fn what_is_no_place_is_refused_with_the_reason() {
        for text in
            ["ice/team", "s3://", "s3://ab", "s3://Ice", "s3://ice//a", "s3://ice/../a", "s3://ice/a b", "s3://ice/%41"]
        {
            let error = text.parse::<Location>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{text:?} is not s3://BUCKET")), "{error}");
        }
    }
}

//! `--cold`

use std::str::FromStr;
use std::time::Duration;

/// The longest that a read may be held.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// What becomes of reads of frozen packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdMode {
    /// How long they are held; zero if they fail at once.
    pub wait: Duration,
    /// Whether a thaw job is filed.
    pub thaw: bool,
}

impl FromStr for ColdMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of fail, wait:TIME, thaw and thaw,wait:TIME");
        let mut mode = ColdMode { wait: Duration::ZERO, thaw: false };
        if text == "fail" {
            return Ok(mode);
        }
        for part in text.split(',') {
            match part.split_once(':') {
                None if part == "thaw" && !mode.thaw => mode.thaw = true,
                Some(("wait", time)) if mode.wait.is_zero() => {
                    let time = Duration::from_secs(crate::args::parse_age(time)?);
                    if time.is_zero() || time > MAX_WAIT {
                        return Err(
                            "a read can be held for 1s to 1h: a process that waits can do nothing else".to_owned()
                        );
                    }
                    mode.wait = time;
                }
                _ => return Err(wrong()),
            }
        }
        Ok(mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        let mode = |secs, thaw| Ok(ColdMode { wait: Duration::from_secs(secs), thaw });
        assert_eq!("fail".parse(), mode(0, false));
        assert_eq!("thaw".parse(), mode(0, true));
        assert_eq!("wait:30s".parse(), mode(30, false));
        assert_eq!("thaw,wait:5m".parse(), mode(300, true));
        assert_eq!("wait:1h,thaw".parse(), mode(3600, true));
        for bad in [
            "",
            "wait",
            "wait:",
            "wait:0s",
            "wait:61m",
            "wait:1d",
            "fail,thaw",
            "thaw,thaw",
            "wait:5m,wait:6m",
            "thaw:5m",
        ] {
            assert!(bad.parse::<ColdMode>().is_err(), "{bad}");
        }
    }
}

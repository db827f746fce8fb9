//! Whether a reader still waits.
//!
//! The kernel tells of signals by INTERRUPT requests, which fuser answers for its users with "not supported"; from then on a
//! thread that waits for an answer of ours can't even be killed. So a held read's thread is looked at instead.

use crate::sys;

/// Signals that ask a program to stop: HUP, INT, QUIT, TERM, as bits of the masks in `/proc`. Others that are caught, as by a
/// timer or a child's end, are no reason to give up what was asked for.
const STOPPING: u64 = bit(libc::SIGHUP) | bit(libc::SIGINT) | bit(libc::SIGQUIT) | bit(libc::SIGTERM);

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Whether the thread is gone, is being killed, or was asked to stop and will be once it gets its answer. `false` where that
/// can't be known, as for a thread of a process namespace that is not ours (0).
pub(super) fn gave_up(pid: u32) -> bool {
    if pid == 0 {
        return false;
    }
    match std::fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => asks_to_stop(&status),
        // With `hidepid` a thread can be there without being seen.
        Err(_) => sys::is_gone(pid),
    }
}

fn asks_to_stop(status: &str) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let mask = |name| field(name).and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
    let is_dead = field("State").is_some_and(|state| state.starts_with(['Z', 'X']));
    let pending = mask("SigPnd") | mask("ShdPnd");
    let heeded = pending & !mask("SigBlk") & !mask("SigIgn");
    is_dead || pending & bit(libc::SIGKILL) != 0 || heeded & STOPPING != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: &str, masks: [u64; 4]) -> String {
        let [thread, shared, blocked, ignored] = masks;
        format!(
            "Name:\tcat\nState:\t{state}\nSigQ:\t0/7\nSigPnd:\t{thread:016x}\nShdPnd:\t{shared:016x}\n\
             SigBlk:\t{blocked:016x}\nSigIgn:\t{ignored:016x}\n"
        )
    }

    #[test]
    fn only_what_stops_a_program_counts() {
        let (int, kill, child) = (bit(libc::SIGINT), bit(libc::SIGKILL), bit(libc::SIGCHLD));
        for (masks, stops) in [
            ([0, 0, 0, 0], false),
            ([kill, 0, !0, !0], true),
            ([0, int, 0, 0], true),
            ([0, int, int, 0], false),
            ([int, 0, 0, int], false),
            ([child, child, 0, 0], false),
        ] {
            assert_eq!(asks_to_stop(&status("D (disk sleep)", masks)), stops, "{masks:x?}");
        }
        assert!(asks_to_stop(&status("Z (zombie)", [0; 4])));
        assert!(!asks_to_stop("nothing of this kind"));
    }

    #[test]
    fn a_process_is_there_until_it_is_not() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(!gave_up(child.id()) && !gave_up(std::process::id()) && !gave_up(0));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(gave_up(child.id()));
    }
}

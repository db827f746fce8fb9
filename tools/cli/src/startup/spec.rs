//! The container that a start is tried in, as the OCI runtime specification describes it: no network, few capabilities, no new
//! privileges, bounded memory and processes, and a root filesystem whose changes go nowhere.

use std::path::Path;

use serde_json::{Value, json};

use super::users::Ids;

/// Bytes of memory that it may use.
const MEMORY: u64 = 2 << 30;
/// Processes and threads that it may have.
const TASKS: u32 = 1024;
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Those of other runtimes' default set that have no way out of the container.
const CAPABILITIES: [&str; 9] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];
/// Of `/proc`, hidden.
const MASKED: [&str; 7] =
    ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/sys/firmware"];
/// Of `/proc`, not to be written to.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What runs in it.
pub struct Process {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Where it starts.
    pub cwd: String,
    /// As whom.
    pub ids: Ids,
    /// What it is stopped by.
    pub stop_signal: String,
}

/// The runtime's `config.json` for a process over this root filesystem.
pub fn spec(root: &Path, process: &Process) -> Value {
    let mut env = process.env.clone();
    if !env.iter().any(|one| one.starts_with("PATH=")) {
        env.push(PATH.to_owned());
    }
    let mount = |to: &str, kind: &str, options: &[&str]| json!({ "destination": to, "type": kind, "source": kind, "options": options });
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": process.ids.uid, "gid": process.ids.gid },
            "args": process.args,
            "env": env,
            "cwd": process.cwd,
            "capabilities": {
                "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES,
            },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024 }],
            "noNewPrivileges": true,
        },
        "root": { "path": root, "readonly": false },
        "hostname": "firn",
        "mounts": [
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        ],
        "linux": {
            "namespaces": (["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }))),
            "resources": { "memory": { "limit": MEMORY }, "pids": { "limit": TASKS }, "devices": [{ "allow": false, "access": "rwm" }] },
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_can_do_little() {
        let process = Process {
            args: vec!["sh".into()],
            env: Vec::new(),
            cwd: "/".into(),
            ids: Ids { uid: 33, gid: 34 },
            stop_signal: String::new(),
        };
        let spec = spec(Path::new("/r"), &process);
        assert_eq!(spec["process"]["noNewPrivileges"], true);
        assert_eq!(spec["process"]["env"], json!([PATH]));
        assert_eq!(spec["process"]["user"], json!({ "uid": 33, "gid": 34 }));
        let kinds: Vec<&str> =
            spec["linux"]["namespaces"].as_array().unwrap().iter().map(|one| one["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["pid", "network", "ipc", "uts", "mount"]);
        let process = Process { env: vec!["PATH=/x".into()], ..process };
        assert_eq!(super::spec(Path::new("/r"), &process)["process"]["env"], json!(["PATH=/x"]));
    }
}

//! Mounts of images that sleep: reads that fail, wait or have a thaw job filed, files that tell where they are, and what
//! `firn status` says. The bucket's clock is moved by the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use glacier_sim::op::Op;
use glacier_sim::time::Time;
use serde_json::Value;

use crate::cold::{Cold, EREMOTEIO};
use crate::os;
use crate::world::{Mounted, is_mounted, noise};

const HOUR: u64 = 3600;

fn wait_until<T>(what: &str, mut happened: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = happened() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn errno<T>(outcome: std::io::Result<T>) -> Option<i32> {
    outcome.err().and_then(|error| error.raw_os_error())
}

impl Cold {
    /// An archive `there` whose only image sleeps in Deep Archive. The bucket's clock shows the time.
    fn asleep() -> Self {
        let cold = Cold::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let _ = cold.sim.set_clock(Time::from_unix(now)).unwrap();
        cold.attach("archive");
        cold.good(&["spill", "--class", "deep-archive", "--yes"]);
        fs::remove_dir_all(cold.world.archive()).unwrap();
        cold.attach("there");
        cold
    }

    /// Mounts `app:1`; the directory, which is unmounted in the end, and the process.
    fn mount(&self, archive: &str, name: &str, options: &[&str]) -> (Mounted, u32) {
        let dir = self.world.path(name);
        fs::create_dir_all(&dir).unwrap();
        let mounted = self.json(&[&["-a", archive, "mount", "app:1", name], options].concat());
        (Mounted(dir), u32::try_from(mounted["pid"].as_u64().unwrap()).unwrap())
    }

    /// `user.firn.state`, `.tier` and `.thaw_eta` of a file, as a mount of now tells them.
    fn whereabouts(&self, file: &str) -> [Option<String>; 3] {
        let (mounted, _) = self.mount("there", "look", &[]);
        let path = mounted.0.join(file);
        assert_eq!(os::listxattr(&path, 100).unwrap().1, Vec::<String>::new());
        let found = ["state", "tier", "thaw_eta"].map(|what| os::xattr(&path, &format!("user.firn.{what}")).ok());
        self.good(&["umount", "look"]);
        found.map(|value| value.map(|value| String::from_utf8(value).unwrap()))
    }

    /// What `firn status` says of the only image.
    fn status(&self) -> Value {
        self.json(&["-a", "there", "status", "app:1"])["images"][0].clone()
    }

    fn jobs(&self) -> Vec<Value> {
        self.json(&["-a", "there", "thaw", "--status"]).as_array().unwrap().clone()
    }

    /// When the readable copies of packs are gone, for those that have one.
    fn expiries(&self) -> Vec<Time> {
        let packs = self.sim.objects("ice").into_iter().filter(|object| object.key.contains("/packs/"));
        packs.filter_map(|object| object.expires).collect()
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_mount_goes_on_when_its_archive_gets_a_bucket_and_its_packs_leave() {
    let cold = Cold::new();
    let (mounted, _) = cold.mount("archive", "early", &[]);
    cold.attach("archive");
    let (attached, _) = cold.mount("archive", "later", &[]);
    cold.good(&["spill", "--class", "standard", "--yes"]);
    assert!(!has_packs(&cold.world.archive()), "the packs are gone from here");
    for mount in [&mounted, &attached] {
        assert_eq!(fs::read(mount.0.join("big")).unwrap(), noise(1, 700_000));
    }
    // What sleeps is told from what is gone.
    let (third, _) = cold.mount("archive", "third", &["--cache", "0"]);
    fs::remove_dir_all(cold.world.archive().join("cache")).unwrap();
    cold.good(&["spill", "--class", "deep-archive", "--yes"]);
    assert_eq!(errno(fs::read(third.0.join("big"))), Some(EREMOTEIO));
}

fn has_packs(archive: &Path) -> bool {
    let fans = fs::read_dir(archive.join("packs")).into_iter().flatten().flatten();
    fans.flat_map(|fan| fs::read_dir(fan.path()).unwrap()).count() > 0
}

#[test]
fn files_and_status_tell_where_they_are_from_frozen_to_hot() {
    let cold = Cold::asleep();
    assert_eq!(cold.whereabouts("big"), [some("frozen"), some("deep-archive"), None]);
    assert_eq!(cold.status()["frozen"]["packs"], 1);
    let reads = cold.pack_reads();

    let filed = cold.json(&["-a", "there", "thaw", "app:1", "--tier", "bulk", "--yes"]);
    let [state, tier, eta] = cold.whereabouts("big");
    assert_eq!([state, tier], [some("thawing"), some("deep-archive")]);
    assert!(eta.is_some_and(|eta| eta.starts_with("20") && eta.ends_with('Z')));
    let status = cold.status();
    assert_eq!(status["thawing"]["packs"], 1);
    assert_eq!(status["waits_for"][0]["job"], filed["job"]);
    assert_eq!(status["waits_for"][0]["readable_by"], filed["readable_by"]);
    let said = cold.good(&["-a", "there", "status"]).out;
    assert!(said.contains(&format!("app:1 waits for thaw job {}", filed["job"].as_str().unwrap())), "{said}");

    let _ = cold.sim.advance(49 * HOUR).unwrap();
    assert_eq!(cold.whereabouts("big")[..2], [some("readable"), some("deep-archive")]);
    let status = cold.status();
    assert!(status["readable"]["packs"] == 1 && status["readable_until"].as_i64().unwrap() > 0, "{status}");
    assert_eq!(cold.pack_reads(), reads, "nobody reads a pack to say where it is");

    cold.good(&["-a", "there", "thaw", filed["job"].as_str().unwrap(), "--wait"]);
    assert_eq!(cold.whereabouts("big"), [some("hot"), some("local"), None]);
    assert_eq!(cold.status()["here"]["packs"], 1);
    // And stays so when the copies are gone.
    let _ = cold.sim.advance(30 * 24 * HOUR).unwrap();
    assert_eq!(cold.whereabouts("big")[0], some("hot"));
    // Other images, other classes.
    assert_eq!(cold.json(&["-a", "there", "status", "--offline"])["images"].as_array().unwrap().len(), 1);
    assert_eq!(cold.firn(&["-a", "there", "status", "nothing-like-it"]).code, 3);
}

#[test]
fn a_held_read_goes_on_when_somebody_thaws_its_pack() {
    let cold = Cold::asleep();
    let (mounted, _) = cold.mount("there", "mnt", &["--cold", "wait:2m"]);
    let path = mounted.0.join("big");
    let reader = std::thread::spawn(move || fs::read(path));
    let refused = || cold.json(&["-a", "there", "status"])["refused_reads"].as_array().unwrap().first().cloned();
    let refused = wait_until("a read that meets a frozen pack", refused);
    assert_eq!((refused["image"].as_str(), refused["mounted_on"].as_str()), (Some("app:1"), mounted.0.to_str()));
    // Anything else is answered meanwhile.
    assert_eq!(fs::read_dir(&mounted.0).unwrap().count(), 4);
    cold.good(&["-a", "there", "thaw", "app:1", "--yes"]);
    assert!(!reader.is_finished());
    let _ = cold.sim.advance(13 * HOUR).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), noise(1, 700_000));
}

#[test]
fn a_mount_files_one_thaw_job_within_its_budget_and_survives_in_it() {
    let cold = Cold::asleep();
    fs::create_dir(cold.world.path("mnt")).unwrap();
    let thaw = ["-a", "there", "mount", "app:1", "mnt", "--cold=thaw"];
    for (more, says) in
        [(&[][..], "--cold-budget"), (&["--cold-budget=-1"], "dollars"), (&["--cold-budget=x"], "dollars")]
    {
        let ran = cold.firn(&[&thaw[..], more].concat());
        assert!(ran.code == 2 && ran.err.contains(says), "{}", ran.err);
    }
    for wrong in [["--cold=wait:2h", ""], ["--cold=fail", "--cold-days=2"], ["--cold=sometimes", ""]] {
        let words: Vec<&str> = wrong.into_iter().filter(|word| !word.is_empty()).collect();
        assert_eq!(cold.firn(&[&["-a", "there", "mount", "app:1", "mnt"], &words[..]].concat()).code, 2, "{wrong:?}");
    }
    assert!(!is_mounted(&cold.world.path("mnt")));

    // Too dear: it is said, nothing is asked for, and reads fail as ever.
    let log = cold.world.path("log");
    let options = |budget| vec!["--cold=thaw", "--cold-budget", budget, "--cold-tier", "bulk", "--log", "log"];
    let (poor, _) = cold.mount("there", "mnt", &options("0"));
    assert_eq!(errno(fs::read(poor.0.join("big"))), Some(EREMOTEIO));
    let said = |text: &str| {
        let found = || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!(!log.contains("no thaw job"), "{log}");
            log.contains(text).then_some(())
        };
        wait_until(text, found);
    };
    said("app:1 is not thawed");
    assert_eq!(errno(fs::read(poor.0.join("big"))), Some(EREMOTEIO));
    assert_eq!((cold.requests(Op::RestoreObject), cold.jobs().len()), (0, 0));
    cold.good(&["umount", "mnt"]);

    // Within the budget: one job, however much is read.
    let (rich, pid) = cold.mount("there", "mnt", &options("0.10"));
    for file in ["big", "big-too", "etc/os-release", "bin/su", "big"] {
        assert_eq!(errno(fs::read(rich.0.join(file))), Some(EREMOTEIO), "{file}");
    }
    let job = wait_until("a thaw job", || cold.jobs().into_iter().find(|job| job["stage"] == "thawing"));
    assert_eq!((job["tier"].as_str(), job["days"].as_i64(), cold.jobs().len()), (Some("bulk"), Some(3), 1));
    assert_eq!(cold.requests(Op::RestoreObject), 1);
    assert_eq!(cold.status()["waits_for"][0]["job"], job["job"]);
    // It is a job like any other: in somebody else's hands while the mount lives, and after it was killed.
    let id = job["job"].as_str().unwrap();
    wait_until("a moment when nobody drives it", || {
        Some(cold.firn(&["-a", "there", "thaw", id, "--escalate", "standard", "--yes"])).filter(|ran| ran.code == 0)
    });
    os::kill(pid, libc::SIGKILL);
    wait_until("the end of the mount", || (!PathBuf::from(format!("/proc/{pid}/fd/0")).exists()).then_some(()));
    drop(rich);
    let _ = cold.sim.advance(13 * HOUR).unwrap();
    let done = cold.json(&["-a", "there", "thaw", id, "--wait"]);
    assert_eq!(done["stage"], "done");
    assert_eq!((cold.requests(Op::RestoreObject), cold.jobs().len()), (2, 1), "asked for once, and hurried once");
    let (again, _) = cold.mount("there", "mnt", &options("0.10"));
    assert_eq!(fs::read(again.0.join("big")).unwrap(), noise(1, 700_000));
    assert_eq!(cold.jobs().len(), 1);
}

#[test]
fn copies_live_longer_when_asked_and_priced() {
    let cold = Cold::asleep();
    let filed = cold.json(&["-a", "there", "thaw", "app:1", "--days", "1", "--yes"]);
    let job = filed["job"].as_str().unwrap();
    let extend =
        |job: &str, days: &str, how: &str| cold.json(&["-a", "there", "thaw", "--extend", job, "--days", days, how]);
    let _ = cold.sim.advance(13 * HOUR).unwrap();
    let before = cold.expiries();
    assert_eq!(before.len(), 1);

    // The plan first, which asks for nothing.
    let plan = extend(job, "10", "--dry-run")["plan"].clone();
    assert!(plan["extended"]["packs"] == 1 && plan["dollars"].as_f64().unwrap() > 0.0, "{plan}");
    let unasked = cold.firn(&["-a", "there", "thaw", "--extend", job, "--days", "10"]);
    assert!(unasked.code == 2 && unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(cold.requests(Op::RestoreObject), 1);

    // While the job runs: one more request, and its packs come in as they would have.
    assert_eq!(extend(job, "10", "--yes")["stage"], "done");
    let longer = cold.expiries();
    assert!(longer[0] > before[0] && cold.requests(Op::RestoreObject) == 2, "{longer:?}");

    // Its packs are here, its copies still live: they get a job of their own.
    let second = extend(job, "20", "--yes");
    assert!(second["stage"] == "done" && second["job"] != filed["job"], "{second}");
    assert!(cold.expiries()[0] > longer[0] && cold.requests(Op::RestoreObject) == 3);
    let enough = extend(job, "5", "--yes")["plan"].clone();
    assert!(enough["long_enough"]["packs"] == 1 && cold.requests(Op::RestoreObject) == 3, "{enough}");

    // Gone is gone.
    let _ = cold.sim.advance(60 * 24 * HOUR).unwrap();
    let gone = cold.firn(&["-a", "there", "thaw", "--extend", job, "--days", "5", "--yes"]);
    assert!(gone.code == 2 && gone.err.contains("lives any more"), "{}", gone.err);
    assert_eq!(cold.firn(&["-a", "there", "thaw", "--extend", "app:1", "--yes"]).code, 2, "no job of it runs");
}

//! Cold storage as its users meet it: a bucket with right archive semantics, whose clock the test moves.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use glacier_sim::faults::Faults;
use glacier_sim::op::Op;
use glacier_sim::{Sim, SimHandle, SimOptions};
use serde_json::Value;

use crate::world::{Mounted, Ran, World, ran};

pub const EREMOTEIO: i32 = 121;

pub struct Cold {
    pub world: World,
    pub sim: SimHandle,
    _dir: tempfile::TempDir,
}

impl Cold {
    /// A world and an empty bucket.
    pub fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut options = SimOptions::new(dir.path());
        options.buckets = vec!["ice".into()];
        options.key = Some(("firn".into(), "secret".into()));
        Cold { world: World::new(), sim: Sim::start(options).unwrap(), _dir: dir }
    }

    pub fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = self.world.command(words);
        command.env("AWS_ACCESS_KEY_ID", "firn").env("AWS_SECRET_ACCESS_KEY", "secret");
        // Nothing of the machine's own settings.
        command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    pub fn firn(&self, words: &[&str]) -> Ran {
        ran(self.command(words).output().unwrap())
    }

    pub fn good(&self, words: &[&str]) -> Ran {
        let ran = self.firn(words);
        assert_eq!(ran.code, 0, "{words:?}: {}{}", ran.out, ran.err);
        ran
    }

    pub fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[words, &["--json"]].concat()).out).unwrap()
    }

    pub fn attach(&self, dir: &str) {
        self.good(&["attach", dir, "s3://ice/team", "--endpoint", &self.sim.url()]);
    }

    pub fn requests(&self, op: Op) -> usize {
        self.sim.requests().unwrap().iter().filter(|request| request.op == Some(op)).count()
    }

    pub fn pack_reads(&self) -> usize {
        let requests = self.sim.requests().unwrap();
        requests.iter().filter(|request| request.op == Some(Op::GetObject) && request.key.contains("/packs/")).count()
    }

    pub fn restored(&self, archive: &str, to: &str) -> Ran {
        self.firn(&["-a", archive, "restore", "app:1", &format!("oci:{to}:app")])
    }

    pub fn blobs(&self, layout: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let dir = self.world.path(layout).join("blobs").join("sha256");
        let mut blobs: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (PathBuf::from(path.file_name().unwrap()), std::fs::read(&path).unwrap()))
            .collect();
        blobs.sort();
        blobs
    }
}

#[test]
fn an_image_sleeps_in_deep_archive_is_looked_at_and_wakes() {
    let cold = Cold::new();
    cold.attach("archive");
    // A plan costs nothing, and nothing is done without somebody's word.
    let plan = cold.json(&["spill", "--class", "deep-archive", "--dry-run"]);
    assert!(plan["plan"]["upload"]["packs"].as_u64().unwrap() >= 1, "{plan}");
    let unasked = cold.firn(&["spill", "--class", "deep-archive"]);
    assert!(unasked.code == 2 && unasked.err.contains("--yes"), "{}", unasked.err);
    assert!(!cold.sim.objects("ice").iter().any(|object| object.key.contains("/packs/")));
    let young = cold.json(&["spill", "--class", "deep-archive", "--older-than", "30d", "--yes"]);
    assert_eq!(young["plan"]["upload"]["packs"], 0);
    let done = cold.json(&["spill", "--class", "deep-archive", "--yes"]);
    assert_eq!(done["published"]["images"], 1, "{done}");

    // Another machine, from the bucket alone.
    std::fs::remove_dir_all(cold.world.archive()).unwrap();
    cold.attach("there");
    let before = cold.pack_reads();
    std::fs::create_dir(cold.world.path("mnt")).unwrap();
    cold.good(&["-a", "there", "mount", "app:1", "mnt"]);
    let mnt = Mounted(cold.world.path("mnt"));
    assert_eq!(std::fs::metadata(mnt.0.join("big")).unwrap().len(), 700_000);
    assert_eq!(std::fs::metadata(mnt.0.join("bin/su")).unwrap().mode() & 0o7777, 0o4755);
    let looks: [&[&str]; 6] =
        [&["stats"], &["ls"], &["show", "app:1"], &["cost"], &["status"], &["diff", "--stat", "app:1", "app:1"]];
    for look in looks {
        cold.good(&[&["-a", "there"], look].concat());
    }
    assert_eq!(cold.pack_reads(), before, "metadata needs no pack");
    let error = std::fs::read(mnt.0.join("big")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EREMOTEIO), "{error}");
    let asleep = cold.restored("there", "out");
    assert!(asleep.code == 9 && asleep.err.contains("firn thaw"), "{}", asleep.err);

    // Priced, asked for once, hurried, and here when it is readable.
    let priced = cold.json(&["-a", "there", "thaw", "app:1", "--dry-run"]);
    assert_eq!(priced["plan"]["quotes"].as_array().unwrap().len(), 2, "{priced}");
    assert_eq!(cold.requests(Op::RestoreObject), 0);
    let filed = cold.json(&["-a", "there", "thaw", "app:1", "--tier", "bulk", "--yes"]);
    assert_eq!(filed["stage"], "thawing");
    let asked = cold.requests(Op::RestoreObject);
    cold.good(&["-a", "there", "thaw", "app:1"]);
    assert_eq!(cold.requests(Op::RestoreObject), asked, "the job goes on, nothing is asked twice");
    cold.good(&["-a", "there", "thaw", "app:1", "--escalate", "standard", "--yes"]);
    assert_eq!(cold.requests(Op::RestoreObject), 2 * asked);
    let _ = cold.sim.advance(13 * 3600).unwrap();
    let job = filed["job"].as_str().unwrap();
    let woken = cold.json(&["-a", "there", "thaw", job, "--wait"]);
    assert_eq!(woken["stage"], "done", "{woken}");
    assert_eq!(cold.json(&["-a", "there", "thaw", "--status"]).as_array().unwrap().len(), 1);
    assert_eq!(cold.restored("there", "out").code, 0);
    let source: Vec<_> = cold.blobs("layout");
    assert!(cold.blobs("out").iter().all(|blob| source.contains(blob)), "every blob as it was");
    // The mount that was there all the time reads on.
    std::thread::sleep(std::time::Duration::from_secs(11));
    assert_eq!(std::fs::read(mnt.0.join("big")).unwrap().len(), 700_000);
    let cost = cold.json(&["-a", "there", "cost", "--project", "3y"]);
    assert_eq!(cost["projection"].as_array().unwrap().len(), 3, "{cost}");
}

#[test]
fn a_flaky_bucket_is_only_slower() {
    let cold = Cold::new();
    let rates = Faults { slow_down: 0.02, internal_error: 0.05, reset: 0.03, lost_answer: 0.05, ..Faults::default() };
    cold.sim.set_faults(Faults { seed: 5, cut_body: 0.2, corrupt_body: 0.2, ..rates }).unwrap();
    cold.attach("archive");
    cold.good(&["spill", "--class", "glacier-ir", "--yes"]);
    cold.attach("there");
    assert_eq!(cold.restored("there", "out").code, 0);
    let source: Vec<_> = cold.blobs("layout");
    assert!(cold.blobs("out").iter().all(|blob| source.contains(blob)));
    assert!(cold.sim.requests().unwrap().iter().any(|request| request.fault.is_some()));
}

/// Killed at any time, a spill loses nothing, and no pack is written twice.
#[test]
fn a_killed_spill_goes_on_where_it_was() {
    let cold = Cold::new();
    cold.attach("archive");
    for delay in [5, 20, 40, 60, 80, 110, 150] {
        let mut command = cold.command(&["spill", "--class", "deep-archive", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        let _ = child.kill();
        child.wait().unwrap();
    }
    cold.good(&["spill", "--class", "deep-archive", "--yes"]);
    let requests = cold.sim.requests().unwrap();
    let mut written: Vec<&str> = requests
        .iter()
        .filter(|request| request.op == Some(Op::PutObject) && request.status == 200 && request.key.contains("/packs/"))
        .map(|request| request.key.as_str())
        .collect();
    let all = written.len();
    written.sort_unstable();
    written.dedup();
    assert_eq!(written.len(), all, "each pack was written once");
    cold.attach("there");
    cold.good(&["-a", "there", "thaw", "app:1", "--yes"]);
    let _ = cold.sim.advance(13 * 3600).unwrap();
    cold.good(&["-a", "there", "thaw", "app:1", "--wait"]);
    assert_eq!(cold.restored("there", "out").code, 0);
}

/// What is readable in the bucket comes here when somebody waits for it, with nothing to be asked for; and only once.
#[test]
fn what_is_readable_is_brought_here_by_waiting_for_it() {
    let cold = Cold::new();
    cold.attach("archive");
    cold.good(&["spill", "--class", "glacier-ir", "--yes"]);
    cold.attach("there");
    let plan = cold.json(&["-a", "there", "thaw", "app:1"]);
    assert_eq!(plan["plan"]["frozen"]["packs"], 0);
    assert!(plan["plan"]["requests_beside"].as_u64().unwrap() > 2);
    assert_eq!(cold.pack_reads(), 0, "nobody waits for it");
    let done = cold.json(&["-a", "there", "thaw", "app:1", "--wait"]);
    assert_eq!(done["stage"], "done");
    let reads = cold.pack_reads();
    assert!(reads > 0);
    assert_eq!(cold.restored("there", "out").code, 0);
    assert_eq!(cold.pack_reads(), reads, "all of it is here");
    let again = cold.good(&["-a", "there", "thaw", "app:1", "--wait"]);
    assert!(again.out.contains("all of it is here"), "{}", again.out);
    assert_eq!((cold.requests(Op::RestoreObject), cold.pack_reads()), (0, reads));
}

/// A policy says where packs go; what is frozen moves once it is thawed, and what was read is remembered.
#[test]
fn a_policy_chooses_the_class() {
    let cold = Cold::new();
    cold.attach("archive");
    let policy = |name: &str, class: &str| {
        let text = format!("name = \"{name}\"\n[[rule]]\nclass = \"{class}\"\n");
        std::fs::write(cold.world.path(name), text).unwrap();
    };
    policy("ice.toml", "glacier");
    policy("warm.toml", "standard");
    let spill = |policy: &str| cold.json(&["spill", "--policy", policy, "--yes"]);
    let young = spill("default");
    assert!(young["plan"]["kept"]["packs"].as_u64().unwrap() > 0, "by itself nothing moves that is a day old: {young}");
    let frozen = spill("ice.toml");
    let packs = frozen["plan"]["classes"]["glacier"]["upload"]["packs"].as_u64().unwrap();
    assert!(packs > 0, "{frozen}");
    assert_eq!(spill("warm.toml")["plan"]["move_once_thawed"]["packs"], packs);
    cold.good(&["thaw", "app:1", "--yes"]);
    let _ = cold.sim.advance(6 * 3600).unwrap();
    cold.good(&["thaw", "app:1", "--wait"]);
    assert_eq!(spill("warm.toml")["plan"]["classes"]["standard"]["reclass"]["packs"], packs);
    let _ = cold.sim.advance(30 * 86_400).unwrap();
    assert!(!cold.world.archive().join("accesses").exists(), "nothing was read so far");
    std::fs::remove_dir_all(cold.world.archive().join("cache").join("ranges")).unwrap();
    assert_eq!(cold.restored("archive", "out").code, 0);
    assert!(cold.world.archive().join("accesses").exists());
    let cost = cold.json(&["cost", "--what-if", "ice.toml"]);
    assert_eq!(cost["what_if"][0]["policy"], "ice.toml", "{cost}");
    let both = cold.firn(&["spill", "--policy", "default", "--class", "glacier"]);
    let wrong = cold.firn(&["spill", "--policy", "cost.txt"]);
    assert_eq!((both.code, wrong.code), (2, 2), "{}{}", both.err, wrong.err);
}

#[test]
fn what_is_wrong_with_a_bucket_is_said() {
    let cold = Cold::new();
    let no_bucket = cold.firn(&["spill", "--class", "glacier", "--yes"]);
    assert!(no_bucket.code == 2 && no_bucket.err.contains("firn attach"), "{}", no_bucket.err);
    let url = cold.sim.url();
    let nowhere = cold.firn(&["attach", "x", "s3://ice/none", "--endpoint", &url]);
    assert!(nowhere.code == 3 && nowhere.err.contains("s3://ice/none holds no archive"), "{}", nowhere.err);
    let wrong = cold.firn(&["attach", "archive", "ice/team", "--endpoint", &url]);
    assert!(wrong.code == 2 && wrong.err.contains("s3://BUCKET"), "{}", wrong.err);
    let class = cold.firn(&["spill", "--class", "frozen"]);
    assert!(class.code == 2 && class.err.contains("deep-archive"), "{}", class.err);
    cold.attach("archive");
    cold.good(&["init", "other"]);
    let other = cold.firn(&["attach", "other", "s3://ice/team", "--endpoint", &url]);
    assert!(other.code == 2 && other.err.contains("another archive"), "{}", other.err);
    let unknown = cold.firn(&["thaw", "nothing-like-it"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
}

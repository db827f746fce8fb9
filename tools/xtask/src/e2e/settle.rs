//! Layers whose originals are kept first and dropped later, with firn killed in between.

use std::time::Duration;

use serde_json::Value;

use super::crash::intact;
use super::{Runner, Setting};
use crate::error::{Error, IoContext, Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::oci::ImageRef;

/// Parts of a settlement that may pass before firn is killed, in milliseconds: the first layers take longer than that.
const MOMENTS: [u64; 3] = [100, 700, 1500];

/// Defers an image, kills its settlement, settles it, and looks at everything.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let Some(image) = setting.images.last() else { return };
    runner.check(&format!("archive --defer {}, kill -9, settle", image.tag), || defer_and_settle(setting, image));
}

fn defer_and_settle(setting: &Setting, image: &ImageRef) -> Result<String> {
    let firn = setting.firn("deferred");
    files::remove_dir(firn.archive_dir())?;
    firn.init()?;
    firn.archive_cmd(&image.to_string()).arg("--defer").run()?;
    intact(&firn, image, setting)?;
    let deferred = number(&firn, "/deferred_layers/number")?;
    if deferred == 0 {
        return check_failed("no layer was deferred");
    }
    for moment in MOMENTS {
        let mut child = firn.cmd(&["settle"]).silent().spawn()?;
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().at("cannot kill firn on", firn.archive_dir())?;
        child.wait().at("cannot wait for firn on", firn.archive_dir())?;
        firn.verify(&image.tag)?;
    }
    firn.cmd(&["settle"]).run()?;
    intact(&firn, image, setting)?;
    let left = number(&firn, "/deferred_layers/number")?;
    let (kept, packs) = (number(&firn, "/kept_layers/number")?, number(&firn, "/original_packs/number")?);
    if left > 0 || (kept == 0) != (packs == 0) {
        return check_failed(format!("{left} layers still wait; {kept} are kept in {packs} packs"));
    }
    files::remove_dir(firn.archive_dir())?;
    Ok(format!("{deferred} layers, {kept} of them kept; {} kills", MOMENTS.len()))
}

fn number(firn: &Firn, path: &str) -> Result<u64> {
    let bytes = firn.cmd(&["stats", "--json"]).bytes()?;
    let stats: Value = serde_json::from_slice(&bytes)
        .map_err(|source| Error::Json { path: "the output of firn stats --json".into(), source })?;
    match stats.pointer(path).and_then(Value::as_u64) {
        Some(number) => Ok(number),
        None => check_failed(format!("`firn stats --json` has no {path}")),
    }
}

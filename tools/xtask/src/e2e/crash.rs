//! firn killed in the middle of archiving: nothing half visible, earlier images intact, and a second try succeeds.

use std::time::{Duration, Instant};

use super::roundtrip::restore;
use super::{Runner, Setting, holding};
use crate::error::{IoContext, Result, check_failed};
use crate::files;
use crate::firn::Firn;
use crate::oci::ImageRef;
use crate::proc::Cmd;

/// Parts of a whole run's time after which firn is killed, in per cent.
const MOMENTS: [u32; 4] = [5, 35, 65, 95];

/// Kills at several moments, each in an archive that already holds one image.
pub fn all(setting: &Setting, runner: &mut Runner) {
    let [first, second, ..] = setting.images.as_slice() else { return };
    // What is there before need not be large: it is looked at after every kill.
    let small =
        setting.extra.iter().find(|(kind, _)| kind == "image").and_then(|(_, source)| ImageRef::parse(source).ok());
    let (first, second) = small.as_ref().map_or((first, second), |small| (small, first));
    let mut whole = None;
    runner.check("kill -9: time of a whole run", || {
        let took = undisturbed(setting, first, second)?;
        whole = Some(took);
        Ok(format!("{:.2} s", took.as_secs_f64()))
    });
    let Some(whole) = whole else { return };
    for percent in MOMENTS {
        runner.check(&format!("kill -9 after {percent} % of the time"), || {
            kill(setting, first, second, whole * percent / 100)
        });
    }
}

fn undisturbed(setting: &Setting, first: &ImageRef, second: &ImageRef) -> Result<Duration> {
    let firn = with_first(setting, first)?;
    let begun = Instant::now();
    firn.archive(&second.to_string())?;
    let took = begun.elapsed();
    files::remove_dir(firn.archive_dir())?;
    Ok(took)
}

fn with_first(setting: &Setting, first: &ImageRef) -> Result<Firn> {
    // Every trial starts from the same archive: made once, copied for each.
    let template = setting.firn("before-the-kill");
    holding(&template, &[first])?;
    let firn = setting.firn("killed");
    files::remove_dir(firn.archive_dir())?;
    Cmd::words(&["cp", "-a", "-T"]).arg(template.archive_dir()).arg(firn.archive_dir()).run()?;
    Ok(firn)
}

/// Kills the archiving of `second` after `delay`, then looks at everything and tries again.
///
/// # Errors
/// firn fails where it must not, or an image is not what it was.
pub fn kill(setting: &Setting, first: &ImageRef, second: &ImageRef, delay: Duration) -> Result<String> {
    let firn = with_first(setting, first)?;
    let mut child = firn.start_archiving(&second.to_string())?;
    std::thread::sleep(delay);
    let late = child.try_wait().at("cannot wait for firn on", firn.archive_dir())?.is_some();
    if !late {
        child.kill().at("cannot kill firn on", firn.archive_dir())?;
        child.wait().at("cannot wait for firn on", firn.archive_dir())?;
    }
    let visible = firn.names()?.iter().any(|n| n.rsplit(':').next() == Some(second.tag.as_str()));
    if visible {
        // The commit came before the signal: then it has to be whole.
        restore(&firn, &second.tag, second, &setting.scratch)?;
    }
    intact(&firn, first, setting)?;
    firn.archive(&second.to_string())?;
    firn.verify(&second.tag)?;
    files::remove_dir(firn.archive_dir())?;
    Ok(if late {
        "it had ended already".to_owned()
    } else {
        format!("killed; image {}", if visible { "complete" } else { "not visible" })
    })
}

/// An image verifies and comes back bit for bit.
///
/// # Errors
/// It does not.
pub fn intact(firn: &Firn, image: &ImageRef, setting: &Setting) -> Result<()> {
    firn.verify(&image.tag)?;
    match restore(firn, &image.tag, image, &setting.scratch) {
        Ok(_) => Ok(()),
        Err(e) => check_failed(format!("{} is not intact: {e}", image.tag)),
    }
}

//! Cold storage from end to end, on `glacier-sim`: a server with right archive semantics whose clock, log and bill are at hand.

pub mod bill;
pub mod flaky;
pub mod kills;
pub mod sleep;
pub mod startup;
pub mod two;
mod world;

pub use world::World;
pub(super) use world::{local_packs, number};

use super::{Runner, Setting};
use crate::oci::ImageRef;

/// Images in the long check.
const IMAGES: usize = 10;

/// Kills, a flaky server and two writers, on small images; the long check on ten is [`sleep::all`].
pub fn small(setting: &Setting, runner: &mut Runner) {
    two::all(setting, runner);
    flaky::all(setting, runner);
    runner.check("cold: kill -9 while packs move", || kills::run(setting, &kills::Plan::short(setting.quick)));
}

/// The images of the corpus that can be mounted: plain ones first, then the others.
fn ten(setting: &Setting) -> Vec<ImageRef> {
    let others = setting.extra.iter().filter(|(kind, _)| matches!(kind.as_str(), "image" | "single-layer" | "index"));
    let others = others.filter_map(|(_, source)| ImageRef::parse(source).ok());
    setting.images.iter().cloned().chain(others).take(IMAGES).collect()
}

//! What a mount does about frozen packs: whether reads wait, where files are, and who hears of reads that failed.

mod mode;
mod order;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firn_engine::Archive;
use firn_engine::bucket::{Lookout, Standing};
use firn_engine::id::PackId;
use firn_engine::read::{FramePlace, OpenImage};
use firn_engine::remote::Class;
use firn_engine::store::{Key, PackArea};
use firn_engine::thaw::{jobs, read_job};
use firn_fusefs::cold::{ColdReads, State, Whereabouts};
use firn_fusefs::content::ContentError;
use firn_fusefs::engine::ContentRef;

use crate::show;

pub use mode::ColdMode;
pub use order::Order;
use record::Recorder;
pub use record::{Refusals, refusals};

/// For so long, what thaw jobs tell is not read again.
const FRESH: Duration = Duration::from_secs(5);

/// When packs can be read at the latest, by the archive's thaw jobs that are not over.
type Etas = HashMap<PackId, i64>;

/// Looks after the frozen packs of one mounted image.
pub struct Cold {
    lookout: Arc<Lookout>,
    image: Arc<OpenImage>,
    patience: Duration,
    etas: Mutex<Option<(Instant, Arc<Etas>)>>,
    /// Files the thaw job when it hears something.
    thaw: Option<SyncSender<()>>,
    recorder: Option<Recorder>,
}

impl Cold {
    /// For a mount of `image`, with the job to be filed if there is to be one.
    pub fn new(archive: Archive, image: Arc<OpenImage>, mode: &ColdMode, order: Option<Order>) -> Self {
        let lookout = Arc::new(Lookout::new(archive));
        let thaw = order.map(|order| order.take(Arc::clone(&lookout), Arc::clone(&image)));
        Cold { lookout, image, patience: mode.wait, etas: Mutex::new(None), thaw, recorder: None }
    }

    /// Leaves word for `firn status` of reads that failed, as long as it is mounted.
    pub fn recorded(mut self, image: &str, dir: &Path) -> Self {
        self.recorder = Some(Recorder::start(self.lookout.archive().root(), image, dir));
        self
    }

    fn archive(&self) -> &Archive {
        self.lookout.archive()
    }

    fn etas(&self) -> Arc<Etas> {
        let mut known = self.etas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, etas)) = known.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Arc::clone(etas);
        }
        let etas = Arc::new(etas(&self.archive().root().join("jobs")));
        *known = Some((Instant::now(), Arc::clone(&etas)));
        etas
    }

    /// How a frame can be read that lies at all of these places; `None` if it is here.
    fn standing(&self, places: &[FramePlace], looked: &mut BTreeMap<PackId, Option<Standing>>) -> Found {
        let store = self.archive().store();
        if places.iter().any(|place| store.is_here(&place.key(), place.offset, place.len)) {
            return Found::Here;
        }
        let mut look = |place: &FramePlace| {
            *looked.entry(place.pack).or_insert_with(|| {
                // A bucket that was attached since is only noticed by a store that is asked for something.
                let _ = store.len(&place.key());
                self.lookout.standing(place.pack)
            })
        };
        // What is pinned is here or nowhere.
        let places = places.iter().filter(|place| place.area == PackArea::Data);
        let readiest = places.filter_map(|place| Some((look(place)?, place.pack))).min();
        readiest.map_or(Found::Nowhere, |(standing, pack)| Found::There(standing, pack))
    }
}

enum Found {
    Here,
    There(Standing, PackId),
    Nowhere,
}

/// What the jobs tell; those that can't be read tell nothing.
fn etas(dir: &Path) -> Etas {
    let mut etas = Etas::new();
    let now = show::now();
    for job in jobs(dir).unwrap_or_default().into_iter().filter_map(|id| read_job(dir, id).ok()) {
        for (pack, progress) in job.packs() {
            if let Some(eta) = job.pack_eta(pack, progress, now) {
                let earliest = etas.entry(pack.id).or_insert(eta);
                *earliest = eta.min(*earliest);
            }
        }
    }
    etas
}

fn state(standing: Standing) -> State {
    match standing {
        Standing::Near(_) => State::Near,
        Standing::Readable { .. } => State::Readable,
        Standing::Thawing(_) => State::Thawing,
        Standing::Frozen(_) => State::Frozen,
    }
}

impl ColdReads for Cold {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn asleep(&self, _: PackId) {
        // Whoever is busy with the last one need not hear of this one.
        if let Some(thaw) = &self.thaw {
            let _ = thaw.try_send(());
        }
        if let Some(recorder) = &self.recorder {
            recorder.refused();
        }
    }

    fn is_awake(&self, pack: PackId) -> bool {
        let key = Key::Pack(PackArea::Data, pack);
        // Restored into the directory, say; or a bucket that does not answer, which is asked again later.
        matches!(self.lookout.look(pack), Ok(Some(standing)) if standing.is_readable())
            || self.archive().root().join(key.to_string()).exists()
    }

    fn traffic(&self) -> Option<String> {
        let cache = self.archive().store().traffic()?;
        let frames = self.image.reader().stats();
        let numbers = [
            ("requests", cache.fetches),
            ("bytes_fetched", cache.bytes_fetched),
            ("bytes_from_cache", cache.bytes_hit),
            ("pieces_not_kept", cache.not_kept),
            ("frames_decompressed", frames.frame_misses),
            ("frames_in_memory", frames.frame_hits),
        ];
        Some(numbers.map(|(name, number)| format!("{name}={number}")).join(" "))
    }

    fn whereabouts(&self, content: Option<ContentRef>) -> Result<Whereabouts, ContentError> {
        let frames = match content {
            Some(content) => self.image.frames(content).map_err(|error| ContentError::Io {
                what: "where a file is".to_owned(),
                source: std::io::Error::other(error),
            })?,
            None => Default::default(),
        };
        let (mut worst, mut coldest, mut ready): (_, Option<Class>, Option<i64>) = (State::Hot, None, None);
        let mut looked = BTreeMap::new();
        for places in &frames {
            match self.standing(places, &mut looked) {
                Found::Here => {}
                Found::Nowhere => return Err(ContentError::Missing { what: "a pack of the file".to_owned() }),
                Found::There(standing, pack) => {
                    worst = worst.max(state(standing));
                    coldest = coldest.max(Some(standing.class()));
                    let eta = (!standing.is_readable()).then(|| self.etas().get(&pack).copied()).flatten();
                    ready = ready.max(eta);
                }
            }
        }
        let tier = coldest.map_or_else(|| "local".to_owned(), |class| class.to_string());
        Ok(Whereabouts { state: worst, tier, thaw_eta: ready.map(show::time) })
    }
}

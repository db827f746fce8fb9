//! From arranged chunks to sealed packs: N threads compress, one writes, in the order in which frames were handed in.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::buffers::Buffer;
use super::window::FramePlan;
use crate::error::Error;
use crate::format::{ChunkEntry, Config, PackClass};
use crate::pack::{EncodedFrame, FrameEncoder, PackBuilder, SealedPack};
use crate::store::{Store, StoreError};

/// A sealed pack and the windows whose chunks it holds.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) pack: SealedPack,
    pub(crate) windows: RangeInclusive<u64>,
}

struct Job {
    sequence: u64,
    class: PackClass,
    window: u64,
    raw: Arc<Buffer>,
    plan: FramePlan,
}

struct Done {
    sequence: u64,
    class: PackClass,
    window: u64,
    frame: Result<EncodedFrame, Error>,
}

/// Threads that turn frames into packs. Dropped without [`Pipeline::finish`], it stops and seals nothing more.
pub(crate) struct Pipeline {
    jobs: Option<Sender<Job>>,
    sealed: Receiver<Sealed>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<Result<(), Error>>>,
    abandoned: Arc<AtomicBool>,
    next_sequence: u64,
}

impl Pipeline {
    pub(crate) fn start(store: Arc<dyn Store>, tmp: PathBuf, config: &Config, threads: usize) -> Result<Self, Error> {
        let threads = threads.max(1);
        // Room for a whole window: the next one is read while this one is compressed.
        let waiting = (config.window_raw / config.frame_raw.max(1)) as usize + threads * 2;
        let (jobs, job_queue) = bounded::<Job>(waiting);
        let (done, done_queue) = bounded::<Done>(threads * 2);
        let (sealed_out, sealed) = unbounded();
        let abandoned = Arc::new(AtomicBool::new(false));
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let encoder = FrameEncoder::new(config.level)
                .map_err(|source| Error::System { what: "setting up zstd".to_owned(), source })?;
            let (queue, done) = (job_queue.clone(), done.clone());
            workers.push(spawn("firn-compress", move || compress(encoder, &queue, &done))?);
        }
        let writer = Writer {
            store,
            tmp,
            config: config.clone(),
            builders: BTreeMap::new(),
            sealed: sealed_out,
            abandoned: Arc::clone(&abandoned),
        };
        let writer = spawn("firn-pack", move || writer.run(&done_queue))?;
        Ok(Pipeline { jobs: Some(jobs), sealed, workers, writer: Some(writer), abandoned, next_sequence: 0 })
    }

    /// Hands in one frame; waits while a window's worth of them is waiting.
    pub(crate) fn submit(
        &mut self,
        class: PackClass,
        window: u64,
        raw: &Arc<Buffer>,
        plan: FramePlan,
    ) -> Result<(), Error> {
        let job = Job { sequence: self.next_sequence, class, window, raw: Arc::clone(raw), plan };
        self.next_sequence += 1;
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        // The threads only hang up after a failure, which joining them brings out.
        if sent { Ok(()) } else { Err(self.join().err().unwrap_or_else(Error::worker_lost)) }
    }

    /// Packs sealed since the last call.
    pub(crate) fn take_sealed(&self) -> Vec<Sealed> {
        self.sealed.try_iter().collect()
    }

    /// Waits for all frames, seals the open packs and gives those sealed since the last [`Pipeline::take_sealed`].
    pub(crate) fn finish(&mut self) -> Result<Vec<Sealed>, Error> {
        self.join()?;
        Ok(self.take_sealed())
    }

    fn join(&mut self) -> Result<(), Error> {
        self.jobs = None;
        let lost = self.workers.drain(..).filter_map(|worker| worker.join().err()).count();
        let written = match self.writer.take() {
            Some(writer) => writer.join().unwrap_or_else(|_| Err(Error::worker_lost())),
            None => Ok(()),
        };
        written?;
        if lost > 0 { Err(Error::worker_lost()) } else { Ok(()) }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.abandoned.store(true, Ordering::SeqCst);
            // Whatever went wrong is already being reported by whoever dropped this.
            let _ = self.join();
        }
    }
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| Error::System { what: "starting a thread".to_owned(), source })
}

fn compress(mut encoder: FrameEncoder, jobs: &Receiver<Job>, done: &Sender<Done>) {
    for job in jobs {
        let frame = encode(&mut encoder, &job);
        let Job { sequence, class, window, .. } = job;
        if done.send(Done { sequence, class, window, frame }).is_err() {
            return;
        }
    }
}

fn encode(encoder: &mut FrameEncoder, job: &Job) -> Result<EncodedFrame, Error> {
    let picks = &job.plan.picks;
    let pieces = picks.iter().map(|(_, place)| job.raw.get(place.clone()).unwrap_or_default());
    let chunks: Vec<ChunkEntry> = picks.iter().map(|(chunk, _)| *chunk).collect();
    // Kept originals are compressed already: trying again would only cost time.
    let compress = job.class != PackClass::Original;
    encoder.encode(pieces, chunks, compress).map_err(|error| Error::Internal(error.to_string()))
}

struct Writer {
    store: Arc<dyn Store>,
    tmp: PathBuf,
    config: Config,
    builders: BTreeMap<PackClass, (PackBuilder, RangeInclusive<u64>)>,
    sealed: Sender<Sealed>,
    abandoned: Arc<AtomicBool>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Done>) -> Result<(), Error> {
        let mut early = BTreeMap::new();
        let mut next = 0u64;
        for done in queue {
            if self.abandoned.load(Ordering::SeqCst) {
                return Ok(());
            }
            early.insert(done.sequence, done);
            while let Some(done) = early.remove(&next) {
                next += 1;
                self.append(done.class, done.window, done.frame?)?;
            }
        }
        if self.abandoned.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.seal_all()
    }

    /// Seals what is open, all at the same time: most of it is waiting for the disk.
    fn seal_all(self) -> Result<(), Error> {
        let Writer { store, builders, sealed, .. } = self;
        let store = store.as_ref();
        let done: Vec<Result<Sealed, Error>> = std::thread::scope(|scope| {
            let seal = |(builder, windows): (PackBuilder, _)| {
                scope.spawn(move || Ok(Sealed { pack: builder.seal(store)?, windows }))
            };
            let sealing: Vec<_> = builders.into_values().map(seal).collect();
            sealing.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(Error::worker_lost()))).collect()
        });
        // Every one that is durable is told of, whatever became of the others; the first failure counts.
        let mut outcome = Ok(());
        for result in done {
            let told = result.map(|pack| {
                // Nobody listening means that the ingest was given up.
                let _ = sealed.send(pack);
            });
            outcome = outcome.and(told);
        }
        outcome
    }

    fn append(&mut self, class: PackClass, window: u64, frame: EncodedFrame) -> Result<(), Error> {
        let failed =
            |source| Error::Store(StoreError::Io { action: "writing", target: "a new pack".to_owned(), source });
        if self.builders.get(&class).is_some_and(|(builder, _)| !builder.has_room_for(&frame)) {
            self.seal(class)?;
        }
        let (builder, windows) = match self.builders.entry(class) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let builder = PackBuilder::create(&self.tmp, class, self.config.archive).map_err(failed)?;
                entry.insert((builder, window..=window))
            }
        };
        *windows = *windows.start()..=window;
        builder.append(frame).map_err(failed)?;
        if builder.sealed_len() >= self.config.pack_len {
            self.seal(class)?;
        }
        Ok(())
    }

    fn seal(&mut self, class: PackClass) -> Result<(), Error> {
        let Some((builder, windows)) = self.builders.remove(&class) else { return Ok(()) };
        let pack = builder.seal(self.store.as_ref())?;
        // Nobody listening means that the ingest was given up.
        let _ = self.sealed.send(Sealed { pack, windows });
        Ok(())
    }
}

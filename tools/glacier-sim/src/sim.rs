//! The server as a library: started in-process by tests, and by the binary.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use s3s::auth::{S3Auth, SecretKey};
use s3s::service::S3ServiceBuilder;
use tokio::sync::watch;

use crate::admin::{ObjectView, objects};
use crate::bill::{BadPrices, Bill, Prices};
use crate::class::Class;
use crate::clock::{ClockMode, GoesBack};
use crate::core::{Core, StoreError, Terms};
use crate::faults::{BadFaults, Faults};
use crate::http::{Front, serve};
use crate::journal::{JournalError, Request};
use crate::quota::Quota;
use crate::refusal::Refusal;
use crate::restore::Pace;
use crate::s3::Server;
use crate::time::Time;

/// Threads that serve; requests are short, and two let one sync the journal while the other answers.
const THREADS: usize = 2;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Where everything is kept; created if need be.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Access key and secret; without them every request is taken.
    pub key: Option<(String, String)>,
    /// How the clock moves.
    pub clock: ClockMode,
    /// What it shows in an empty directory; otherwise it goes on from where it was, if that is later.
    pub start: Time,
    /// The faults at the start.
    pub faults: Faults,
    /// The price table; `None` for us-east-1.
    pub prices: Option<Prices>,
    /// Quotas on restores.
    pub quota: Quota,
    /// How long restores take.
    pub pace: Pace,
    /// Whether bodies and effects are synced to disk. Without it they survive the process, but not the machine.
    pub fsync: bool,
    /// Buckets that are created if they are not there.
    pub buckets: Vec<String>,
}

impl SimOptions {
    /// A server for tests in `dir`: a free port of the loopback interface, no key, a virtual clock at the beginning of
    /// 2026, no faults, no syncing.
    pub fn new(dir: impl Into<PathBuf>) -> SimOptions {
        SimOptions {
            dir: dir.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: None,
            clock: ClockMode::Virtual,
            start: Time::from_unix(1_767_225_600),
            faults: Faults::default(),
            prices: None,
            quota: Quota::default(),
            pace: Pace::default(),
            fsync: false,
            buckets: Vec::new(),
        }
    }
}

/// Why a server did not start, or cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// Its directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its log.
    #[error(transparent)]
    Log(#[from] JournalError),
    /// Its price table.
    #[error(transparent)]
    Prices(#[from] BadPrices),
    /// The faults given.
    #[error(transparent)]
    Faults(#[from] BadFaults),
    /// Its clock.
    #[error(transparent)]
    Clock(#[from] GoesBack),
    /// Its address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// Its threads.
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
    /// A bucket's name.
    #[error("{0:?} is no bucket name: 3 to 63 lower-case letters, digits, dots and hyphens")]
    BucketName(String),
    /// Something asked of an object.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Starts servers.
#[derive(Debug)]
pub struct Sim;

impl Sim {
    /// Starts a server on threads of its own and returns when it takes requests.
    ///
    /// # Errors
    /// [`SimError`] when the directory, the address or an option cannot be used.
    pub fn start(options: SimOptions) -> Result<SimHandle, SimError> {
        let prices = match options.prices {
            Some(prices) => prices,
            None => Prices::us_east_1()?,
        };
        let terms = Terms { quota: options.quota, pace: options.pace, prices };
        let core = Core::open(&options.dir, options.clock, options.start, terms, options.fsync)?;
        core.set_faults(options.faults)?;
        for bucket in options.buckets {
            if !s3s::path::check_bucket_name(&bucket) {
                return Err(SimError::BucketName(bucket));
            }
            core.ensure_bucket(bucket)?;
        }
        let core = Arc::new(core);
        let listen = |e| SimError::Listen(options.listen, e);
        let listener = std::net::TcpListener::bind(options.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let signed = options.key.is_some();
        let mut service = S3ServiceBuilder::new(Server::new(core.clone()));
        if let Some((access, secret)) = options.key {
            service.set_auth(OneKey { access, secret: SecretKey::from(secret) });
        }
        let front = Arc::new(Front::new(core.clone(), service.build(), signed));
        let (stop, stopped) = watch::channel(false);
        let (ready, started) = std::sync::mpsc::channel();
        // The caller may be inside a runtime, where another one can be neither driven nor dropped: it lives over there.
        let thread = std::thread::Builder::new()
            .name("glacier-sim".to_owned())
            .spawn(move || run(listener, front, stopped, &ready))
            .map_err(SimError::Runtime)?;
        started.recv().map_err(|e| SimError::Runtime(io::Error::other(e)))?.map_err(SimError::Runtime)?;
        Ok(SimHandle { core, addr, stop, thread: Some(thread) })
    }
}

fn run(
    listener: std::net::TcpListener,
    front: Arc<Front>,
    stopped: watch::Receiver<bool>,
    ready: &std::sync::mpsc::Sender<io::Result<()>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("glacier-sim")
        .enable_all()
        .build();
    let served = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let _ = ready.send(Ok(()));
            serve(listener, front, stopped).await;
            Ok(())
        })
    });
    if let Err(error) = served {
        let _ = ready.send(Err(error));
    }
}

/// A running server; dropping it stops it.
pub struct SimHandle {
    core: Arc<Core>,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl SimHandle {
    /// Its endpoint: `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What its clock shows.
    pub fn now(&self) -> Time {
        self.core.clock.now()
    }

    /// Moves the clock on by `seconds`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn advance(&self, seconds: u64) -> Result<Time, SimError> {
        Ok(self.core.advance(seconds)?)
    }

    /// Moves the clock on to an instant.
    ///
    /// # Errors
    /// When it already shows a later one, and those of the disk.
    pub fn set_clock(&self, to: Time) -> Result<Time, SimError> {
        Ok(self.core.set_clock(to)??)
    }

    /// What everything since the last reset costs.
    pub fn bill(&self) -> Bill {
        self.core.bill()
    }

    /// The request log since the last reset.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn requests(&self) -> Result<Vec<Request>, SimError> {
        Ok(self.core.log().requests(0, usize::MAX)?)
    }

    /// Requests since the last reset, by operation; `unknown` for those that were refused before it was known.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.core.counts()
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.core.faults()
    }

    /// Puts other faults in force, from the beginning of their seed; `Faults::default()` for none.
    ///
    /// # Errors
    /// When the rates are no probabilities.
    pub fn set_faults(&self, faults: Faults) -> Result<(), SimError> {
        Ok(self.core.set_faults(faults)?)
    }

    /// All objects of a bucket, with class and restore.
    pub fn objects(&self, bucket: &str) -> Vec<ObjectView> {
        objects(&self.core, bucket, "")
    }

    /// Does to an object what a lifecycle rule would: moves it down to a colder class.
    ///
    /// # Errors
    /// When there is no such object, or the class is not colder.
    pub fn transition(&self, bucket: &str, key: &str, class: Class) -> Result<(), SimError> {
        Ok(self.core.transition(bucket, key, class)?)
    }

    /// Forgets bill, counts and log; objects stay.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn reset(&self) -> Result<(), SimError> {
        Ok(self.core.reset()?)
    }

    /// Lets requests under way finish, for five seconds at most, and stops.
    pub fn stop(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.shut();
    }
}

/// The one key of the server.
struct OneKey {
    access: String,
    secret: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> s3s::S3Result<SecretKey> {
        if access_key == self.access {
            Ok(self.secret.clone())
        } else {
            Err(s3s::S3Error::with_message(s3s::S3ErrorCode::InvalidAccessKeyId, "the access key is not known here"))
        }
    }
}

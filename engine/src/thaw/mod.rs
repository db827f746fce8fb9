//! Thaw jobs: making frozen packs readable again, in hours, over restarts, without paying twice.
//!
//! [`Plan`] says what would be asked of the bucket. A [`Job`] is a pure state machine ([`Job::apply`]); its [`Journal`] is
//! the only place it is kept in, and what the job is, is what is durable. The [`Driver`] is the only one that talks to the
//! bucket. Data flows one way: the driver looks, commits events to the journal, and acts on what the job has become.
//!
//! # Why nothing is paid twice
//!
//! 1. A request is in the journal before it is sent, and its answer before anything follows from it.
//! 2. Right before each request the object is looked at: what is readable or on its way is not asked for.
//! 3. A request whose answer is not known (lost, or its owner died) is resolved by looking. Only an upgrade is then asked
//!    again, on the same tier, which the bucket refuses for nothing if it took place. A first request that stayed unresolved for half the life it asked for ends as expired: the copy may have come and gone.
//! 4. A copy that expires is only asked for again by [`Event::Resume`], which is somebody's decision.
//! 5. The bucket itself refuses a second request while the first one runs, unless on a faster tier; and that is only asked
//!    for after [`Event::Escalate`].

mod clock;
mod driver;
mod event;
mod frames;
mod job;
mod journal;
mod plan;
mod record;
#[cfg(test)]
mod tests;

pub use clock::{Clock, SystemClock};
pub use driver::{Change, Driver, Ended, Hydrate, HydrateError, Round, Settings, ThawError};
pub use event::{Event, IllegalTransition, Sight, Step};
pub use job::{
    Ask, Extension, Job, JobSpec, MAX_DAYS, MAX_DESCRIPTION, MAX_JOB_IMAGES, MAX_JOB_PACKS, MAX_RANGES, PackState,
    Progress, Purpose, Reason, Stage, WantedPack,
};
pub use journal::{Journal, JournalError, jobs, parse_journal, read_job};
pub use plan::{EtaRange, Plan, PlannedPack, Request};

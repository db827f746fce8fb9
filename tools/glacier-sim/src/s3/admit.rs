//! The way in and out of every operation: faults before it, the log, and refusals as S3 errors.

use std::sync::Arc;
use std::time::Duration;

use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};

use super::Server;
use crate::bodies::Staged;
use crate::core::{Asked, Tx};
use crate::faults::{Fate, FaultKind};
use crate::http::call::{Call, End};
use crate::object::{Object, Upload};
use crate::op::Op;
use crate::refusal::Refusal;
use crate::state::{Bucket, State};
use crate::stream::next;

/// A request that was let in.
pub struct Ticket {
    /// What is asked for.
    pub asked: Asked,
    /// What it meets.
    pub fate: Fate,
    call: Arc<Call>,
}

impl Ticket {
    /// The refusal as the client sees it.
    fn error(&self, refusal: &Refusal) -> S3Error {
        self.call.notes().member = refusal.members();
        let code = S3ErrorCode::from_bytes(refusal.code().as_bytes());
        let mut error = S3Error::with_message(code.unwrap_or(S3ErrorCode::InternalError), refusal.to_string());
        if let Ok(status) = hyper::StatusCode::from_u16(refusal.status()) {
            error.set_status_code(status);
        }
        error
    }

    /// The answer goes out under this status.
    pub fn status(&self, status: u16) {
        self.call.notes().status = Some(status);
    }
}

impl Server {
    /// Lets a request in, or makes it meet its fault; `body` is read to its end in that case, so that the client gets
    /// to see the answer.
    pub async fn admit<T>(
        &self,
        req: &S3Request<T>,
        op: Op,
        bucket: &str,
        key: &str,
        conditional: bool,
        body: Option<&mut StreamingBlob>,
    ) -> S3Result<Ticket> {
        // Every request comes through the HTTP layer, which puts its call there.
        let call = req.extensions.get::<Arc<Call>>().cloned();
        let call = call.unwrap_or_else(|| Arc::new(Call::new(self.core.next_seq())));
        let fate = self.core.fate(op, &format!("{bucket}/{key}"), conditional);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let asked = Asked { seq: call.seq, op: Some(op), bucket, key, fault: fate.fault, bytes_in: 0 };
        let ticket = Ticket { asked, fate, call };
        if fate.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(fate.delay_ms)).await;
        }
        let refusal = match fate.fault {
            Some(FaultKind::SlowDown) => Refusal::SlowDown,
            Some(FaultKind::InternalError) => Refusal::InternalError,
            Some(FaultKind::Conflict) => Refusal::ConditionalRequestConflict,
            Some(FaultKind::ErrorIn200) => {
                ticket.status(200);
                Refusal::InternalError
            }
            Some(FaultKind::Reset) => {
                self.core.note(&ticket.asked, 0, None);
                let mut notes = ticket.call.notes();
                (notes.logged, notes.end) = (true, End::Reset);
                drop(notes);
                return Err(ticket.error(&Refusal::InternalError));
            }
            Some(FaultKind::LostAnswer) => {
                ticket.call.notes().end = End::Lost;
                return Ok(ticket);
            }
            Some(FaultKind::CutBody | FaultKind::CorruptBody) | None => return Ok(ticket),
        };
        if let Some(body) = body {
            while let Some(Ok(_)) = next(body).await {}
        }
        let status = if fate.fault == Some(FaultKind::ErrorIn200) { 200 } else { refusal.status() };
        self.core.note(&ticket.asked, status, Some(refusal.code().to_owned()));
        ticket.call.notes().logged = true;
        Err(ticket.error(&refusal))
    }

    /// Lets the core answer.
    pub fn answer<T>(
        &self,
        ticket: &Ticket,
        staged: Option<Staged>,
        decide: impl FnOnce(&mut Tx<'_>) -> Result<T, Refusal>,
    ) -> S3Result<T> {
        ticket.call.notes().logged = true;
        // The journal is synced under the state's lock: other tasks must not wait for it on this thread.
        let answer = tokio::task::block_in_place(|| self.core.answer(&ticket.asked, staged, decide));
        answer.map_err(|refusal| ticket.error(&refusal))
    }

    /// Refuses a request that was let in.
    pub fn refuse(&self, ticket: &Ticket, refusal: Refusal) -> S3Error {
        match self.answer::<()>(ticket, None, |_| Err(refusal)) {
            Err(error) => error,
            Ok(()) => ticket.error(&Refusal::InternalError),
        }
    }
}

/// The bucket of that name.
pub fn bucket<'a>(state: &'a State, name: &str) -> Result<&'a Bucket, Refusal> {
    state.buckets().get(name).ok_or(Refusal::NoSuchBucket)
}

/// The object of that name.
pub fn object<'a>(state: &'a State, bucket_name: &str, key: &str) -> Result<&'a Object, Refusal> {
    bucket(state, bucket_name)?.objects.get(key).ok_or(Refusal::NoSuchKey)
}

/// The unfinished upload of that id to that place.
pub fn upload<'a>(state: &'a State, id: &str, bucket_name: &str, key: &str) -> Result<&'a Upload, Refusal> {
    bucket(state, bucket_name)?;
    let upload = state.uploads().get(id).filter(|upload| upload.bucket == bucket_name && upload.key == key);
    upload.ok_or(Refusal::NoSuchUpload)
}

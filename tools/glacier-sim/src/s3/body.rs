//! Receiving a body: to disk as it comes, hashed on the way, and compared with what was announced.

use s3s::dto::StreamingBlob;
use s3s::{S3Request, S3Result, StdError};

use super::Server;
use super::admit::Ticket;
use super::convert::Trailing;
use crate::bodies::Staged;
use crate::digest::{Algorithm, Digester, Sums};
use crate::object::Extent;
use crate::refusal::Refusal;
use crate::stream::next;

/// The largest body of one request.
const MAX_BODY: u64 = 5 << 30;

/// What a request says about its body.
pub struct Announced {
    /// `Content-Length` of the decoded body.
    pub len: Option<i64>,
    /// `Content-MD5`.
    pub md5: Option<String>,
    /// A checksum in a header.
    pub checksum: Option<(Algorithm, String)>,
    /// The algorithm of the checksum in a trailer.
    pub trailer: Option<Algorithm>,
    /// Where that will be.
    pub trailing: Trailing,
    /// The algorithm to use when none is sent.
    pub fallback: Algorithm,
}

impl Announced {
    /// What the headers say; the fields that `s3s` parsed come from the caller.
    pub fn of<T>(req: &S3Request<T>, len: Option<i64>, md5: Option<String>) -> Announced {
        let trailer = req.headers.get("x-amz-trailer").and_then(|name| name.to_str().ok());
        let trailer = trailer.and_then(|names| names.split(',').find_map(Algorithm::of_header));
        let (checksum, fallback) = (None, Algorithm::Crc64Nvme);
        Announced { len, md5, checksum, trailer, trailing: Trailing::of(req), fallback }
    }

    /// The algorithm the client chose.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.checksum.as_ref().map(|(algorithm, _)| *algorithm).or(self.trailer)
    }
}

impl Server {
    /// Receives a body; a refusal is logged.
    pub async fn receive(
        &self,
        ticket: &mut Ticket,
        mut body: Option<StreamingBlob>,
        announced: Announced,
    ) -> S3Result<(Staged, Sums)> {
        let mut staged = match self.core.bodies.stage().await {
            Ok(staged) => staged,
            Err(_) => return Err(self.refuse(ticket, Refusal::InternalError)),
        };
        match self.fill(&mut staged, body.as_mut(), &announced).await {
            Ok(sums) => {
                ticket.asked.bytes_in = sums.len;
                Ok((staged, sums))
            }
            Err(refusal) => {
                if let Some(body) = &mut body {
                    while let Some(Ok(_)) = next(body).await {}
                }
                Err(self.refuse(ticket, refusal))
            }
        }
    }

    async fn fill(
        &self,
        staged: &mut Staged,
        body: Option<&mut StreamingBlob>,
        announced: &Announced,
    ) -> Result<Sums, Refusal> {
        let len = announced.len.ok_or(Refusal::MissingContentLength)?;
        let len = u64::try_from(len).map_err(|_| Refusal::MissingContentLength)?;
        if len > MAX_BODY {
            return Err(Refusal::EntityTooLarge);
        }
        let mut digester = Digester::new(announced.algorithm().unwrap_or(announced.fallback));
        let mut seen = 0u64;
        if let Some(body) = body {
            while let Some(piece) = next(body).await {
                let piece = piece.map_err(|e| broken(&e))?;
                seen += piece.len() as u64;
                if seen > len {
                    return Err(Refusal::InvalidRequest("the body is longer than announced"));
                }
                digester.update(&piece);
                staged.write(&piece).await.map_err(|_| Refusal::InternalError)?;
            }
        }
        if seen < len {
            return Err(Refusal::IncompleteBody);
        }
        let sums = digester.finish();
        let trailer = announced.trailer.and_then(|algorithm| announced.trailing.get(algorithm.header()));
        let sent = announced.checksum.as_ref().map(|(_, value)| value.clone()).or(trailer);
        sums.check(announced.md5.as_deref(), sent.as_deref())?;
        self.core.bodies.seal(staged).await.map_err(|_| Refusal::InternalError)?;
        Ok(sums)
    }

    /// Hashes bytes that are here already.
    pub async fn hash(&self, mut bytes: crate::stream::Fed, algorithm: Algorithm) -> Result<Sums, Refusal> {
        let mut digester = Digester::new(algorithm);
        while let Some(piece) = next(&mut bytes).await {
            digester.update(&piece.map_err(|_| Refusal::InternalError)?);
        }
        Ok(digester.finish())
    }
}

/// Why a body broke off. `s3s` keeps the types of these errors to itself, so their names have to do.
fn broken(error: &StdError) -> Refusal {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        Refusal::ContentSha256Mismatch
    } else if text.contains("SignatureMismatch") {
        Refusal::SignatureDoesNotMatch
    } else {
        Refusal::IncompleteBody
    }
}

/// The bytes of these extents.
pub fn total(extents: &[Extent]) -> u64 {
    extents.iter().map(|extent| extent.len).sum()
}

//! RestoreObject.

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::Server;
use super::admit::object;
use crate::class::Tier;
use crate::faults::hash;
use crate::op::Op;
use crate::refusal::Refusal;
use crate::restore::{Accepted, decide};
use crate::state::Effect;
use crate::usage::Charge;

/// The tier and days of a request.
fn wanted(request: Option<&RestoreRequest>) -> Result<(Tier, u32), Refusal> {
    let request = request.ok_or(Refusal::MalformedXml("a RestoreRequest is missing"))?;
    if request.select_parameters.is_some() || request.output_location.is_some() {
        return Err(Refusal::NotImplemented("restoring a selection"));
    }
    let tier = request.glacier_job_parameters.as_ref().map(|job| &job.tier).or(request.tier.as_ref());
    let tier = tier.map_or(Some(Tier::Standard), |tier| Tier::parse(tier.as_str()));
    let tier = tier.ok_or(Refusal::MalformedXml("Tier is not one of Expedited, Standard, Bulk"))?;
    let days = request.days.ok_or(Refusal::MalformedXml("Days is missing"))?;
    Ok((tier, u32::try_from(days).unwrap_or(0)))
}

impl Server {
    pub(super) async fn restore_object(&self, req: S3Request<RestoreObjectInput>) -> S3Result<RestoreObjectOutput> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let ticket = self.admit(&req, Op::RestoreObject, &bucket, &key, false, None).await?;
        self.answer(&ticket, None, |tx| {
            let object = object(tx.state, &bucket, &key)?;
            let (class, bytes) = (object.class, object.size);
            tx.class = Some(class);
            if class.is_archive() {
                tx.counter.request(&tx.terms.quota, class, tx.now)?;
            }
            let (tier, days) = wanted(req.input.restore_request.as_ref())?;
            tx.tier = Some(tier);
            let luck = hash(&bucket).rotate_left(17) ^ hash(&key);
            // `decide` refuses the tiers for which there is no time.
            let seconds = tx.terms.pace.seconds(class, tier, bytes, luck).unwrap_or(0);
            let accepted = decide(tx.now, class, object.restore.as_ref(), tier, days, seconds)?;
            if !matches!(accepted, Accepted::Extended(_)) {
                tx.counter.retrieve(&tx.terms.quota, tier, tx.now)?;
            }
            tx.charges.push(Charge::Restore { class, tier });
            match accepted {
                Accepted::Started(_) => tx.charges.push(Charge::Thawed { class, tier, bytes }),
                Accepted::Upgraded { from, .. } => {
                    tx.charges.push(Charge::Unthawed { class, tier: from, bytes });
                    tx.charges.push(Charge::Thawed { class, tier, bytes });
                }
                Accepted::Extended(_) => {}
            }
            tx.status = accepted.status();
            ticket.status(accepted.status());
            tx.effects.push(Effect::RestoreSet { bucket, key, restore: accepted.restore() });
            Ok(RestoreObjectOutput::default())
        })
    }
}

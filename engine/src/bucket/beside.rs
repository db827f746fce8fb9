//! What a spill asks of the bucket besides moving packs. Next to packs in an archive class it is no trifle: their metadata stays in
//! Standard, at twenty times the price of a byte in Deep Archive.

use std::collections::{BTreeMap, HashSet};

use super::publish::{Kept, for_each_unseen, packs_of};
use super::spill::{SpillPack, SpillStep};
use super::upload::footer_bytes;
use super::{BucketError, Pulled};
use crate::Archive;
use crate::cost::Planner;
use crate::format::{ImageRecord, NameRecord};
use crate::id::{Digest, PackId};
use crate::remote::Class;
use crate::store::{Family, Key, LocalStore, PackArea, Store as _};

/// Requests that a spill makes besides those that move packs, and what they write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Lengths of the objects that are written, all to Standard: footers' copies, metadata packs, records, names and pinned sets.
    pub written: Vec<u64>,
    /// How many of these are records (of images and of pinned sets) and names.
    pub documents: u64,
    /// Looks at single objects, by the class they are in: a pack's to confirm it, its footer's to see whether it is there.
    pub looks: BTreeMap<Class, u64>,
    /// Keys of each listing: the looking around before, and once more before metadata is written.
    pub listed: Vec<u64>,
}

impl Beside {
    /// For a plan of these packs, for which was looked around before.
    pub(super) fn of(
        archive: &Archive,
        local: &LocalStore,
        packs: &[SpillPack],
        pulled: &Pulled,
    ) -> Result<Self, BucketError> {
        let mut beside = Beside { listed: pulled.listed.clone(), ..Beside::default() };
        beside.listed.push(pulled.metas.len() as u64);
        for pack in packs {
            beside.look(pack.class);
            beside.look(Class::Standard);
            if pack.step == SpillStep::Upload {
                beside.written.push(footer_bytes(local, pack.pack)?.len() as u64);
            }
        }
        let new_metas = local.list(Family::Packs(PackArea::Meta))?;
        beside.written.extend(new_metas.iter().filter(|item| !pulled.metas.contains(&item.key)).map(|item| item.len));
        let coming = beside.documents(archive, local, packs)?;
        let pins = super::pins::expected(archive, local, &pulled.pinned_there, &coming)?;
        beside.documents += pins.records.len() as u64;
        beside.written.extend(pins.packs.into_iter().chain(pins.records));
        beside.listed.extend(pins.listed);
        Ok(beside)
    }

    fn look(&mut self, class: Class) {
        *self.looks.entry(class).or_default() += 1;
    }

    /// Records of images, which are returned, and names that can be published once the packs are there.
    fn documents(
        &mut self,
        archive: &Archive,
        local: &LocalStore,
        packs: &[SpillPack],
    ) -> Result<HashSet<Digest>, BucketError> {
        let mut far: HashSet<PackId> = archive.with_seen(|seen| seen.packs.keys().copied().collect());
        far.extend(packs.iter().map(|pack| pack.pack));
        let kept = Kept { far, data: packs_of(local, PackArea::Data)?, meta: packs_of(local, PackArea::Meta)? };
        let mut published = HashSet::new();
        for_each_unseen(archive, local, Family::Images, |key, bytes| {
            let (Key::Image(digest), Ok(record)) = (key, ImageRecord::decode(bytes)) else { return Ok(()) };
            if kept.is_whole(&record) {
                published.insert(*digest);
                self.documents += 1;
                self.written.push(bytes.len() as u64);
            }
            Ok(())
        })?;
        for_each_unseen(archive, local, Family::Names, |_, bytes| {
            let Ok(name) = NameRecord::decode(bytes) else { return Ok(()) };
            let is_there = archive.with_seen(|seen| seen.documents.contains_key(&Key::Image(name.image)));
            if is_there || published.contains(&name.image) {
                self.documents += 1;
                self.written.push(bytes.len() as u64);
            }
            Ok(())
        })?;
        Ok(published)
    }

    /// Adds it to a plan that is priced.
    pub fn expect(&self, planner: &mut Planner<'_>) {
        self.written.iter().for_each(|len| planner.upload(Class::Standard, *len));
        self.looks.iter().for_each(|(class, looks)| planner.once().heads(*class, *looks));
        self.listed.iter().for_each(|keys| planner.once().lists(*keys, 1));
    }
}

//! The whole world as a fold over effects: no I/O, no clock of its own. Replaying the journal gives it back.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::object::{BodyId, Extent, Object, Part, Upload};
use crate::restore::Restore;
use crate::time::Time;
use crate::usage::Usage;

/// A change of the world. Effects are decided by the rules and never fail to apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    BucketCreated { bucket: String },
    BucketDeleted { bucket: String },
    ObjectPut { bucket: String, key: String, object: Box<Object> },
    ObjectDeleted { bucket: String, key: String },
    RestoreSet { bucket: String, key: String, restore: Restore },
    ClassChanged { bucket: String, key: String, class: Class },
    UploadBegun { id: String, upload: Box<Upload> },
    PartPut { id: String, number: u16, part: Box<Part> },
    UploadClosed { id: String },
    Reset,
}

/// A bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// When it was created.
    pub created: Time,
    /// Its objects by key, in the order listings have: by UTF-8 bytes.
    pub objects: BTreeMap<String, Object>,
}

/// The world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
    references: HashMap<BodyId, u32>,
    /// What closed spans and requests used since the last reset.
    usage: Usage,
    /// Nothing before this instant is billed.
    billed_from: Time,
}

impl State {
    /// All buckets by name.
    pub fn buckets(&self) -> &BTreeMap<String, Bucket> {
        &self.buckets
    }

    /// All unfinished uploads by id.
    pub fn uploads(&self) -> &BTreeMap<String, Upload> {
        &self.uploads
    }

    /// The bodies something refers to.
    pub fn bodies(&self) -> impl Iterator<Item = BodyId> {
        self.references.keys().copied()
    }

    /// The sums that requests add to.
    pub fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// Everything used from the last reset up to `now`, living objects included.
    pub fn usage_at(&self, now: Time) -> Usage {
        let mut usage = self.usage.clone();
        for object in self.buckets.values().flat_map(|bucket| bucket.objects.values()) {
            self.store(&mut usage, object, now);
        }
        for upload in self.uploads.values() {
            self.stage(&mut usage, upload, upload.parts.values(), now);
        }
        usage
    }

    /// Applies an effect that happened `at`, and returns the bodies nothing refers to any more.
    pub fn apply(&mut self, at: Time, effect: Effect) -> Vec<BodyId> {
        match effect {
            Effect::BucketCreated { bucket } => {
                self.buckets.entry(bucket).or_insert(Bucket { created: at, objects: BTreeMap::new() });
            }
            Effect::BucketDeleted { bucket } => {
                self.buckets.remove(&bucket);
            }
            Effect::ObjectPut { bucket, key, object } => {
                // First the new, then the old: an object copied onto itself keeps its bytes.
                self.retain(&object.extents);
                let old = self.buckets.get_mut(&bucket).and_then(|bucket| bucket.objects.insert(key, *object));
                return self.close(old, at);
            }
            Effect::ObjectDeleted { bucket, key } => {
                let old = self.buckets.get_mut(&bucket).and_then(|bucket| bucket.objects.remove(&key));
                return self.close(old, at);
            }
            Effect::RestoreSet { bucket, key, restore } => {
                let Some(object) = self.object_mut(&bucket, &key) else { return Vec::new() };
                let old = object.restore.replace(restore);
                let (class, size) = (object.class, object.size);
                // Extensions and upgrades go on with the same copy; only a restore after its end is a new one.
                if let Some(old) = old.filter(|old| old.expires <= at) {
                    let seconds = self.copy_seconds(&old, at);
                    self.usage.copy(class, size, seconds);
                }
            }
            Effect::ClassChanged { bucket, key, class } => {
                let Some(object) = self.object_mut(&bucket, &key) else { return Vec::new() };
                let old = object.clone();
                (object.class, object.since, object.restore) = (class, at, None);
                self.leave(&old, at);
            }
            Effect::UploadBegun { id, upload } => {
                self.uploads.insert(id, *upload);
            }
            Effect::PartPut { id, number, part } => {
                self.retain(&part.extents);
                let Some(upload) = self.uploads.get_mut(&id) else { return self.release(&part.extents) };
                let old = upload.parts.insert(number, *part);
                let class = upload.class;
                let Some(old) = old else { return Vec::new() };
                self.usage.stage(class, old.size, at.since(old.stored.max(self.billed_from)));
                return self.release(&old.extents);
            }
            Effect::UploadClosed { id } => {
                let Some(upload) = self.uploads.remove(&id) else { return Vec::new() };
                let mut usage = std::mem::take(&mut self.usage);
                self.stage(&mut usage, &upload, upload.parts.values(), at);
                self.usage = usage;
                return upload.parts.values().flat_map(|part| self.release(&part.extents)).collect();
            }
            Effect::Reset => {
                self.usage = Usage::default();
                self.billed_from = at;
            }
        }
        Vec::new()
    }

    fn object_mut(&mut self, bucket: &str, key: &str) -> Option<&mut Object> {
        self.buckets.get_mut(bucket)?.objects.get_mut(key)
    }

    fn close(&mut self, old: Option<Object>, at: Time) -> Vec<BodyId> {
        let Some(old) = old else { return Vec::new() };
        self.leave(&old, at);
        self.release(&old.extents)
    }

    /// The object leaves its class: its storage, its restored copy and what it owes are settled.
    fn leave(&mut self, old: &Object, at: Time) {
        let mut usage = std::mem::take(&mut self.usage);
        self.store(&mut usage, old, at);
        usage.leave(old.class, old.size, at.since(old.since));
        self.usage = usage;
    }

    fn store(&self, usage: &mut Usage, object: &Object, until: Time) {
        usage.store(object.class, object.size, until.since(object.since.max(self.billed_from)));
        if let Some(restore) = &object.restore {
            let seconds = self.copy_seconds(restore, until);
            if seconds > 0 {
                usage.copy(object.class, object.size, seconds);
            }
        }
    }

    fn stage<'a>(&self, usage: &mut Usage, upload: &Upload, parts: impl Iterator<Item = &'a Part>, until: Time) {
        for part in parts {
            usage.stage(upload.class, part.size, until.since(part.stored.max(self.billed_from)));
        }
    }

    fn copy_seconds(&self, restore: &Restore, until: Time) -> u64 {
        until.min(restore.expires).since(restore.ready.max(self.billed_from))
    }

    fn retain(&mut self, extents: &[Extent]) {
        for extent in extents {
            *self.references.entry(extent.body).or_default() += 1;
        }
    }

    fn release(&mut self, extents: &[Extent]) -> Vec<BodyId> {
        let mut free = Vec::new();
        for extent in extents {
            if let Some(count) = self.references.get_mut(&extent.body) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.references.remove(&extent.body);
                    free.push(extent.body);
                }
            }
        }
        free
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;

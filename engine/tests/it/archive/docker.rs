//! Docker archives: what firn writes it reads again, with the same image id and diff ids.

use firn_engine::ErrorKind;
use firn_engine::format::ImageRecord;
use firn_engine::ingest::Meter;
use firn_engine::restore::{DockerName, NewFile, restore_docker};
use serde_json::json;

use super::trees::everything;
use crate::common::layout::{GZIP_LAYER, Layout, foreign_gzip, gzip, sha256};
use crate::common::tarball::Tar;
use crate::common::{ingest, noise, scratch, small_archive};

fn diff_ids(record: &ImageRecord) -> Vec<String> {
    let layers = &record.filesystems[0].layers;
    let blobs = layers.iter().map(|index| record.layer_at(*index).unwrap());
    let layer = |digest| record.layers().find(|(blob, _)| blob.digest == digest).unwrap().1;
    blobs.map(|blob| layer(blob.digest).diff_id.to_string()).collect()
}

#[test]
fn a_docker_archive_goes_in_again_with_the_same_ids() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    let kept = Tar::default().file("kept", &noise(3, 90_000)).finish();
    let mut tars = everything();
    // A layer that is in it twice, and one of an encoder that nothing imitates.
    tars.extend([tars[1].clone(), kept.clone()]);
    let mut layers: Vec<_> = tars.iter().map(|tar| layout.blob(GZIP_LAYER, &gzip(tar))).collect();
    layers[3] = layout.blob(GZIP_LAYER, &foreign_gzip(&kept));
    let ids: Vec<String> = tars.iter().map(|tar| sha256(tar)).collect();
    let manifest = layout.manifest_of(&layers, &ids);
    layout.tag("app", manifest);
    ingest(&archive, &layout.reference("app")).unwrap();
    let record = archive.resolve("app").unwrap();

    let path = dir.path().join("app.tar");
    let mut file = NewFile::create(&path).unwrap();
    let name = DockerName::parse("local/app:1").unwrap();
    let (reader, meter) = (archive.reader(1 << 20), Meter::default());
    let restored = restore_docker(&reader, &record, &record.filesystems[0], Some(&name), &mut file, &meter).unwrap();
    file.finish().unwrap();
    assert_eq!((restored.layers, meter.done()), (4, meter.total()));

    let second = small_archive(&dir.path().join("second"));
    ingest(&second, &format!("docker-archive:{}:local/app:1", path.display())).unwrap();
    let again = second.resolve("1").unwrap();
    assert_eq!(diff_ids(&again), ids);
    assert!(again.blob(&restored.image_id).is_some(), "the config is the same");
    assert_eq!(record.filesystems[0].platform, again.filesystems[0].platform);
    assert!(NewFile::create(&path).is_err(), "an existing file is not overwritten");
}

#[test]
fn what_docker_would_refuse_is_not_written() {
    let dir = scratch();
    let archive = small_archive(&dir.path().join("archive"));
    let mut layout = Layout::new(&dir.path().join("layout"));
    let tar = Tar::default().file("a", b"a").finish();
    let layer = layout.blob(GZIP_LAYER, &gzip(&tar));
    let manifest = layout.manifest_of(std::slice::from_ref(&layer), &[sha256(b"other")]);
    layout.tag("lying", manifest);
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"[]");
    let document = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let manifest = layout.blob("application/vnd.oci.image.manifest.v1+json", document.to_string().as_bytes());
    layout.tag("odd", manifest);
    for name in ["lying", "odd"] {
        ingest(&archive, &layout.reference(name)).unwrap();
        let record = archive.resolve(name).unwrap();
        let (reader, meter) = (archive.reader(1 << 20), Meter::default());
        let refused =
            restore_docker(&reader, &record, &record.filesystems[0], None, &mut std::io::sink(), &meter).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadInput, "{refused}");
        assert!(refused.to_string().contains("oci:"), "it says what else can be done: {refused}");
    }
}

//! The store against what may happen to it.

use std::collections::BTreeMap;
use std::path::Path;

use super::store::Shelf;
use super::*;
use crate::digest::Digest;
use crate::host::files;
use crate::providers::{
    ImageId, ImageQuery, ImageUpdate, Keep, Manifest, Marker, ObservedImage, Registered, Registration, Resource, RunId,
    VolumeId, VolumeOrigin, VolumeWish,
};
use crate::units::Size;

fn key() -> ProviderKey {
    ProviderKey {
        kind: "local".into(),
        alias: None,
    }
}

fn local(directory: &Path) -> Local {
    let settings = ProviderSettings {
        key: key(),
        store: Some(directory.join("store")),
        ignore_publish: false,
        aws: None,
    };
    Local::open(&settings).unwrap()
}

fn owner(project: &str) -> Owner {
    Owner {
        project: project.into(),
        workspace: "default".into(),
    }
}

fn marker(project: &str, what: &str) -> Marker {
    Marker {
        token: Digest::of(format!("{project} {what}").as_bytes()).hex()[..32].to_owned(),
        owner: owner(project),
        address: ImageAddress::new("web", None).only("volume"),
        run: RunId("0badcafe".into()),
        host: "builder".into(),
        provider: Some(key()),
    }
}

fn manifest(project: &str, release: u64) -> Manifest {
    Manifest {
        format: 1,
        bake: "0.1.0".into(),
        owner: owner(project),
        address: ImageAddress::new("web", None),
        release,
        digest: Digest::of(b"content"),
        release_id: "0123456789ab".into(),
        build_number: 0,
        created: "2026-01-01T00:00:00Z".into(),
        spec: Default::default(),
        nodes: Vec::new(),
        built_on: None,
        regions: Vec::new(),
        volumes: Vec::new(),
        imported: None,
    }
}

fn registration(project: &str, name: &str, release: u64, snapshot: &SnapshotId) -> Registration {
    Registration {
        inherits: None,
        name: name.into(),
        description: None,
        snapshots: BTreeMap::from([("root".to_owned(), snapshot.clone())]),
        tags: BTreeMap::new(),
        deprecate_at: None,
        manifest: manifest(project, release),
    }
}

async fn volume(local: &Local, bytes: &[u8], what: &str) -> VolumeId {
    let size = Size::bytes(bytes.len() as u64);
    let id = local
        .volumes()
        .create(
            &VolumeOrigin::Blank,
            Some(size),
            &VolumeWish::default(),
            &marker("p", what),
        )
        .await
        .unwrap();
    files::replace(&local.store.disk(Shelf::Volumes, &id.0), bytes).unwrap();
    id
}

async fn snapshot(local: &Local, bytes: &[u8], what: &str) -> SnapshotId {
    let volume = volume(local, bytes, what).await;
    let made = local
        .snapshots()
        .create(&volume, &Digest::of(b"content"), &BTreeMap::new(), &marker("p", what))
        .await
        .unwrap();
    local.volumes().delete(&volume).await.unwrap();
    made
}

async fn image(local: &Local, project: &str, name: &str, release: u64, snapshot: &SnapshotId) -> ImageId {
    let image = registration(project, name, release, snapshot);
    match local.images().register(&image, &marker(project, name)).await.unwrap() {
        Registered::New(id) => id,
        other => panic!("{other:?}"),
    }
}

async fn standing(local: &Local, project: &str) -> Vec<ObservedImage> {
    let query = ImageQuery {
        owner: owner(project),
        address: None,
    };
    local.images().observe(&[query]).await.unwrap().remove(0)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = ["images", "snapshots", "volumes"]
        .iter()
        .flat_map(|shelf| std::fs::read_dir(directory.join("store").join(shelf)).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn looking_at_a_store_that_does_not_exist_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    assert!(standing(&local, "p").await.is_empty());
    assert!(local.inventory().find(&marker("p", "x")).await.unwrap().is_none());
    assert!(
        local
            .inventory()
            .leftovers("p", None, &Default::default())
            .await
            .unwrap()
            .is_empty()
    );
    local.volumes().delete(&VolumeId("vol-1".into())).await.unwrap();
    assert!(!directory.path().join("store").exists());
}

#[tokio::test]
async fn an_image_outlives_its_volume_and_goes_with_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let snapshot = snapshot(&local, b"bytes of a disk", "a").await;
    assert_eq!(
        std::fs::read(local.disk(&snapshot).unwrap().unwrap()).unwrap(),
        b"bytes of a disk"
    );
    let (one, two) = (
        image(&local, "p", "one", 1, &snapshot).await,
        image(&local, "p", "two", 2, &snapshot).await,
    );
    let releases = standing(&local, "p")
        .await
        .iter()
        .map(|image| image.manifest.release)
        .collect::<Vec<_>>();
    assert_eq!(releases, [2, 1], "the highest release comes first");
    local.images().retire(&two, Keep::Nothing).await.unwrap();
    assert_eq!(
        local.snapshots().size(&snapshot).await.unwrap(),
        Size::bytes(15),
        "image one still uses it"
    );
    local.images().retire(&one, Keep::Nothing).await.unwrap();
    assert!(matches!(
        local.snapshots().size(&snapshot).await,
        Err(ProviderError::NotFound { .. })
    ));
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
}

#[tokio::test]
async fn projects_in_one_store_do_not_see_each_other_but_share_names() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let snapshot = snapshot(&local, b"x", "a").await;
    image(&local, "p", "web", 1, &snapshot).await;
    assert!(standing(&local, "q").await.is_empty());
    let taken = local
        .images()
        .register(&registration("q", "web", 1, &snapshot), &marker("q", "b"))
        .await;
    assert!(matches!(taken, Err(ProviderError::NameTaken { .. })), "{taken:?}");
    assert_eq!(local.images().names().await.unwrap()["web"].owner, Some(owner("p")));
}

#[tokio::test]
async fn a_volume_from_a_snapshot_is_its_own_and_can_be_larger() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let snapshot = snapshot(&local, b"abc", "a").await;
    let origin = VolumeOrigin::Snapshot(snapshot.clone());
    let id = local
        .volumes()
        .create(&origin, Some(Size::bytes(8)), &VolumeWish::default(), &marker("p", "b"))
        .await
        .unwrap();
    let disk = local.store.disk(Shelf::Volumes, &id.0);
    assert_eq!(std::fs::read(&disk).unwrap(), b"abc\0\0\0\0\0");
    files::replace(&disk, b"changed!").unwrap();
    assert_eq!(std::fs::read(local.disk(&snapshot).unwrap().unwrap()).unwrap(), b"abc");
    let smaller = local
        .volumes()
        .create(&origin, Some(Size::bytes(2)), &VolumeWish::default(), &marker("p", "c"))
        .await;
    assert!(smaller.unwrap_err().to_string().contains("has 3 B"));
    assert_eq!(names(directory.path()).len(), 5, "the failed one left nothing");
}

#[tokio::test]
async fn what_was_made_is_found_by_its_marker_and_by_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let id = volume(&local, b"x", "a").await;
    let found = local.inventory().find(&marker("p", "a")).await.unwrap();
    assert_eq!(found, Some(Resource::Volume(id.clone())));
    assert_eq!(local.inventory().find(&marker("q", "a")).await.unwrap(), None);
    let left = local
        .inventory()
        .leftovers("p", Some("default"), &Default::default())
        .await
        .unwrap();
    assert_eq!(
        left.into_iter().map(|one| one.resource).collect::<Vec<_>>(),
        [Resource::Volume(id)]
    );
    assert!(
        local
            .inventory()
            .leftovers("p", Some("other"), &Default::default())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_record_that_does_not_read_is_an_error_that_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let id = image(&local, "p", "web", 1, &snapshot(&local, b"x", "a").await).await;
    let path = directory.path().join(format!("store/images/{id}.json"));
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let place = whole.len() / 2;
    flipped[place] ^= 1;
    let newer = String::from_utf8(whole.clone())
        .unwrap()
        .replacen("\"format\":1", "\"format\":2", 1)
        .into_bytes();
    for bad in [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        flipped,
        newer,
        b"{}".to_vec(),
    ] {
        files::replace(&path, &bad).unwrap();
        let query = ImageQuery {
            owner: owner("p"),
            address: None,
        };
        let error = local.images().observe(&[query]).await.unwrap_err();
        let is_newer = bad.starts_with(b"{\"format\":2");
        assert_eq!(matches!(error, ProviderError::Newer { .. }), is_newer, "{error}");
        assert_eq!(matches!(error, ProviderError::Damaged { .. }), !is_newer, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    files::replace(&path, &whole).unwrap();
    assert_eq!(standing(&local, "p").await.len(), 1);
}

#[tokio::test]
async fn what_a_crash_left_goes_with_the_next_change() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let snapshot = snapshot(&local, b"x", "a").await;
    let id = image(&local, "p", "web", 1, &snapshot).await;
    let store = directory.path().join("store");
    // A retirement that was cut off, a disk whose record is gone, a record that was being written.
    files::rename(
        &store.join(format!("images/{id}.json")),
        &store.join(format!("images/{id}.retired")),
    )
    .unwrap();
    files::replace(&store.join("volumes/vol-1.raw"), b"x").unwrap();
    files::replace(&store.join("snapshots/snap-1.blocks"), b"x").unwrap();
    files::replace(&store.join("images/.new-abc"), b"x").unwrap();
    drop(local.store.lock().await.unwrap());
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
}

#[tokio::test]
async fn a_snapshot_that_is_not_whole_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let id = snapshot(&local, b"x", "a").await;
    let catalogue = local.store.lock().await.unwrap();
    let record: Option<snapshots::SnapshotRecord> = local.store.read(Shelf::Snapshots, &id.0).unwrap();
    let mut record = record.unwrap();
    record.whole = false;
    catalogue.write(Shelf::Snapshots, &id.0, &record).unwrap();
    drop(catalogue);
    let unfinished = local
        .images()
        .register(&registration("p", "web", 1, &id), &marker("p", "w"))
        .await;
    assert!(matches!(unfinished, Err(ProviderError::NotFound { .. })));
    assert_eq!(local.inventory().find(&marker("p", "a")).await.unwrap(), None);
    assert!(names(directory.path()).is_empty(), "its remains are gone");
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let id = image(&local, "p", "web", 1, &snapshot(&local, b"x", "a").await).await;
    let change = ImageUpdate {
        description: Some(Some("new".into())),
        ..ImageUpdate::default()
    };
    local.images().update(&id, &change).await.unwrap();
    let change = ImageUpdate {
        tags: Some(BTreeMap::from([("a".into(), "b".into())])),
        ..ImageUpdate::default()
    };
    local.images().update(&id, &change).await.unwrap();
    let image = standing(&local, "p").await.remove(0);
    assert_eq!(
        (image.description.as_deref(), image.tags["a"].as_str()),
        (Some("new"), "b")
    );
}

#[tokio::test]
async fn another_directory_is_not_taken_for_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    files::create_dir_all(&directory.path().join("store")).unwrap();
    files::replace(
        &directory.path().join("store/store.json"),
        br#"{"about":"","format":9}"#,
    )
    .unwrap();
    let query = ImageQuery {
        owner: owner("p"),
        address: None,
    };
    assert!(
        local
            .images()
            .observe(&[query])
            .await
            .unwrap_err()
            .to_string()
            .contains("format 9")
    );
}

#[tokio::test]
async fn a_snapshot_that_became_shorter_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let local = local(directory.path());
    let id = snapshot(&local, b"whole", "a").await;
    let disk = local.disk(&id).unwrap().unwrap();
    files::replace(&disk, b"wh").unwrap();
    let error = local.disk(&id).unwrap_err();
    assert!(error.to_string().contains("it has 2 bytes of 5"), "{error}");
    let origin = VolumeOrigin::Snapshot(id.clone());
    let built = local
        .volumes()
        .create(&origin, None, &VolumeWish::default(), &marker("p", "b"))
        .await;
    assert!(matches!(built, Err(ProviderError::Damaged { .. })));
    files::remove(&disk).unwrap();
    assert!(local.disk(&id).unwrap_err().to_string().contains("it is gone"));
}

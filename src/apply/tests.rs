//! Plans without host work, applied to a store: a volume becomes a snapshot becomes an image.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::recover::Scope;
use super::*;
use crate::address::ImageAddress;
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::journal::{Backend, Found, Outcome, Record};
use crate::nodes::context::Secrets;
use crate::nodes::image::SnapshotSource;
use crate::nodes::volume::{Origin, VolumeHandle};
use crate::nodes::{Handle, Image, Node, NodeData, NodeKind, Ref, Snapshot, Volume};
use crate::plan::steps::Fate;
use crate::plan::{Action, ImagePlan, Plan};
use crate::providers::{Contact, ImageQuery, Marker, ObservedImage, Owner, Providers, RunId, VolumeOrigin};
use crate::spec::{ProviderKey, ProviderSettings};
use crate::units::Size;

fn key() -> ProviderKey {
    ProviderKey {
        kind: "local".into(),
        alias: None,
    }
}

fn owner() -> Owner {
    Owner {
        project: "p".into(),
        workspace: "default".into(),
    }
}

fn providers_of(directory: &Path) -> Vec<ProviderSettings> {
    vec![ProviderSettings {
        key: key(),
        store: Some(directory.join("store")),
        ignore_publish: false,
        aws: None,
    }]
}

fn node(address: crate::address::Address, data: impl Into<NodeData>) -> Node {
    let data = data.into();
    Node {
        address,
        data,
        span: None,
        summary: String::new(),
        content: None,
        digest: None,
    }
}

fn manifest(image: &ImageAddress) -> crate::providers::Manifest {
    crate::providers::Manifest {
        format: 1,
        bake: "0.1.0".into(),
        owner: owner(),
        address: image.clone(),
        release: 1,
        digest: Digest::of(b"content"),
        release_id: "0123456789ab".into(),
        build_number: 0,
        created: String::new(),
        spec: Default::default(),
        nodes: Vec::new(),
        built_on: None,
        regions: Vec::new(),
        volumes: Vec::new(),
        imported: None,
    }
}

/// The nodes of an image that is an empty disk of this size.
fn nodes(image: &ImageAddress, size: Size) -> Vec<Node> {
    let (volume, snapshot) = (image.node("volume", "root"), image.node("snapshot", "root"));
    let made = SnapshotSource::Made(Ref::new(snapshot.clone()));
    vec![
        node(
            volume.clone(),
            Volume {
                wish: crate::providers::VolumeWish::default(),
                provider: key(),
                name: "root".into(),
                size: Some(size),
                origin: Origin::Blank,
                after: Vec::new(),
            },
        ),
        node(
            snapshot,
            Snapshot {
                provider: key(),
                volume: Ref::new(volume),
                name: "root".into(),
                digest: Digest::of(b"content"),
                tags: BTreeMap::new(),
                after: Vec::new(),
            },
        ),
        node(
            image.itself(),
            Image {
                inherits: None,
                provider: key(),
                name: image.name.clone(),
                description: None,
                snapshots: vec![("root".into(), made)],
                tags: None,
                deprecate_after: None,
                manifest: manifest(image),
                timed: BTreeMap::new(),
                after: Vec::new(),
            },
        ),
    ]
}

fn plan(directory: &Path, images: &[&str]) -> Plan {
    let images: Vec<ImageAddress> = images.iter().map(|name| ImageAddress::new(*name, None)).collect();
    let planned = |address: &ImageAddress| ImagePlan {
        address: address.clone(),
        provider: key(),
        action: Action::Build,
        span: None,
        causes: Vec::new(),
        before: None,
        after: None,
        steps: Vec::new(),
        retire: Vec::new(),
        moved_from: None,
        estimate: None,
        changes: Default::default(),
        drift: Vec::new(),
    };
    Plan {
        format: 1,
        bake: "0.1.0".into(),
        owner: owner(),
        about: None,
        images: images.iter().map(planned).collect(),
        nodes: images
            .iter()
            .flat_map(|image| nodes(image, Size::mib(1)))
            .map(Arc::new)
            .collect(),
        providers: providers_of(directory),
        outputs: BTreeMap::new(),
        inputs: Default::default(),
        world: Vec::new(),
        warnings: Default::default(),
        mode: Default::default(),
    }
}

fn settings(directory: &Path) -> (Settings, Arc<Mutex<Vec<Event>>>) {
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let sink = seen.clone();
    let settings = Settings {
        bake_directory: directory.join(".bake"),
        parallelism: 4,
        lock_timeout: None,
        on_error: OnError::Cleanup,
        secrets: Secrets::default(),
        contact: Contact::silent(Events::to(move |event| sink.lock().unwrap().push(event))),
        signals: Signals::default(),
        executable: None,
        command: "test".into(),
        providers: None,
    };
    (settings, seen)
}

fn open(directory: &Path) -> Providers {
    crate::providers::open(&providers_of(directory), &Contact::nobody()).unwrap()
}

async fn standing(directory: &Path) -> Vec<ObservedImage> {
    let providers = open(directory);
    let query = ImageQuery {
        owner: owner(),
        address: None,
    };
    providers
        .get(&key())
        .unwrap()
        .images()
        .observe(&[query])
        .await
        .unwrap()
        .remove(0)
}

async fn leftovers(directory: &Path) -> usize {
    open(directory)
        .get(&key())
        .unwrap()
        .inventory()
        .leftovers("p", None, &Default::default())
        .await
        .unwrap()
        .len()
}

fn journals(directory: &Path) -> Vec<Found> {
    Backend::new(&directory.join(".bake")).all("test").unwrap()
}

fn fates(report: &Report) -> Vec<Fate> {
    report.nodes.iter().map(|node| node.fate).collect()
}

#[tokio::test]
async fn a_plan_is_done_and_leaves_only_its_images() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, seen) = settings(directory.path());
    let report = run(plan(directory.path(), &["a", "b"]), settings).await.unwrap();
    assert_eq!(
        (report.outcome, fates(&report)),
        (Outcome::Done, vec![Fate::Done; 6]),
        "{:?}",
        report.failures
    );
    assert_eq!(report.closed, BTreeMap::from([(NodeKind::Volume, 2)]));
    let images = standing(directory.path()).await;
    assert_eq!(
        images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(images[0].manifest.volumes[0].size, Size::mib(1));
    assert_eq!(leftovers(directory.path()).await, 0);
    assert!(journals(directory.path()).is_empty());
    assert!(matches!(seen.lock().unwrap()[0], Event::Started { nodes: 6, .. }));
}

#[tokio::test]
async fn what_another_apply_has_built_meanwhile_is_dropped_and_anything_else_refused() {
    let directory = tempfile::tempdir().unwrap();
    let plan = plan(directory.path(), &["a"]);
    run(plan.clone(), settings(directory.path()).0).await.unwrap();
    let report = run(plan.clone(), settings(directory.path()).0).await.unwrap();
    assert_eq!((report.dropped.len(), report.nodes.len()), (1, 0));
    let mut other = plan;
    let NodeData::Image(image) = &mut Arc::make_mut(&mut other.nodes[2]).data else {
        panic!("the third node is the image")
    };
    image.manifest.digest = Digest::of(b"other");
    let errors = run(other, settings(directory.path()).0).await.unwrap_err();
    assert!(
        errors
            .iter()
            .next()
            .unwrap()
            .summary
            .contains("has moved since it was planned")
    );
    assert_eq!(standing(directory.path()).await.len(), 1);
}

#[tokio::test]
async fn an_image_that_fails_leaves_its_snapshot_and_does_not_disturb_others() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(directory.path(), &["a", "b"]);
    let NodeData::Image(image) = &mut Arc::make_mut(&mut plan.nodes[2]).data else {
        panic!("the third node is the image")
    };
    image.description = Some(crate::lang::value::Value::list(
        crate::lang::types::Type::String,
        Vec::new(),
    ));
    let report = run(plan, settings(directory.path()).0).await.unwrap();
    let expected = [
        Fate::Done,
        Fate::Resumable,
        Fate::Failed,
        Fate::Done,
        Fate::Done,
        Fate::Done,
    ];
    assert_eq!((report.outcome, fates(&report)), (Outcome::Failed, expected.to_vec()));
    assert_eq!(report.failures.len(), 1);
    assert_eq!(standing(directory.path()).await.len(), 1);
    assert_eq!(leftovers(directory.path()).await, 1, "the snapshot");
    assert!(journals(directory.path()).is_empty());
}

#[tokio::test]
async fn after_a_stop_nothing_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    let (settings, _) = settings(directory.path());
    // The lock of the image is free, so the stop is seen before the first step.
    let signals = settings.signals.clone();
    let stopper = Events::to(move |event| {
        if matches!(event, Event::Started { .. }) {
            signals.stop(130);
        }
    });
    let report = run(
        plan(directory.path(), &["a"]),
        Settings {
            contact: Contact::silent(stopper),
            ..settings
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (report.outcome, fates(&report)),
        (Outcome::Interrupted, vec![Fate::Skipped; 3])
    );
    assert_eq!(report.interrupted, Some(130));
    assert!(standing(directory.path()).await.is_empty());
}

/// The journal of a run that died, and what it had made.
async fn crash(directory: &Path, answered: bool) {
    let at = ImageAddress::new("a", None).node("volume", "root");
    let marker = Marker {
        token: "0123456789abcdef0123456789abcdef".into(),
        owner: owner(),
        address: at.clone(),
        run: RunId("dead".into()),
        host: "h".into(),
        provider: Some(key()),
    };
    let mut journal = Backend::new(&directory.join(".bake"))
        .begin(&marker.run, "test")
        .unwrap();
    let began = Record::Began {
        run: marker.run.clone(),
        plan: Digest::of(b""),
        at: String::new(),
        providers: providers_of(directory),
    };
    journal.write(&began).unwrap();
    journal
        .write(&Record::Intent {
            address: at.clone(),
            kind: NodeKind::Volume,
            marker: marker.clone(),
        })
        .unwrap();
    let volumes = open(directory);
    let volumes = volumes.get(&key()).unwrap().volumes();
    let id = volumes
        .create(
            &VolumeOrigin::Blank,
            Some(Size::mib(1)),
            &crate::providers::VolumeWish::default(),
            &marker,
        )
        .await
        .unwrap();
    if answered {
        let handle = Handle::Volume {
            handle: VolumeHandle { provider: key(), id },
        };
        journal.write(&Record::Opened { address: at, handle }).unwrap();
    }
}

#[tokio::test]
async fn what_a_dead_run_left_is_closed_whether_it_was_answered_or_not() {
    for answered in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        crash(directory.path(), answered).await;
        assert_eq!(leftovers(directory.path()).await, 1);
        let bake = directory.path().join(".bake");
        let clear = async || recover(&bake, Scope::Dead, "test", &Contact::nobody()).await.unwrap();
        let first = clear().await;
        assert_eq!((first[0].closed.len(), first[0].stuck.len()), (1, 0));
        assert_eq!(leftovers(directory.path()).await, 0);
        assert!(clear().await.is_empty(), "the second time there is nothing to do");
    }
}

#[tokio::test]
async fn an_apply_clears_up_after_dead_runs_with_and_without_their_journal() {
    for journal in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        crash(directory.path(), true).await;
        if !journal {
            crate::host::files::remove_dir_all(&directory.path().join(".bake")).unwrap();
        }
        let report = run(plan(directory.path(), &["a"]), settings(directory.path()).0)
            .await
            .unwrap();
        assert!(report.is_done());
        assert_eq!(leftovers(directory.path()).await, 0);
    }
}

#[tokio::test]
async fn garbage_is_listed_with_who_holds_it_and_removed_only_if_nobody_does() {
    let directory = tempfile::tempdir().unwrap();
    crash(directory.path(), true).await;
    let (providers, bake) = (open(directory.path()), directory.path().join(".bake"));
    let list = async || debris(&providers, &bake, "p", None, &BTreeMap::new()).await.unwrap();
    let path = providers
        .get(&key())
        .unwrap()
        .lock_path(&owner(), &ImageAddress::new("a", None))
        .unwrap();
    let lock = crate::host::locks::Lock::try_take(&path, "test").unwrap().unwrap();
    let found = list().await;
    assert!(
        found[0].held.as_ref().is_some_and(|held| held.contains("test")),
        "{found:?}"
    );
    assert!(!remove(&providers, &bake, &found[0]).await.unwrap());
    drop(lock);
    assert!(remove(&providers, &bake, &found[0]).await.unwrap());
    assert!(list().await.is_empty());
}

#[tokio::test]
async fn a_base_is_shared_by_those_built_on_it_and_kept_from_who_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    let base = ImageAddress::new("base", None);
    let mut plan = plan(directory.path(), &["a"]);
    let NodeData::Image(image) = &mut Arc::make_mut(&mut plan.nodes[2]).data else {
        panic!("the third node is the image")
    };
    image.manifest.built_on = Some(crate::providers::manifest::BuiltOn {
        address: base.clone(),
        digest: Digest::of(b"base"),
        release: 1,
        build_number: 0,
    });
    let providers = open(directory.path());
    let path = providers.get(&key()).unwrap().lock_path(&owner(), &base).unwrap();
    let mut settings = settings(directory.path()).0;
    settings.lock_timeout = Some(std::time::Duration::ZERO);
    let changing = crate::host::locks::Lock::try_take(&path, "test").unwrap().unwrap();
    let errors = run(plan.clone(), settings.clone()).await.unwrap_err();
    assert!(errors.iter().next().unwrap().summary.contains("lock"), "{errors:?}");
    drop(changing);
    let _building = crate::host::locks::Lock::take_shared(&path, None, |_| ())
        .await
        .unwrap();
    assert!(run(plan, settings).await.unwrap().is_done());
}

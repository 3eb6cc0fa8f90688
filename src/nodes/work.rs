//! What nodes that run something have in common: where it runs, where its output goes, and how its failure reads.

use std::future::Future;
use std::path::{Path, PathBuf};

use super::mount::MountHandle;
use super::origins;
use super::{Context, NodeError, Surroundings};
use crate::diagnostic::Diagnostic;
use crate::host::inside::Root;
use crate::host::turned;
use crate::steps::{Output, Site, StepError};

/// Where a step in these surroundings works.
///
/// # Errors
/// If a mount is not there, or the helper cannot be started.
pub async fn site(within: &Surroundings, cx: &Context) -> Result<Site, NodeError> {
    let root = cx.outputs.get(&within.root)?;
    let further: Result<Vec<&MountHandle>, _> = within.mounts.iter().map(|mount| cx.outputs.get(mount)).collect();
    let further = further?;
    let mounts = std::iter::once(root).chain(further);
    Ok(Site {
        root: root.root.clone(),
        mounts: mounts.map(|mount| mount.target.clone()).collect(),
        device: root.disk.clone(),
        wrapper: within.wrapper.clone(),
        date: within.date,
        chroot: root.surround.clone().unwrap_or_default(),
        ..bare_site(cx).await?
    })
}

/// Brings the names in the directories of the image into another order, where that can be done.
///
/// # Errors
/// If the tree cannot be walked.
pub async fn turn(site: &Site) -> Result<(), NodeError> {
    for mount in &site.mounts {
        let root = site.helper.root(&site.root.join(mount.trim_start_matches('/'))).await?;
        blocking(move || turned::turn(&root)).await?;
    }
    Ok(())
}

/// Where a command on the builder host works when no image is mounted.
///
/// # Errors
/// If the helper cannot be started.
pub async fn bare_site(cx: &Context) -> Result<Site, NodeError> {
    Ok(Site {
        helper: cx.helper().await?,
        root: PathBuf::new(),
        mounts: Vec::new(),
        device: PathBuf::new(),
        image: cx.at.image.to_string(),
        run: cx.run.to_string(),
        wrapper: Vec::new(),
        date: None,
        chroot: crate::steps::site::Surround::default(),
        directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        anew: false,
    })
}

/// Shows and keeps the lines of a node.
pub fn output(cx: &Context) -> Output {
    let cx = cx.clone();
    Output::to(cx.secrets.clone(), move |line| {
        cx.line(line);
        cx.secrets.mask(line)
    })
}

/// Waits for work to be done, or for the wish to stop, which ends it; then writes the image's file systems back.
///
/// # Errors
/// [`NodeError::Stopped`]; else what the work or the writing back says, with where to look.
pub async fn run(
    work: impl Future<Output = Result<(), StepError>>,
    site: &Site,
    cx: &Context,
) -> Result<(), NodeError> {
    let done = tokio::select! {
        biased;
        () = cx.stop.stopped() => Err(StepError::Stopped),
        done = work => done,
    };
    if matches!(done, Err(StepError::Stopped)) {
        return Err(NodeError::Stopped);
    }
    if let Err(error) = site.sync().await {
        return Err(lost(error, site).about(&cx.at).into());
    }
    match done {
        Ok(()) => Ok(origins::mark(site.date, cx).await?),
        Err(error) => Err(failed(error, site, cx).await.into()),
    }
}

/// Runs what takes long on the host apart from the tasks that wait for each other.
///
/// # Errors
/// Those of the work.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> crate::host::Result<T> + Send + 'static,
) -> Result<T, NodeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(panic) => Err(Diagnostic::error(format!("work on the host ended early: {panic}")).into()),
    }
}

/// A step that failed, with where to read on and what may be behind it.
async fn failed(error: StepError, site: &Site, cx: &Context) -> Diagnostic {
    let ran = matches!(error, StepError::Ended { .. });
    let mut diagnostic = Diagnostic::from(error);
    diagnostic.summary = format!("{} failed: {}", cx.at, cx.secrets.mask(&diagnostic.summary));
    diagnostic.notes = diagnostic.notes.iter().map(|note| cx.secrets.mask(note)).collect();
    let diagnostic = diagnostic.about(&cx.at);
    if !ran {
        return diagnostic;
    }
    let diagnostic = diagnostic.note(format!("whole output: {}", cx.log.path().display()));
    match full_file_system(site).await {
        Some(path) => diagnostic
            .note(format!("the image's own file system on {path} is full"))
            .help("give its volume or partition a larger size"),
        None => diagnostic.help("bake apply -on-error shell opens a shell at this step"),
    }
}

/// Fewer free bytes than this count as none: a program that found no room may have removed what it could not finish.
const NOTHING_LEFT: u64 = 1 << 20;

/// Which of the image's file systems has no room left.
async fn full_file_system(site: &Site) -> Option<&str> {
    for path in &site.mounts {
        let place = site.root.join(path.trim_start_matches('/'));
        let root = site.helper.root(&place).await.ok()?;
        if root.free().ok()? < NOTHING_LEFT {
            return Some(path);
        }
    }
    None
}

/// Bytes that a step wrote did not reach the volume.
fn lost(error: StepError, site: &Site) -> Diagnostic {
    let diagnostic = Diagnostic::from(error);
    let what = format!(
        "what was written to the image on {} is lost, though every write was answered",
        site.device.display()
    );
    match store_of(&site.device) {
        Some(directory) => full(diagnostic, &format!("{what}: the file system of the store"), &directory),
        None => diagnostic.note(what),
    }
}

/// The directory of the file behind a loop device, if its file system has no room left (`loop/backing_file` in sysfs).
fn store_of(device: &Path) -> Option<PathBuf> {
    let name = device.file_name()?.to_str()?;
    let file = std::fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).ok()?;
    let directory = Path::new(file.trim()).parent()?;
    is_full(directory).then(|| directory.to_owned())
}

/// Whether the file system of a directory of the host has no room left.
pub(super) fn is_full(directory: &Path) -> bool {
    let free = Root::open(directory).and_then(|root| root.free());
    free.is_ok_and(|free| free < NOTHING_LEFT)
}

/// Says that a file system of the host is full, and what to do.
pub(super) fn full(error: Diagnostic, what: &str, directory: &Path) -> Diagnostic {
    let mut error = error.note(format!("{what}, under {}, is full", directory.display()));
    let help = "free space there, or use a store on a larger file system";
    // The system's own answer may have said so already.
    error.help.retain(|said| said != help);
    error.help(help)
}

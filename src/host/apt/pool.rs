//! Packages on disk: fetched once, by the digest that they must have, and put together as an archive of their own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Package, Packages, is_name};
use crate::digest::Digest;
use crate::host::cache;
use crate::host::command::Tool;
use crate::host::error::{HostError, Kind, Result};
use crate::host::fetch;
use crate::host::files;
use crate::host::temporary::Temporary;

/// Packages that are fetched side by side.
const AT_ONCE: usize = 8;

/// Packages of which the control fields are read by one dpkg-deb after another, side by side.
const READ_AT_ONCE: usize = 4;

/// An archive that holds these packages and no others.
#[derive(Debug)]
pub struct Pool {
    directory: Temporary,
    /// How many of them had to be fetched.
    pub fetched: usize,
}

impl Pool {
    /// Fetches what the cache lacks, and makes the archive. Each file has the digest that it must have.
    ///
    /// # Errors
    /// A package that its mirror no longer has, or has with other bytes; those of network and disk.
    pub async fn make(packages: &Packages, suite: &str) -> Result<Pool> {
        let cached = cache::directory("packages")?;
        cache::sweep(&cached);
        let directory = Temporary::new()?;
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for (name, package) in packages {
            let (name, package, slots) = (name.clone(), package.clone(), Arc::clone(&slots));
            let (cached, pool) = (cached.clone(), directory.path().to_owned());
            running.spawn(async move {
                let _slot = slots.acquire().await;
                one(&name, &package, &cached, &pool).await
            });
        }
        let mut fetched = 0;
        while let Some(done) = running.join_next().await {
            let was = done.map_err(|_| HostError::new(Kind::Failed, "fetch packages", "it was cut off"))??;
            fetched += usize::from(was);
        }
        let index = index(packages, directory.path()).await?;
        files::replace(&directory.path().join("Packages"), index.as_bytes())?;
        files::replace(&directory.path().join("Release"), release(&index, suite).as_bytes())?;
        Ok(Pool { directory, fetched })
    }

    /// The line for `sources.list`. What is in it was verified; nobody has signed it.
    pub fn line(&self) -> String {
        format!("deb [trusted=yes] copy://{} ./", self.directory.path().display())
    }
}

/// Puts one package into the pool; answers whether it was fetched.
async fn one(name: &str, package: &Package, cached: &Path, pool: &Path) -> Result<bool> {
    if !is_name(name) {
        let operation = format!("take package {name:?}");
        return Err(HostError::new(Kind::Invalid, operation, "this is no name of a package"));
    }
    let kept = cached.join(format!("{}.deb", package.sha256.hex()));
    // What is in the cache is not believed either: another program, or a crash, may have changed it.
    let path = kept.clone();
    let found = tokio::task::spawn_blocking(move || std::fs::File::open(path).and_then(Digest::of_reader)).await;
    let stands = matches!(found, Ok(Ok(digest)) if digest == package.sha256);
    if !stands {
        fetch::download(&package.url, &kept, &package.sha256)
            .await
            .map_err(|error| named(name, package, error))?;
    }
    cache::used(&kept);
    files::link_or_copy(&kept, &pool.join(file_name(name, package)))?;
    Ok(!stands)
}

/// The error of a download, with the package that it is about and what to do.
fn named(name: &str, package: &Package, error: HostError) -> HostError {
    let operation = format!("fetch {name} {}", package.version);
    let (gone, other) = (error.kind == Kind::NotFound, error.kind == Kind::Invalid);
    let of = HostError::new(error.kind, operation, error.reason);
    match (gone, other) {
        (true, _) => of.help(
            "bake update pins what the mirror has now; a mirror that keeps every version, such as snapshot.debian.org, \
             has old ones",
        ),
        (_, true) => {
            of.help("the lock file pins other bytes: bake update pins what the mirror has now, if that is right")
        }
        _ => of,
    }
}

fn file_name(name: &str, package: &Package) -> String {
    // apt's URIs take neither a colon nor a percent sign in this place.
    format!("{name}_{}.deb", package.version.replace(':', "."))
}

/// `Packages` of the archive: the control fields of each file, where it is, and its digest (deb-src-control(5) has the
/// fields; Debian's wiki, "RepositoryFormat", the file).
async fn index(packages: &Packages, pool: &Path) -> Result<String> {
    let all: Vec<(String, Package)> = packages.iter().map(|(name, one)| (name.clone(), one.clone())).collect();
    let mut running = JoinSet::new();
    for part in all.chunks(all.len().div_ceil(READ_AT_ONCE).max(1)) {
        let (part, pool) = (part.to_vec(), pool.to_owned());
        running.spawn(async move {
            let mut text = String::new();
            for (name, package) in &part {
                text += &stanza(&file_name(name, package), package, &pool).await?;
            }
            Ok::<_, HostError>(text)
        });
    }
    let mut parts = Vec::new();
    while let Some(done) = running.join_next().await {
        parts.push(done.map_err(|_| HostError::new(Kind::Failed, "read packages", "it was cut off"))??);
    }
    parts.sort();
    Ok(parts.concat())
}

async fn stanza(file: &str, package: &Package, pool: &Path) -> Result<String> {
    let path: PathBuf = pool.join(file);
    let fields = Tool::new("dpkg-deb", &["--field", &path.display().to_string()])
        .run()
        .await?;
    let mut text = String::from_utf8_lossy(&fields).trim_end().to_owned();
    let size = std::fs::metadata(&path)
        .map_err(|error| HostError::on_path("look at", &path, error))?
        .len();
    let _ = write!(
        text,
        "\nFilename: ./{file}\nSize: {size}\nSHA256: {}\n\n",
        package.sha256.hex()
    );
    Ok(text)
}

/// `Release`: the suite is there because mmdebstrap chooses essential packages by it.
fn release(index: &str, suite: &str) -> String {
    let (digest, size) = (Digest::of(index.as_bytes()).hex(), index.len());
    format!(
        "Suite: {suite}\nCodename: {suite}\nDate: Thu, 01 Jan 1970 00:00:00 UTC\nSHA256:\n {digest} {size} Packages\n"
    )
}

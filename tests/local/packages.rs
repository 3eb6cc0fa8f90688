//! Pinned packages: a mirror on loopback in two states, a lock file that keeps to the first, and the cache.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::bench::*;
use crate::support::{Project, Traces};

/// Serves the files of a directory, and remembers what it was asked for.
struct Mirror {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mirror {
    fn start(root: &Path) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (root, log) = (root.to_owned(), Arc::clone(&asked));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let path = head
                    .first()
                    .and_then(|line| line.split(' ').nth(1))
                    .unwrap_or("/")
                    .to_owned();
                let found = fs::read(root.join(path.trim_start_matches('/')));
                log.lock().expect("the log").push(path);
                let (status, body) = match found {
                    Ok(body) => ("200 OK", body),
                    Err(_) => ("404 Not Found", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Mirror { port, asked }
    }

    /// What it was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("the log"))
    }
}

/// Makes the state of the mirror in which package `toy` has a version: two packages, an index, signed.
const STATE: &str = r#"
export SOURCE_DATE_EPOCH=0
cd mirror; rm -rf pool dists; mkdir -p pool dists/tiny/main/binary-amd64
package() { # NAME VERSION DEPENDS
  rm -rf tree; mkdir -p tree/DEBIAN "tree/opt/$1"; echo "$2" > "tree/opt/$1/version"
  printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.com>\nDescription: a toy\n%s' \
    "$1" "$2" "${3:+Depends: $3
}" > tree/DEBIAN/control
  dpkg-deb --build --root-owner-group tree "pool/$1_${2#*:}_amd64.deb" >/dev/null
}
package toy "$VERSION" libtoy; package libtoy 1:1.0
rm -rf tree; cd pool
for file in *.deb; do
  dpkg-deb --field "$file"
  printf 'Filename: pool/%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum < "$file" | cut -c -64)"
done > ../dists/tiny/main/binary-amd64/Packages
cd ../dists/tiny
index=main/binary-amd64/Packages
printf 'Suite: tiny\nCodename: tiny\nComponents: main\nArchitectures: amd64\nDate: %s\nSHA256:\n %s %s %s\n' \
  "$(LC_ALL=C date -uR)" "$(sha256sum < $index | cut -c -64)" "$(stat -c %s $index)" $index > Release
gpg --homedir ../../../gpg --batch --yes --clearsign --output InRelease Release 2>/dev/null
"#;

/// A key that signs, and one that does not.
const KEYS: &str = r#"
mkdir -m 700 gpg other
for home in gpg other; do
  gpg --homedir $home --batch --passphrase '' --quick-gen-key "$home@example.com" ed25519 sign 2>/dev/null
  gpg --homedir $home --batch --export > $home.gpg 2>/dev/null
  gpgconf --homedir $home --kill all
done
mkdir mirror
"#;

struct World {
    project: Project,
    mirror: Mirror,
}

impl World {
    fn new() -> World {
        let project = Project::new("");
        sh(KEYS, project.path());
        let mirror = Mirror::start(&project.path().join("mirror"));
        let world = World { project, mirror };
        world.state("1.0");
        world.module("gpg.gpg");
        world
    }

    fn state(&self, version: &str) {
        sh(&format!("VERSION={version}\n{STATE}"), self.project.path());
        sh("gpgconf --homedir gpg --kill all", self.project.path());
    }

    fn module(&self, keyring: &str) {
        self.module_with(keyring, "");
    }

    fn module_with(&self, keyring: &str, more: &str) {
        let mirror = format!("http://127.0.0.1:{}", self.mirror.port);
        let text = format!(
            r#"
locals {{
  toys = {{ suite = "tiny", variant = "extract", packages = ["toy"], mirror = "{mirror}", keyring = "{keyring}" }}
}}
data "packages" "toys" {{
  suite    = local.toys.suite
  variant  = local.toys.variant
  packages = local.toys.packages
  mirror   = local.toys.mirror
  keyring  = local.toys.keyring
}}
image "tiny" {{
  architecture = "x86_64"
  scratch {{}}
{more}
  volume "root" {{
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  bootstrap "debian" {{
    suite    = local.toys.suite
    variant  = local.toys.variant
    packages = local.toys.packages
    mirror   = local.toys.mirror
    keyring  = local.toys.keyring
    set      = data.packages.toys.set
  }}
}}
"#
        );
        rewrite(&self.project, &text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut bake = self.project.bake(arguments);
        let bake = bake
            .env("XDG_CACHE_HOME", self.cache())
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("http_proxy");
        bake.output().expect("bake starts")
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "bake {arguments:?}\n{said}");
        said
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "bake {arguments:?}\n{said}");
        said
    }

    fn cache(&self) -> PathBuf {
        self.project.path().join("cache")
    }

    fn forget(&self, what: &str) {
        fs::remove_dir_all(self.cache().join("bake").join(what)).expect("a cache");
    }

    fn version_in_image(&self) -> String {
        file_in(&self.project, "image.tiny", "/opt/toy/version")
    }
}

const APPLY: &[&str] = &["apply", "-auto-approve", "-no-color"];

#[test]
fn a_build_has_the_packages_of_the_lock_file_until_an_update() {
    let world = World::new();
    let said = world.done(&["update", "-no-color"]);
    assert!(said.contains("+ data.packages.toys"), "{said}");
    let lock = fs::read_to_string(world.project.path().join("bake.lock.hcl")).expect("a lock file");
    assert!(
        lock.contains("toy    = \"1.0 sha256:") && lock.contains("libtoy = \"1:1.0 sha256:"),
        "{lock}"
    );

    world.mirror.asked();
    assert!(world.done(&["plan", "-no-color"]).contains("1 to build"));
    assert_eq!(world.mirror.asked(), Vec::<String>::new(), "a plan needs no mirror");
    let said = world.done(APPLY);
    assert!(
        said.contains("2 packages, as they are pinned; 2 were fetched"),
        "{said}"
    );
    assert_eq!(world.version_in_image(), "1.0\n");
    let sources = file_in(&world.project, "image.tiny", "/etc/apt/sources.list");
    assert_eq!(
        sources,
        format!("deb http://127.0.0.1:{} tiny main\n", world.mirror.port)
    );

    // The mirror moves on: nothing changes, and a new build is the old one, out of the cache.
    world.state("1.1");
    assert!(world.done(&["plan", "-no-color"]).contains("No changes."));
    world.mirror.asked();
    let again = ["apply", "-auto-approve", "-no-color", "-replace", "image.tiny"];
    assert!(world.done(&again).contains("a tree of these packages is in the cache"));
    world.forget("trees");
    assert!(
        world
            .done(&again)
            .contains("2 packages, as they are pinned; 0 were fetched")
    );
    assert_eq!(world.mirror.asked(), Vec::<String>::new());
    assert_eq!(world.version_in_image(), "1.0\n");

    // Without the cache the old version cannot be had: it is named, and the image of before stands.
    world.forget("trees");
    world.forget("packages");
    let said = world.refused(&again);
    assert!(said.contains("cannot fetch toy 1.0: http://127.0.0.1:"), "{said}");
    assert!(
        said.contains("is not there any more") && said.contains("bake update"),
        "{said}"
    );
    Traces::wait_until_none(world.project.path());
    assert_eq!(world.version_in_image(), "1.0\n");

    let said = world.done(&["update", "-no-color"]);
    assert!(
        said.contains("\n    toy 1.0 -> 1.1\n") && !said.contains("libtoy"),
        "{said}"
    );
    let said = world.done(&["plan", "-no-color"]);
    assert!(said.contains("1 to replace") && said.contains("set"), "{said}");
    world.done(APPLY);
    assert_eq!(world.version_in_image(), "1.1\n");
    assert!(world.done(&["plan", "-no-color"]).contains("No changes."));
}

#[test]
fn a_tree_from_the_cache_is_the_tree_that_was_kept() {
    let world = World::new();
    world.done(&["update"]);
    let listing = |world: &World| {
        world.done(APPLY);
        let disk = disk(&world.project, "image.tiny", None);
        let script = format!(
            "mount -o loop,ro {} /mnt; cd /mnt; find . -path ./lost+found -prune -o -path . -o -path ./etc/fstab -o -printf '%p %y %m %U %G %s %T@ %l\\n' | sort",
            disk.display()
        );
        sh(&script, world.project.path())
    };
    let first = listing(&world);
    assert!(first.contains("./opt/toy/version"), "{first}");
    let said = world.done(&["apply", "-auto-approve", "-replace", "image.tiny"]);
    assert!(said.contains("in the cache"), "{said}");
    assert_eq!(listing(&world), first);
}

#[test]
fn verify_makes_the_tree_anew() {
    let world = World::new();
    world.module_with("gpg.gpg", "  reproducible = true\n");
    world.done(&["update"]);
    world.done(APPLY);
    world.forget("trees");
    let said = world.done(&["verify", "image.tiny", "-no-color"]);
    assert!(
        said.contains("2 packages, as they are pinned; 0 were fetched"),
        "{said}"
    );
    assert_eq!(
        fs::read_dir(world.cache().join("bake/trees")).expect("a cache").count(),
        0
    );
}

#[test]
fn other_bytes_and_other_signatures_are_refused() {
    let world = World::new();
    world.done(&["update"]);
    // Somebody else builds the same version anew.
    let pool = world.project.path().join("mirror/pool/toy_1.0_amd64.deb");
    let mut bytes = fs::read(&pool).expect("a package");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&pool, bytes).expect("the mirror can be written");
    let said = world.refused(APPLY);
    assert!(
        said.contains("cannot fetch toy 1.0: it has the digest sha256:"),
        "{said}"
    );
    assert_eq!(world.project.shelf("images"), Vec::<String>::new());
    Traces::wait_until_none(world.project.path());

    world.module("other.gpg");
    let said = world.refused(&["update", "-no-color"]);
    assert!(
        said.contains("data.packages.toys: cannot find the packages") && said.contains("NO_PUBKEY"),
        "{said}"
    );
    world.module("gpg.gpg");
    sh(
        "sed -i 's/packages = .\"toy\"./packages = [\"toys\"]/' main.bake.hcl",
        world.project.path(),
    );
    let said = world.refused(&["update", "-no-color"]);
    assert!(said.contains("Unable to locate package toys"), "{said}");
}

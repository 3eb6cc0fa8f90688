//! Data sources and the lock file, with a web server and a store of images that are really there.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A web server that answers every request with the same document, and counts them.
struct Server {
    port: u16,
    document: Arc<Mutex<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(document: &[u8]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let document = Arc::new(Mutex::new(document.to_owned()));
        let requests = Arc::new(AtomicUsize::new(0));
        let (answer, count) = (Arc::clone(&document), Arc::clone(&requests));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .by_ref()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                count.fetch_add(1, Ordering::SeqCst);
                let body = answer.lock().unwrap().clone();
                let allowed = head.iter().any(|line| line.eq_ignore_ascii_case("x-token: s3cret"));
                let status = if head[0].contains("/private") && !allowed {
                    "403 Forbidden"
                } else {
                    "200 OK"
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Server {
            port,
            document,
            requests,
        }
    }

    fn serve(&self, document: &[u8]) {
        *self.document.lock().unwrap() = document.to_owned();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Runs bake in a directory: exit code, and what it printed.
fn bake(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bake"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("http_proxy")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn module(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("web.bake.hcl"), text).unwrap();
    directory
}

fn key(port: u16, more: &str) -> String {
    format!(
        "data \"http\" \"key\" {{\n  url = \"http://127.0.0.1:{port}/key\"\n{more}}}\n\noutput \"key\" {{\n  value = data.http.key.body\n}}\n"
    )
}

#[test]
fn what_is_pinned_is_not_read_and_only_an_update_moves_it() {
    let server = Server::start(b"one");
    let directory = module(&key(server.port, ""));
    let directory = directory.path();
    let lock = directory.join("bake.lock.hcl");

    let (code, out, err) = bake(directory, &["output", "-raw", "key"]);
    assert_eq!((code, out.as_str()), (Some(0), "one"), "{err}");
    assert!(err.contains("warning: data.http.key (not locked)"), "{err}");
    assert!(!lock.exists(), "only an update writes the lock file");
    let (code, _, err) = bake(directory, &["plan", "-lockfile=readonly"]);
    assert!(
        code == Some(1) && err.contains("error: data.http.key (not locked)"),
        "{err}"
    );

    let (code, out, err) = bake(directory, &["update"]);
    assert!(code == Some(0) && out.contains("+ data.http.key"), "{out}{err}");
    let pinned = fs::read_to_string(&lock).unwrap();
    assert!(
        pinned.contains("body         = \"one\"") && pinned.contains("\ndate   = \"20"),
        "{pinned}"
    );

    let before = server.requests();
    server.serve(b"two");
    let (code, out, err) = bake(directory, &["output", "-raw", "key", "-lockfile", "readonly"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "one", ""));
    assert_eq!(server.requests(), before, "what is pinned is not read");
    let (_, out, _) = bake(directory, &["validate"]);
    assert!(out.starts_with("The module is valid"), "{out}");
    assert_eq!(server.requests(), before, "validate reads nothing");

    let (code, out, err) = bake(directory, &["update"]);
    assert!(
        code == Some(0) && out.contains("body: \"one\" -> \"two\""),
        "{out}{err}"
    );
    let moved = fs::read_to_string(&lock).unwrap();
    assert_ne!(moved, pinned);
    let (_, out, _) = bake(directory, &["update"]);
    assert_eq!(out, "Nothing has moved.\n");
    assert_eq!(fs::read_to_string(&lock).unwrap(), moved);

    fs::write(
        directory.join("web.bake.hcl"),
        key(server.port, "  headers = { x = \"y\" }\n"),
    )
    .unwrap();
    let (_, _, err) = bake(directory, &["output"]);
    assert!(err.contains("has changed since it was locked"), "{err}");
}

#[test]
fn a_plan_is_refused_when_the_lock_file_has_moved() {
    let server = Server::start(b"one");
    let directory = module(&key(server.port, ""));
    let directory = directory.path();
    assert_eq!(bake(directory, &["update"]).0, Some(0));
    assert_eq!(bake(directory, &["plan", "-out", "plan"]).0, Some(0));
    server.serve(b"two");
    assert_eq!(bake(directory, &["update"]).0, Some(0));
    let (code, _, err) = bake(directory, &["apply", "plan"]);
    assert!(code == Some(1) && err.contains("bake.lock.hcl has changed"), "{err}");
}

/// A source that notes that it was asked, and lets the first who asks wait for the file `go`.
const GATED: &str = r#"
data "external" "gate" {
  program = ["/bin/sh", "-c", <<-EOT
    cat > /dev/null
    echo x >> asked
    until test -e go || test $(wc -l < asked) != 1; do sleep 0.02; done
    echo '{}'
  EOT
  ]
}
"#;

#[test]
fn of_two_that_write_the_lock_file_one_waits_or_is_told_who_holds_it() {
    let directory = module(GATED);
    let directory = directory.path();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bake"));
        command
            .current_dir(directory)
            .args(arguments)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped());
        command
    };
    let asked = || fs::read_to_string(directory.join("asked")).map_or(0, |text| text.lines().count());
    let first = command(&["update", "-date", "2026-01-31T12:00:00Z"])
        .spawn()
        .expect("bake starts");
    while asked() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let holder = format!("held by `bake` (process {} on", first.id());
    for arguments in [["update", "-lock-timeout", "0"], ["init", "-lock-timeout", "0"]] {
        let (code, _, err) = bake(directory, &arguments);
        assert!(
            code == Some(1) && err.contains("cannot lock bake.lock.hcl") && err.contains(&holder),
            "{err}"
        );
        assert!(err.contains("-lock-timeout"), "{err}");
    }
    assert_eq!(asked(), 1, "who is refused has asked nobody");

    let mut second = command(&["update", "-date", "2026-02-01T12:00:00Z"])
        .spawn()
        .expect("bake starts");
    let mut said = BufReader::new(second.stderr.take().expect("it was asked for")).lines();
    let told = said.by_ref().map_while(Result::ok).any(|line| line.contains(&holder));
    assert!(told, "the second says for whom it waits");
    assert_eq!(asked(), 1, "it has read nothing before it may write");
    fs::write(directory.join("go"), "").unwrap();
    assert!(first.wait_with_output().unwrap().status.success());
    assert!(second.wait().unwrap().success());
    let pinned = fs::read_to_string(directory.join("bake.lock.hcl")).unwrap();
    assert!(pinned.contains("2026-02-01"), "the second wrote last: {pinned}");
}

#[test]
fn a_document_is_bounded_checked_and_asked_for_with_headers() {
    let server = Server::start(b"one");
    // Of "one".
    let right = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    let fixed = module(&key(server.port, &format!("  sha256 = \"{right}\"\n")));
    let (code, _, err) = bake(fixed.path(), &["output", "-lockfile=readonly"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(0), ""),
        "a checksum pins as well as the lock file"
    );
    server.serve(b"two");
    let (code, _, err) = bake(fixed.path(), &["output"]);
    assert!(code == Some(1) && err.contains("another SHA-256"), "{err}");

    let private = key(server.port, "  headers = { X-Token = var.token }\n").replace("/key\"", "/private\"");
    let private = module(&format!("variable \"token\" {{\n  sensitive = true\n}}\n\n{private}"));
    let (code, _, err) = bake(private.path(), &["output", "-var", "token=wrong"]);
    assert!(code == Some(1) && err.contains("status 403"), "{err}");
    let (code, out, err) = bake(private.path(), &["update", "-var", "token=s3cret"]);
    assert_eq!(code, Some(0), "{err}");
    let lock = fs::read_to_string(private.path().join("bake.lock.hcl")).unwrap();
    assert!(!format!("{out}{err}{lock}").contains("s3cret"));

    server.serve(&vec![b'x'; (4 << 20) + 1]);
    let (code, _, err) = bake(fixed.path(), &["output"]);
    assert!(code == Some(1) && err.contains("it has more than 4 MiB"), "{err}");
    server.serve(&[0xff, 0, 1]);
    let binary = module(&key(server.port, "").replace(".body", ".body_base64"));
    assert_eq!(bake(binary.path(), &["output", "-raw", "key"]).1, "/wAB");
}

#[test]
fn sources_of_one_layer_are_read_side_by_side() {
    let slow = "data \"external\" \"NAME\" {\n  program = [\"/bin/sh\", \"-c\", \"sleep 1; echo '{}'\"]\n}\n";
    let all: String = (0..8).map(|at| slow.replace("NAME", &format!("n{at}"))).collect();
    let directory = module(&all);
    let begun = std::time::Instant::now();
    let (code, _, err) = bake(directory.path(), &["output"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        begun.elapsed().as_secs() < 6,
        "eight seconds one after the other: {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    let text = "data \"external\" \"a\" {\n  program = [\"/bin/sleep\", \"600\"]\n  timeout = \"1s\"\n}\n";
    let (code, _, err) = bake(module(text).path(), &["output"]);
    assert!(code == Some(1) && err.contains("did not end within 1s"), "{err}");
}

#[test]
fn a_source_in_a_module_is_pinned_under_its_address() {
    let server = Server::start(b"one\n");
    let directory = module(
        "module \"keys\" {\n  source   = \"./keys\"\n  for_each = toset([\"a\", \"b\"])\n  name     = each.key\n}\n",
    );
    let below = directory.path().join("keys");
    fs::create_dir(&below).unwrap();
    let text = format!(
        "variable \"name\" {{}}\n{}output \"body\" {{\n  value = data.http.key.body\n}}\n",
        key(server.port, "").replace("/key", "/${var.name}")
    );
    fs::write(below.join("keys.bake.hcl"), text).unwrap();
    let (code, said, errors) = bake(directory.path(), &["update"]);
    assert_eq!(code, Some(0), "{said}{errors}");
    let lock = fs::read_to_string(directory.path().join("bake.lock.hcl")).unwrap();
    assert!(
        lock.contains("source \"module.keys[\\\"a\\\"].data.http.key\""),
        "{lock}"
    );
    assert_eq!(server.requests(), 2);
    server.serve(b"two\n");
    let (_, said, errors) = bake(directory.path(), &["plan", "-lockfile=readonly"]);
    assert!(said.contains("No changes"), "{said}{errors}");
    assert_eq!(server.requests(), 2);
}

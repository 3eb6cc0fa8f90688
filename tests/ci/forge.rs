//! A stand-in for what the workflows use of the APIs of GitHub and GitLab: comments, and one kept file.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

#[derive(Default)]
struct State {
    comments: Vec<String>,
    kept: Vec<u8>,
}

/// Listens until the test is over.
pub struct Forge {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Forge {
    pub fn start() -> Forge {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, port, &shared);
            }
        });
        Forge { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The comments of pull request 7.
    pub fn comments(&self) -> Vec<String> {
        self.state.lock().expect("nobody panicked").comments.clone()
    }

    /// What the plan job has kept.
    pub fn keep(&self, bytes: Vec<u8>) {
        self.state.lock().expect("nobody panicked").kept = bytes;
    }
}

fn answer(stream: TcpStream, port: u16, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    let _ = reader.read_line(&mut first);
    let mut length = 0;
    let mut allowed = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        let line = line.trim().to_ascii_lowercase();
        allowed |= line == "authorization: bearer token" || line == "private-token: token";
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let answer = match allowed {
        true => route(method, path, &body, port, &mut state.lock().expect("nobody panicked")),
        false => None,
    };
    let (status, body) = answer.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let mut stream = reader.into_inner();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn route(method: &str, path: &str, body: &[u8], port: u16, state: &mut State) -> Option<Vec<u8>> {
    let path = path.split('?').next()?;
    let here = format!("http://127.0.0.1:{port}");
    let is_comments = path == "/repos/acme/images/issues/7/comments" || path == "/projects/12/merge_requests/7/notes";
    let text = || -> Option<String> {
        let sent: Json = serde_json::from_slice(body).ok()?;
        Some(sent["body"].as_str()?.to_owned())
    };
    let json = match (method, path) {
        ("GET", _) if is_comments => {
            let all = state.comments.iter().enumerate();
            let own = all
                .map(|(id, text)| json!({ "id": id + 1, "url": format!("{here}/comments/{}", id + 1), "body": text }));
            let other = json!({ "id": 99, "url": format!("{here}/comments/99"), "body": "looks good to me" });
            Json::Array(std::iter::once(other).chain(own).collect())
        }
        ("POST", _) if is_comments => {
            state.comments.push(text()?);
            json!({})
        }
        ("PATCH", "/comments/1") | ("PUT", "/projects/12/merge_requests/7/notes/1") => {
            *state.comments.first_mut()? = text()?;
            json!({})
        }
        ("GET", "/repos/acme/images/commits/merged/pulls") => json!([{ "head": { "sha": "reviewed" } }]),
        ("GET", "/repos/acme/images/actions/artifacts") => {
            json!({ "artifacts": [{ "expired": false, "archive_download_url": format!("{here}/kept") }] })
        }
        ("GET", "/projects/12/repository/commits/merged/merge_requests") => json!([{ "iid": 7 }]),
        ("GET", "/projects/12/merge_requests/7/pipelines") => json!([{ "id": 31, "status": "success" }]),
        ("GET", "/projects/12/pipelines/31/jobs") => json!([{ "id": 41, "name": "plan" }]),
        ("GET", "/kept" | "/projects/12/jobs/41/artifacts/plan.bakeplan") => return Some(state.kept.clone()),
        _ => return None,
    };
    Some(json.to_string().into_bytes())
}

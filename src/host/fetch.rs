//! One document of a web server, with bounds on time and size; one file, with the digest that it must have.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::error::{HostError, Kind, Result};
use super::files;
use crate::digest::Digest;

/// Where systems keep the certificates that they trust, in one file.
const TRUSTED: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// `https://...` or `http://...`
    pub url: String,
    /// Names and values. They may be secret: no message shows them.
    pub headers: Vec<(String, String)>,
    /// For all of it, redirects included.
    pub timeout: Duration,
    /// Bytes of the document at most.
    pub largest: usize,
}

/// What came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200 and the like.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The document.
    pub body: Vec<u8>,
}

/// Gets a document. Proxies are those of the environment (`HTTPS_PROXY`); the certificates that the system trusts are
/// trusted, or those in the file that `SSL_CERT_FILE` names.
///
/// # Errors
/// What kept it from coming; any status that the server answers with is an answer.
pub async fn get(fetch: Fetch) -> Result<Answer> {
    let url = fetch.url.clone();
    match tokio::task::spawn_blocking(move || get_now(&fetch)).await {
        Ok(answer) => answer,
        Err(_) => Err(HostError::new(Kind::Failed, format!("get {url}"), "it was cut off")),
    }
}

fn get_now(fetch: &Fetch) -> Result<Answer> {
    let failed = |error: ureq::Error| explain(fetch, error);
    let request = fetch
        .headers
        .iter()
        .fold(agent(fetch.timeout).get(&fetch.url), |request, (name, value)| {
            request.header(name, value)
        });
    let mut response = request.call().map_err(failed)?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type");
    let content_type = content_type.and_then(|text| Some(text.to_str().ok()?.to_owned()));
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(fetch.largest as u64 + 1);
    reader
        .read_to_end(&mut body)
        .map_err(|error| failed(ureq::Error::from(error)))?;
    if body.len() > fetch.largest {
        return Err(failed(ureq::Error::BodyExceedsLimit(fetch.largest as u64)));
    }
    Ok(Answer {
        status,
        content_type,
        body,
    })
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(5)
        .user_agent(concat!("bake/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(roots()).build())
        .build()
        .new_agent()
}

/// How long one file may take.
const FILE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How often a file is asked for that came in part, or not at all.
const ATTEMPTS: u32 = 3;

/// Gets a file, whole and with this digest, or leaves what is there. What fails on the way is tried again.
///
/// # Errors
/// [`Kind::NotFound`] if the server does not have it; [`Kind::Invalid`] if it has other bytes; else what kept it from
/// coming.
pub async fn download(url: &str, path: &Path, digest: &Digest) -> Result<()> {
    let (owned, path, digest) = (url.to_owned(), path.to_owned(), *digest);
    let fetch = Fetch {
        url: owned.clone(),
        headers: Vec::new(),
        timeout: FILE_TIMEOUT,
        largest: usize::MAX,
    };
    let work = tokio::task::spawn_blocking(move || {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match download_now(&fetch, &path, &digest) {
                Err(error) if left > 0 && matches!(error.kind, Kind::Failed | Kind::Io) => {
                    std::thread::sleep(Duration::from_millis(500));
                }
                other => return other,
            }
        }
    });
    work.await
        .unwrap_or_else(|_| Err(HostError::new(Kind::Failed, format!("get {owned}"), "it was cut off")))
}

fn download_now(fetch: &Fetch, path: &Path, digest: &Digest) -> Result<()> {
    let of = |kind, reason: String| HostError::new(kind, format!("get {}", fetch.url), reason);
    let mut response = agent(fetch.timeout)
        .get(&fetch.url)
        .call()
        .map_err(|error| explain(fetch, error))?;
    match response.status().as_u16() {
        200 => {}
        404 | 410 => return Err(of(Kind::NotFound, format!("{} is not there any more", fetch.url))),
        status => return Err(of(Kind::Failed, format!("the server answered with status {status}"))),
    }
    let mut reader = response.body_mut().as_reader();
    // What fails while bytes come in is most often the network.
    let stored = files::replace_if(path, &mut reader, digest).map_err(|error| match error.kind {
        Kind::Full | Kind::Denied => error,
        _ => of(Kind::Failed, error.reason),
    })?;
    stored.map_err(|is| of(Kind::Invalid, format!("it has the digest {is}, not {digest}")))
}

/// The certificates of the system; where it has none, those that browsers trust.
fn roots() -> RootCerts {
    let named = std::env::var_os("SSL_CERT_FILE");
    let files = named.iter().map(std::path::PathBuf::from);
    let files = files.chain(TRUSTED.iter().map(std::path::PathBuf::from));
    let text = files.into_iter().find_map(|path| std::fs::read(path).ok());
    let items = text.iter().flat_map(|pem| parse_pem(pem));
    let certificates: Vec<_> = items
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => RootCerts::WebPki,
        false => RootCerts::from(certificates),
    }
}

/// In words; without headers, which may be secret.
fn explain(fetch: &Fetch, error: ureq::Error) -> HostError {
    use ureq::Error;
    let of = |kind, reason: String| HostError::new(kind, format!("get {}", fetch.url), reason);
    match error {
        Error::HostNotFound => {
            of(Kind::NotFound, "there is no such host".into()).help("look at the url, and at the network")
        }
        Error::Timeout(_) => of(
            Kind::Failed,
            format!("it took longer than {}", crate::units::Duration::from(fetch.timeout)),
        ),
        Error::BodyExceedsLimit(limit) => of(
            Kind::Failed,
            format!("it has more than {}", crate::units::Size::bytes(limit)),
        ),
        Error::BadUri(_) => of(Kind::Invalid, "this is no url".into()).help("write https://HOST/PATH"),
        Error::Http(_) => of(
            Kind::Invalid,
            "the url, or a header, has characters that may not be there".into(),
        ),
        Error::ConnectionFailed => of(Kind::Failed, "nobody answers there".into()),
        Error::TooManyRedirects | Error::RedirectFailed => {
            of(Kind::Failed, "the server sends from one place to the next".into())
        }
        Error::InvalidProxyUrl => of(Kind::Invalid, "the proxy in the environment is no url".into()),
        Error::Rustls(why) => of(Kind::Failed, format!("no safe connection: {why}"))
            .help("SSL_CERT_FILE names a file of certificates to trust, if the server has one of its own"),
        Error::Io(why) if why.kind() == std::io::ErrorKind::ConnectionReset => {
            of(Kind::Failed, "the server closed the connection".into())
        }
        Error::Io(why) => HostError::of_io(format!("get {}", fetch.url), why),
        other => of(Kind::Failed, other.to_string()),
    }
}

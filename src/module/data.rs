//! Data sources of a module: which can be read, in layers, each layer at once; what the lock file pins is not read.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;

use super::conditions::may_be_read;
use super::lock::{Entry, Lock};
use super::names::Names;
use super::tree::visit;
use super::within::{InImage, Within};
use super::{Data, LoadOptions};
use crate::data::{self, Asks, Found, Kind, Pins, Request};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::{ContentHasher, Digest};
use crate::host::HostError;
use crate::lang::syntax::Block as Written;
use crate::lang::{Term, Value};
use crate::providers::{self, Contact, Owner, Providers};
use crate::schema::{Class, Decoder, Files, Object};
use crate::source::Span;
use crate::spec::{ProviderKey, ProviderSettings};

/// Sources that are read side by side.
const AT_ONCE: usize = 16;

/// What one data source found.
#[derive(Debug, Clone)]
pub struct Reading {
    /// `data.http.key`, `data.http.key["x"]`.
    pub address: String,
    /// Its block.
    pub span: Span,
    /// Over what it was asked with; secrets count by their references.
    pub arguments: Digest,
    /// Whom it asks, if that is a provider.
    pub provider: Option<ProviderKey>,
    /// What it is asked.
    pub asked: Arc<Object>,
    /// What can be read of it.
    pub value: Value,
    /// What the lock file is to hold of it; none if it pins nothing of this kind.
    pub pin: Option<BTreeMap<String, Value>>,
    /// Whether it was taken from the lock file.
    pub locked: bool,
}

/// A source that is to be read.
struct Wanted<'a> {
    address: String,
    written: &'a Written,
    kind: &'static dyn Kind,
    /// That of the module in which it stands.
    directory: &'a Path,
    object: Arc<Object>,
    arguments: Digest,
}

/// Reads the data sources of a module.
pub(super) struct Reader<'a> {
    owner: &'a Owner,
    /// Relative to the directory of the module.
    pub files: &'a Files,
    lock: &'a Lock,
    how: &'a Data,
    /// Whom providers may ask and tell.
    contact: &'a Contact,
    /// What was read so far, by address; of what cannot be read the error.
    pub known: BTreeMap<String, Result<Value, Diagnostic>>,
    /// What sources found, in the order in which they were read.
    pub readings: Vec<Reading>,
}

impl<'a> Reader<'a> {
    /// Nothing is read yet.
    pub fn new(owner: &'a Owner, files: &'a Files, lock: &'a Lock, options: &'a LoadOptions<'_>) -> Reader<'a> {
        Reader {
            owner,
            files,
            lock,
            how: &options.data,
            contact: &options.contact,
            known: BTreeMap::new(),
            readings: Vec::new(),
        }
    }

    /// What is known, with what stands for each secret in its place.
    pub fn identities(&self) -> BTreeMap<String, Result<Value, Diagnostic>> {
        let mut identities = self.known.clone();
        for reading in &self.readings {
            identities.insert(reading.address.clone(), Ok(secrets(reading).0));
        }
        identities
    }

    /// Reads what can be read with what these names know. Whether that was anything: then they know more now.
    pub fn layer<'w>(
        &mut self,
        names: &Names<'w>,
        identities: &Names<'w>,
        settings: &dyn Fn() -> Vec<ProviderSettings>,
        found: &mut Diagnostics,
    ) -> bool {
        let before = self.known.len();
        let mut wanted = Vec::new();
        visit(names, identities, &mut |names, identities| {
            wanted.extend(self.wanted(names, identities, found))
        });
        let unlocked: Vec<_> = wanted.into_iter().filter_map(|one| self.unless_locked(one)).collect();
        if *self.how != Data::Offline && !unlocked.is_empty() && !found.has_errors() {
            self.read(&unlocked, &settings(), found);
        }
        self.known.len() > before
    }

    /// The sources of one module that can be asked now.
    fn wanted<'w>(&mut self, names: &Names<'w>, identities: &Names<'w>, found: &mut Diagnostics) -> Vec<Wanted<'w>> {
        let mut wanted = Vec::new();
        let Some(files) = names.files() else { return wanted };
        for ((kind, name), written) in &names.declared.data {
            let Ok(all) = names.sources(kind, name, &written.span) else {
                continue;
            };
            let row = data::kind(kind).expect("sorting the blocks has asked for the kind");
            for (address, each) in &all.all {
                if self.known.contains_key(address) {
                    continue;
                }
                let within = |names| Within {
                    names,
                    image: None,
                    each: each.as_ref(),
                    own: None,
                };
                let evaluate = InImage {
                    plain: within(names),
                    identities: within(identities),
                };
                if !may_be_read(&evaluate.plain, written, address, found) {
                    let error = Diagnostic::error(format!("{address} was not read")).at(&written.span);
                    let error = error.note("a precondition does not hold");
                    self.known.insert(address.clone(), Err(error));
                    continue;
                }
                wanted.extend(self.decode(address, written, row, &evaluate, files, found));
            }
        }
        wanted
    }

    /// The block, if all that it is asked with is known.
    fn decode<'w>(
        &mut self,
        address: &str,
        written: &'w Written,
        kind: &'static dyn Kind,
        evaluate: &InImage<'_, '_>,
        files: &'w Files,
        found: &mut Diagnostics,
    ) -> Option<Wanted<'w>> {
        let mut decoder = Decoder::new(evaluate, files, None);
        let object = decoder.block(written, kind.block());
        let unread = object.is_unread();
        let errors = decoder.found;
        let first = errors.iter().next().cloned();
        if let Some(first) = first {
            self.known.insert(address.to_owned(), Err(first));
            found.extend(errors);
            return None;
        }
        (!unread).then(|| Wanted {
            address: address.to_owned(),
            written,
            directory: files.directory(),
            kind,
            arguments: digest(&object),
            object: Arc::new(object),
        })
    }

    /// Takes what is pinned from the lock file; answers what is not.
    fn unless_locked<'w>(&mut self, wanted: Wanted<'w>) -> Option<Wanted<'w>> {
        let again = matches!(self.how, Data::Renew(which) if which.is_empty() || which.contains(&wanted.address));
        if wanted.kind.pins() != Pins::Everything || again {
            return Some(wanted);
        }
        let Some(entry) = self.lock.pinned(&wanted.address, &wanted.arguments) else {
            return Some(wanted);
        };
        match data::object(wanted.kind, entry.found.clone()) {
            Ok(value) => {
                let pin = Some(entry.found.clone());
                self.keep(&wanted, None, value, (pin, true));
                None
            }
            // An entry that does not fit this bake is as good as none.
            Err(_) => Some(wanted),
        }
    }

    /// Remembers what a source found; `pinned` is what the lock file is to hold of it, and whether it came from there.
    fn keep(
        &mut self,
        wanted: &Wanted<'_>,
        provider: Option<ProviderKey>,
        value: Value,
        pinned: (Option<BTreeMap<String, Value>>, bool),
    ) {
        let (pin, locked) = pinned;
        self.known.insert(wanted.address.clone(), Ok(value.clone()));
        self.readings.push(Reading {
            address: wanted.address.clone(),
            span: wanted.written.span.clone(),
            arguments: wanted.arguments,
            provider,
            asked: Arc::clone(&wanted.object),
            value,
            pin,
            locked,
        });
    }

    fn read(&mut self, wanted: &[Wanted<'_>], settings: &[ProviderSettings], found: &mut Diagnostics) {
        let asks = wanted.iter().any(|one| one.kind.asks() != Asks::Host);
        let providers = match asks {
            true => found.take(providers::open(settings, self.contact)),
            false => Some(Providers::default()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Diagnostic::from(HostError::of_io("start the runtime", error)));
        let (Some(providers), Some(runtime)) = (providers, found.take(runtime)) else {
            return;
        };
        let slots = Semaphore::new(AT_ONCE);
        let reads = wanted.iter().map(|one| {
            let read = self.read_one(one, settings, &providers);
            let slots = &slots;
            Box::pin(async move {
                let _slot = slots.acquire().await;
                read.await
            })
        });
        let answers = runtime.block_on(all(reads.collect()));
        // A document that is still on its way has a time limit of its own, and nobody waits for it.
        runtime.shutdown_background();
        for (one, answer) in wanted.iter().zip(answers) {
            match answer.and_then(|answer| data::object(one.kind, answer).map_err(|error| cannot(one, error))) {
                Ok(value) => {
                    found.extend(self.not_locked(one, &value));
                    let pin = pin(one.kind, &value);
                    let provider = match one.kind.asks() {
                        Asks::Host => None,
                        asks => choose(one, asks, settings).ok().cloned(),
                    };
                    self.keep(one, provider, value, (pin, false));
                }
                Err(error) => {
                    self.known.insert(one.address.clone(), Err(error.clone()));
                    found.push(error);
                }
            }
        }
    }

    async fn read_one(
        &self,
        wanted: &Wanted<'_>,
        settings: &[ProviderSettings],
        providers: &Providers,
    ) -> Result<Found, Diagnostic> {
        let key = match wanted.kind.asks() {
            Asks::Host => None,
            asks => Some(choose(wanted, asks, settings)?),
        };
        let provider = key.map(|key| providers.get(key).map_err(|error| cannot(wanted, error.into())));
        let pinned = match wanted.kind.pins() {
            Pins::Version(name) if !matches!(self.how, Data::Renew(_)) => self
                .lock
                .pinned(&wanted.address, &wanted.arguments)
                .and_then(|entry| entry.found.get(name)),
            _ => None,
        };
        let request = Request {
            arguments: &wanted.object,
            directory: wanted.directory,
            owner: self.owner,
            provider: provider.transpose()?,
            pinned,
        };
        let read = wanted.kind.read(&request).await;
        read.map_err(|error| cannot(wanted, error))
    }

    /// What is to be said about a source that the lock file does not pin as it is now.
    fn not_locked(&self, one: &Wanted<'_>, value: &Value) -> Option<Diagnostic> {
        let version = match one.kind.pins() {
            Pins::Nothing => return None,
            Pins::Everything => None,
            Pins::Version(name) => value.attribute(name),
        };
        let entry = self.lock.entries.get(&one.address);
        let fits = entry.is_some_and(|entry| {
            let same = |version: Value| entry.found.values().next() == Some(&version);
            entry.arguments == one.arguments && version.is_some_and(same)
        });
        if fits || matches!(self.how, Data::Renew(_)) || one.kind.is_fixed(&one.object) {
            return None;
        }
        let summary = format!("{} (not locked)", one.address);
        let error = match self.how {
            Data::Readonly => Diagnostic::error(summary),
            _ => Diagnostic::warning(summary),
        };
        let why = match entry {
            Some(_) => "what it is asked has changed since it was locked",
            None => "what it finds may be another thing the next time",
        };
        Some(error.label(&one.written.span, why).help("bake update pins it"))
    }
}

/// Which provider a source asks.
fn choose<'s>(
    wanted: &Wanted<'_>,
    asks: Asks,
    settings: &'s [ProviderSettings],
) -> Result<&'s ProviderKey, Diagnostic> {
    let fits = |one: &&ProviderSettings| match asks {
        Asks::Provider(kind) => one.key.kind == kind,
        _ => true,
    };
    if let Some(written) = wanted.object.spanned_text("provider") {
        let named = settings.iter().find(|one| one.key.to_string() == written.value);
        return named.filter(fits).map(|one| &one.key).ok_or_else(|| {
            let error = Diagnostic::error(format!("{} cannot ask this provider", wanted.address)).at(&written.span);
            match asks {
                Asks::Provider(kind) => error.help(format!("it asks a provider \"{kind}\"")),
                _ => error,
            }
        });
    }
    let fitting: Vec<&ProviderSettings> = settings.iter().filter(fits).collect();
    let error = Diagnostic::error(match fitting.as_slice() {
        [one] => return Ok(&one.key),
        [] => format!("{} has no provider to ask", wanted.address),
        _ => format!("{} must choose one of the declared providers", wanted.address),
    });
    let error = error.at(&wanted.written.span);
    let known: Vec<String> = fitting
        .iter()
        .map(|one| format!("provider = provider.{}", one.key))
        .collect();
    Err(match (asks, known.is_empty()) {
        (Asks::Provider(kind), true) => error.help(format!("declare provider \"{kind}\"")),
        _ => error.help(format!("write {}", known.join(" or "))),
    })
}

/// The digest of what a source is asked with; how long it may take and who is asked do not count.
fn digest(object: &Object) -> Digest {
    let mut hasher = ContentHasher::new("data", 1);
    let recorded = object.recorded();
    let counts = |name: &str| !matches!(name, "timeout" | "provider");
    for (name, argument) in recorded.arguments.iter().filter(|(name, _)| counts(name)) {
        debug_assert_eq!(argument.class, Class::Run, "{name}");
        hasher.digest(name, &argument.digest);
    }
    hasher.finish()
}

/// What the lock file is to hold: never a secret.
fn pin(kind: &dyn Kind, value: &Value) -> Option<BTreeMap<String, Value>> {
    match kind.pins() {
        Pins::Nothing => None,
        Pins::Everything if value.contains_sensitive() => None,
        Pins::Everything => value.attributes().cloned(),
        Pins::Version(name) => Some(BTreeMap::from([(name.to_owned(), value.attribute(name)?.revealed())])),
    }
}

/// What was found with each secret replaced by what stands for it; the secrets by name, with their revision.
pub(super) fn secrets(reading: &Reading) -> (Value, BTreeMap<String, (Value, u64)>) {
    let mut secrets = BTreeMap::new();
    let Some(attributes) = reading
        .value
        .attributes()
        .filter(|_| reading.value.contains_sensitive())
    else {
        return (reading.value.clone(), secrets);
    };
    let revision = revision(reading);
    let identity = attributes.iter().map(|(name, value)| {
        if !value.contains_sensitive() {
            return (name.clone(), value.clone());
        }
        let full = format!("{}.{name}", reading.address);
        let term = Term::Variable {
            name: full.clone(),
            revision,
        };
        secrets.insert(full, (value.clone(), revision));
        (name.clone(), Value::unknown(value.type_of(), term))
    });
    (Value::object(identity.collect()), secrets)
}

/// The version that was found where it is a number; else a number over what was asked and the version.
fn revision(reading: &Reading) -> u64 {
    let version = reading.pin.iter().flat_map(|pin| pin.values()).next();
    if let Some(number) = version.and_then(Value::as_u64) {
        return number;
    }
    let mut hasher = ContentHasher::new("revision", 1);
    hasher.digest("arguments", &reading.arguments);
    hasher.text("version", version.and_then(Value::as_str).unwrap_or_default());
    u64::from_str_radix(&hasher.finish().hex()[..12], 16).unwrap_or(0)
}

/// The error of a source, with its name and place.
fn cannot(wanted: &Wanted<'_>, error: Diagnostic) -> Diagnostic {
    let named = error.summary.contains(&wanted.address);
    let placed = match error.labels.is_empty() {
        true => error.at(&wanted.written.span),
        false => error,
    };
    match named {
        true => placed,
        false => Diagnostic {
            summary: format!("{}: {}", wanted.address, placed.summary),
            ..placed
        },
    }
}

/// A lock entry for each reading that has one, and the addresses of all.
pub fn entries(readings: &[Reading]) -> (Vec<String>, BTreeMap<String, Entry>) {
    let addresses = readings.iter().map(|one| one.address.clone()).collect();
    let entries = readings.iter().filter_map(|one| {
        let entry = Entry::new(one.arguments, one.pin.clone()?);
        Some((one.address.clone(), entry))
    });
    (addresses, entries.collect())
}

/// The answers of all, in order; all run at once.
async fn all<T>(futures: Vec<Pin<Box<impl Future<Output = T>>>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, answer) in waiting.iter_mut().zip(&mut done) {
            if let Some(Poll::Ready(value)) = future.as_mut().map(|future| future.as_mut().poll(context)) {
                (*future, *answer) = (None, Some(value));
            }
        }
        match waiting.iter().all(Option::is_none) {
            true => Poll::Ready(done.drain(..).flatten().collect()),
            false => Poll::Pending,
        }
    })
    .await
}

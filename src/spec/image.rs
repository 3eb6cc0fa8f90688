//! `image`: the block as a whole.

use std::path::PathBuf;

use super::volume::set_default;
use super::{
    Architecture, ImageSpec, ProviderKey, Source, chroot, hook, lifecycle, name, part, publish, seal, source, volume,
};
use crate::address::ImageAddress;
use crate::bootstrap::{debian, grub, tar};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::schema::{Block, Class, Default, Object, Type, argument, block, many, once};
use crate::source::Spanned;
use crate::steps::{ansible, file, local, shell};

/// The table of `image`.
pub static IMAGE: Block = block("image")
    .labels(&["name"])
    .doc("An image: where it comes from, what is in it, and how it is kept.")
    .arguments(&[
        argument("provider", Type::Provider, Class::Run)
            .doc("Where it lives. Default: the only declared provider, else the local one."),
        argument("architecture", Type::Choice(&["x86_64", "aarch64"]), Class::Bytes)
            .doc("Instruction set. Default: that of the source; from scratch that of the planning host."),
        argument("for_each", Type::Expression, Class::Run)
            .doc("A map, or a set of strings: one image per element, image.NAME[\"KEY\"]; each.key and each.value."),
        argument("depends_on", Type::Addresses, Class::Run).doc("Images that must stand first."),
        argument("name", Type::Text, Class::Registration)
            .doc("What it is called. Default: <label>[-<key>]-<self.release>."),
        argument("description", Type::Text, Class::Mutable).doc("In words."),
        argument("fstab", Type::Bool, Class::Bytes)
            .default(Default::Bool(true))
            .doc("Whether /etc/fstab is written from the declared mounts (from scratch only)."),
        argument("reproducible", Type::Bool, Class::Bytes)
            .doc(
                "Whether its bytes are the same each time it is built: its file systems are written anew when all steps are done. \
                 Default: true from scratch where every volume can be written so, else false.",
            ),
    ])
    .blocks(&[
        once(&source::SOURCE),
        once(&source::SCRATCH),
        many(&volume::VOLUME),
        once(&chroot::ROOT),
        once(&chroot::MOUNTS),
        once(&chroot::NETWORK),
        many(&hook::HOOKS[0]),
        many(&hook::HOOKS[1]),
        many(&hook::HOOKS[2]),
        many(&hook::HOOKS[3]),
        many(&hook::HOOKS[4]),
        many(&hook::HOOKS[5]),
        many(&hook::HOOKS[6]),
        once(&debian::BLOCK),
        once(&tar::BLOCK),
        once(&part::RPM),
        once(&grub::BLOCK),
        once(&seal::SEAL),
        many(&shell::BLOCK),
        many(&file::BLOCK),
        many(&local::BLOCK),
        many(&ansible::BLOCK),
        many(&part::TEST),
        once(&chroot::BUILD),
        once(&publish::REGISTER),
        once(&publish::PUBLISH),
        once(&lifecycle::LIFECYCLE),
    ]);

/// What an image is beside its block.
#[derive(Debug, Clone)]
pub struct Decoding {
    /// Its address.
    pub address: ImageAddress,
    /// The directory of its module.
    pub directory: PathBuf,
    /// Where it lives unless it says so.
    pub provider: ProviderKey,
    /// What it runs on unless it or its source says so.
    pub architecture: Architecture,
    /// The date in the lock file, RFC 3339: what stands for now in a reproducible image that gives no other.
    pub date: Option<String>,
}

impl ImageSpec {
    /// The image that a block declares. What is wrong with it is added to `found`; of a block without a source there is
    /// no image.
    pub fn decode(mut object: Object, about: Decoding, found: &mut Diagnostics) -> Option<ImageSpec> {
        set_default(&mut object, "architecture", about.architecture.name());
        let source = source::decode(&object, found);
        let scratch = matches!(source, Some(Source::Scratch));
        if !scratch {
            publish::inherit(&mut object);
        }
        let volumes = volume::decode(&mut object, source.as_ref(), found);
        if scratch && seal::is_possible(&volumes) {
            set_default(&mut object, "reproducible", true);
        }
        let steps = part::steps(&mut object, found);
        let root = chroot::root(&object, found);
        if let (true, Some(block)) = (
            scratch,
            object.child("root").and_then(|block| block.written("partition")),
        ) {
            let error = Diagnostic::error("the root of an image from scratch is where its mounts say");
            found.push(
                error
                    .at(&block.name_span)
                    .help("leave out the root block, and write mount = \"/\" in a partition"),
            );
        }
        let name = object.value("name");
        name::check(name.as_ref(), found);
        let seal = seal::decode(&mut object, &volumes, about.date.as_deref(), found);
        Some(ImageSpec {
            span: object.span.clone(),
            directory: about.directory,
            provider: object.text("provider").map_or(about.provider, provider_key),
            architecture: architecture(&object).unwrap_or(about.architecture),
            root,
            mounts: chroot::mounts(&object, found),
            network: chroot::network(&object, found),
            hooks: hook::decode(&object),
            bootstrap: part::bootstrap(&object, source.as_ref(), found),
            boot_loader: part::boot_loader(&object, &volumes, found),
            seal,
            volumes,
            fstab: scratch && object.is_on("fstab"),
            steps,
            build: chroot::build(&object, found),
            description: object.value("description"),
            publish: publish::decode(&object, found),
            lifecycle: lifecycle::decode(&object, found),
            depends_on: depends_on(&object),
            name,
            source: source?,
            address: about.address,
            object,
        })
    }

    /// Takes over what it runs on from its base, unless it says so itself.
    pub fn run_on(&mut self, base: Architecture) {
        if self.object.written("architecture").is_none() {
            self.object.arguments.remove("architecture");
            set_default(&mut self.object, "architecture", base.name());
            self.architecture = base;
        }
    }
}

fn architecture(object: &Object) -> Option<Architecture> {
    match object.text("architecture")? {
        "aarch64" => Some(Architecture::Aarch64),
        _ => Some(Architecture::X86_64),
    }
}

/// `local` or `aws.west`.
fn provider_key(text: &str) -> ProviderKey {
    let (kind, alias) = text
        .split_once('.')
        .map_or((text, None), |(kind, alias)| (kind, Some(alias)));
    ProviderKey {
        kind: kind.to_owned(),
        alias: alias.map(str::to_owned),
    }
}

fn depends_on(object: &Object) -> Vec<Spanned<ImageAddress>> {
    let Some(argument) = object.get("depends_on") else {
        return Vec::new();
    };
    let texts = argument.value.children().filter_map(Value::as_str);
    texts
        .filter_map(|text| Some(Spanned::new(text.parse().ok()?, argument.span.clone())))
        .collect()
}

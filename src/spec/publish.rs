//! `publish` and `register`: how an image is announced.

use std::sync::Arc;

use super::volume::set_default;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::schema::{Block, Class, Default, Object, Type, argument, block, many, once};
use crate::source::{Span, Spanned};
use crate::units::Duration;

/// The table of `register`.
pub static REGISTER: Block = block("register")
    .doc("What the image says of itself. With a source, \"inherit\" is the default of all.")
    .arguments(&[
        argument(
            "virtualization",
            Type::Choice(&["inherit", "hvm", "paravirtual"]),
            Class::Registration,
        )
        .doc("Kind of virtualization."),
        argument(
            "boot_mode",
            Type::Choice(&["inherit", "legacy-bios", "uefi", "uefi-preferred"]),
            Class::Registration,
        )
        .doc("Firmware that starts it."),
        argument("ena", Type::Text, Class::Registration)
            .doc("Whether it has the ENA driver: true, false, \"inherit\"."),
        argument("sriov", Type::Text, Class::Registration)
            .doc("Whether it has the Intel 82599 driver: true, false, \"inherit\"."),
        argument("tpm", Type::Choice(&["inherit", "none", "v2.0"]), Class::Registration).doc("NitroTPM."),
        argument("imds", Type::Choice(&["inherit", "any", "v2.0"]), Class::Registration)
            .doc("Version of the instance metadata that instances begin with."),
        argument("uefi_data", Type::Text, Class::Registration).doc(
            "UEFI variable store, in base64; \"none\" for none. Default: that of the source, if it is an image of the account.",
        ),
        argument("root_device", Type::Text, Class::Registration).doc("Device name of the root volume."),
    ])
    .blocks(&[many(&MAPPING)]);

/// The table of `mapping`.
pub static MAPPING: Block = block("mapping")
    .labels(&["device"])
    .doc("A further block device of instances.")
    .arguments(&[
        argument("virtual_name", Type::Text, Class::Registration).doc("An instance store: \"ephemeral0\"."),
        argument("snapshot", Type::Text, Class::Registration).doc("A volume from this snapshot."),
        argument("size", Type::Size, Class::Registration).doc("Size of the volume."),
        argument("type", Type::Text, Class::Registration).doc("Volume type."),
        argument("iops", Type::Integer(100, 1_000_000), Class::Registration).doc("Operations per second."),
        argument("throughput", Type::Integer(1, 100_000), Class::Registration).doc("MiB per second."),
        argument("delete_on_termination", Type::Bool, Class::Registration).doc("Whether it goes with the instance."),
        argument("suppress", Type::Bool, Class::Registration).doc("Whether a mapping of the source is left out."),
        argument("encrypted", Type::Bool, Class::Registration)
            .doc("Cannot be set.")
            .unsupported("a mapping is as encrypted as its snapshot: write encrypted in a volume block"),
    ]);

/// The table of `publish`.
pub static PUBLISH: Block = block("publish")
    .doc("Tags, regions, shares, deprecation and parameters.")
    .arguments(&[
        argument("tags", Type::TextMap, Class::Mutable).doc("Tags on the image."),
        argument("snapshot_tags", Type::TextMap, Class::Mutable).doc("Tags on its snapshots (aws)."),
        argument("regions", Type::TextList, Class::Keys).doc("Regions that get a copy (aws)."),
        argument("kms_key", Type::Text, Class::Keys).doc("Key of the copies, where their region names none (aws)."),
        argument("deprecate_after", Type::Duration, Class::Mutable)
            .doc("How long after its creation the image counts as deprecated."),
        argument("protect", Type::Bool, Class::Mutable).doc("Whether it is protected from deregistration (aws)."),
        argument("product_codes", Type::TextList, Class::Mutable)
            .doc("Cannot be set.")
            .unsupported("product codes cannot be set: they come with the snapshots of the source"),
    ])
    .blocks(&[many(&REGION), once(&SHARE), many(&PARAMETER)]);

/// The table of `region`.
pub static REGION: Block = block("region")
    .labels(&["name"])
    .doc("A region that gets a copy (aws).")
    .arguments(&[argument("kms_key", Type::Text, Class::Keys).doc("Key id, ARN or alias in that region.")]);

/// The table of `share`.
pub static SHARE: Block = block("share").doc("Who else may use the image (aws).").arguments(&[
    argument("accounts", Type::TextList, Class::Mutable).doc("Account ids."),
    argument("organizations", Type::TextList, Class::Mutable).doc("ARNs of organizations."),
    argument("organizational_units", Type::TextList, Class::Mutable).doc("ARNs of organizational units."),
    argument("public", Type::Bool, Class::Mutable).doc("Everybody."),
    argument("snapshot_accounts", Type::TextList, Class::Mutable)
        .doc("Account ids that may also make volumes of its snapshots, and so copy it."),
    argument("snapshots_public", Type::Bool, Class::Mutable)
        .doc("Whether everybody may make volumes of its snapshots."),
]);

/// The table of `parameter`.
pub static PARAMETER: Block = block("parameter")
    .labels(&["name"])
    .doc("A parameter of Systems Manager that holds the id of the current release, in each of its regions (aws).")
    .arguments(&[
        argument("type", Type::Choice(&["text", "aws:ec2:image"]), Class::Mutable)
            .default(Default::Text("text"))
            .doc("What Systems Manager knows of it; it looks whether there is an image of that id with aws:ec2:image."),
        argument("overwrite", Type::Bool, Class::Lifecycle)
            .default(Default::Bool(false))
            .doc("Whether a parameter of this name that is somebody else's is taken over."),
    ]);

/// Publication (class M and K).
#[derive(Debug, Clone, Default)]
pub struct Publish {
    /// Tags on the image; may be unknown.
    pub tags: Option<Spanned<Value>>,
    /// How long after its creation the image counts as deprecated.
    pub deprecate_after: Option<Spanned<Duration>>,
    /// The block, if there is one.
    pub object: Option<Arc<Object>>,
}

impl super::ImageSpec {
    /// The header of the `publish` block, or of the image where there is none.
    pub fn publish_span(&self) -> &Span {
        self.publish.object.as_ref().map_or(&self.span, |block| &block.span)
    }
}

/// Publication, checked for keys of tags that belong to others.
pub(super) fn decode(image: &Object, found: &mut Diagnostics) -> Publish {
    let Some(block) = image.child("publish") else {
        return Publish::default();
    };
    check_tags(block, "tags", found);
    check_tags(block, "snapshot_tags", found);
    Publish {
        tags: block.value("tags"),
        deprecate_after: block.duration("deprecate_after"),
        object: Some(block.clone()),
    }
}

fn check_tags(block: &Object, name: &str, found: &mut Diagnostics) {
    let Some(argument) = block.get(name) else { return };
    let keys = argument.value.attributes().into_iter().flat_map(|all| all.keys());
    for key in keys.filter(|key| key.starts_with("bake:") || key.starts_with("aws:")) {
        let owner = if key.starts_with("aws:") { "AWS" } else { "bake itself" };
        let error = Diagnostic::error(format!("a tag may not be called {key:?}"));
        found.push(error.label(&argument.span, format!("keys that begin so belong to {owner}")));
    }
}

/// Fills in what is inherited where there is a source.
pub(super) fn inherit(image: &mut Object) {
    const INHERITED: &[&str] = &[
        "virtualization",
        "boot_mode",
        "ena",
        "sriov",
        "tpm",
        "imds",
        "root_device",
    ];
    for block in image.blocks.iter_mut().filter(|block| block.block.name == "register") {
        let block = Arc::make_mut(block);
        INHERITED.iter().for_each(|name| set_default(block, name, "inherit"));
    }
}

/// What the local provider cannot publish, unless it is told to pass that over.
pub fn check_local(image: &Object) -> Diagnostics {
    let mut found = Diagnostics::new();
    let Some(block) = image.child("publish") else {
        return found;
    };
    let cannot = |what: &str, at| {
        let error = Diagnostic::error(format!("the local provider cannot {what}")).at(at);
        error.help("leave it out, or write ignore_publish = true in the block of the provider")
    };
    let arguments = [
        ("regions", "copy images to regions"),
        ("kms_key", "encrypt images"),
        ("snapshot_tags", "tag snapshots"),
        ("protect", "protect images from being removed"),
    ];
    for (name, what) in arguments {
        found.extend(block.get(name).map(|argument| cannot(what, &argument.name_span)));
    }
    for (name, what) in [
        ("region", "copy images to regions"),
        ("share", "share images"),
        ("parameter", "keep parameters"),
    ] {
        found.extend(block.children(name).map(|block| cannot(what, &block.span)));
    }
    found
}

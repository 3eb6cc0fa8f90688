//! `bootstrap "debian"`: a Debian system from its packages, by mmdebstrap or debootstrap.

use crate::schema::{Block, Class, Default, Holds, Type, argument, block};

/// Its table.
pub static BLOCK: Block = block("bootstrap")
    .kind("debian")
    .doc("Fills the root with a Debian system. Name resolution, hostname and machine id of the builder host do not stay.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("suite", Type::Text, Class::Bytes)
            .required()
            .doc("Suite or code name: \"bookworm\"."),
        argument("packages", Type::TextList, Class::Bytes).doc("Packages beside those of the variant."),
        argument("exclude", Type::TextList, Class::Bytes).doc("Packages of the variant that are left out."),
        argument("variant", Type::Choice(VARIANTS), Class::Bytes)
            .default(Default::Text("minbase"))
            .doc("Which packages come without being named. debootstrap knows only \"minbase\", \"buildd\" and \"standard\"."),
        argument("recommends", Type::Bool, Class::Bytes)
            .default(Default::Bool(false))
            .doc("Whether recommended packages are installed, too (mmdebstrap)."),
        argument("mirror", Type::Text, Class::Bytes)
            .doc("URL of the archive. Default: the apt sources of the builder host."),
        argument("sources", Type::TextList, Class::Bytes)
            .doc("Further apt source lines (mmdebstrap): \"deb URL bookworm-updates main\"."),
        argument("components", Type::TextList, Class::Bytes)
            .default(Default::List(&["main"]))
            .doc("Components of the archive."),
        argument("keyring", Type::File, Class::Bytes)
            .doc("Keys that sign the archive. Default: those of the builder host."),
        argument("tool", Type::Choice(&["mmdebstrap", "debootstrap"]), Class::Bytes)
            .default(Default::Text("mmdebstrap"))
            .doc("The program that does it."),
        argument("options", Type::TextList, Class::Bytes).doc("Further options of that program, each one word."),
        argument("hostname", Type::Text, Class::Bytes)
            .default(Default::Text("localhost"))
            .doc("What /etc/hostname holds."),
        argument("timeout", Type::Duration, Class::Run).doc("How long it may take before it is killed."),
        argument("retries", Type::Integer(0, 100), Class::Run)
            .default(Default::Integer(0))
            .doc("How often it is begun again after it failed."),
    ]);

const VARIANTS: &[&str] = &[
    "minbase",
    "essential",
    "apt",
    "required",
    "important",
    "standard",
    "buildd",
];

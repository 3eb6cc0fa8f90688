//! Data sources that the aws provider reads. Only the tables are here: the calls are the provider's.

use super::{Attribute, DEPENDS_ON, FOR_EACH, LIFECYCLE, OfProvider, PROVIDER, Pins, Yields, yields};
use crate::schema::{Block, Class, Default, Type, argument, block, once};

/// The provider that answers.
const AWS: &str = "aws";

/// The table of `data "ami"`.
pub static AMI_BLOCK: Block = block("data")
    .kind("ami")
    .labels(&["name"])
    .doc("An AMI of the provider's region, whoever made it: exactly one must fit.")
    .arguments(&[
        argument("owners", Type::TextList, Class::Run)
            .required()
            .doc("Whose: account ids, \"self\", \"amazon\", \"aws-marketplace\". Anybody can give an image any name."),
        argument("filters", Type::Any, Class::Run).doc(
            "Filters of DescribeImages, each with a text or a list of texts, one of which must fit: { name = \
             [\"debian-12-amd64-*\"], \"tag:team\" = \"web\" }. Without `state` only available images fit.",
        ),
        argument("most_recent", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether the one made last is taken if several fit; of two made in the same second the one with the higher id."),
        argument("include_deprecated", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether deprecated images of others fit, too; one's own always do."),
        PROVIDER,
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

const AMI_ATTRIBUTES: &[Attribute] = &[
    yields("id", Yields::Text, "Its id, for source { ami = ... }."),
    yields("name", Yields::Text, "Its name."),
    yields("description", Yields::Text, "Its description; null if it has none."),
    yields("creation_date", Yields::Text, "When it was made (RFC 3339)."),
    yields(
        "deprecation_time",
        Yields::Text,
        "When it is deprecated; null if never.",
    ),
    yields("owner", Yields::Text, "The account that owns it."),
    yields(
        "owner_name",
        Yields::Text,
        "The alias of that account: \"amazon\"; null if it has none.",
    ),
    yields("tags", Yields::TextMap, "Its tags; those of others are not seen."),
    yields(
        "architecture",
        Yields::Text,
        "As in an image block: \"x86_64\", \"aarch64\".",
    ),
    yields("virtualization", Yields::Text, "\"hvm\" or \"paravirtual\"."),
    yields(
        "root_device",
        Yields::Text,
        "The name of its root device: \"/dev/xvda\".",
    ),
    yields(
        "root_snapshot",
        Yields::Text,
        "The snapshot of its root volume; null if its root is an instance store.",
    ),
    yields(
        "boot_mode",
        Yields::Text,
        "\"uefi\", \"legacy-bios\", \"uefi-preferred\"; null if it does not say.",
    ),
    yields("ena", Yields::Bool, "Whether it supports enhanced networking with ENA."),
    yields(
        "imds",
        Yields::Text,
        "\"v2.0\" if its instances ask for IMDSv2; else null.",
    ),
    yields("tpm", Yields::Text, "\"v2.0\" if it supports NitroTPM; else null."),
    yields("product_codes", Yields::Texts, "Its product codes."),
    yields("platform_details", Yields::Text, "What is billed: \"Linux/UNIX\"."),
    yields(
        "usage_operation",
        Yields::Text,
        "The operation that is billed: \"RunInstances\".",
    ),
];

/// `data "ami"`.
pub static AMI: OfProvider = OfProvider {
    block: &AMI_BLOCK,
    attributes: AMI_ATTRIBUTES,
    provider: AWS,
    pins: Pins::Everything,
};

/// The table of `data "caller_identity"`.
pub static CALLER_IDENTITY_BLOCK: Block = block("data")
    .kind("caller_identity")
    .labels(&["name"])
    .doc("As whom AWS knows the credentials of the provider. Read each time: the lock file does not hold it.")
    .arguments(&[PROVIDER, FOR_EACH, DEPENDS_ON])
    .blocks(&[once(&LIFECYCLE)]);

/// `data "caller_identity"`.
pub static CALLER_IDENTITY: OfProvider = OfProvider {
    block: &CALLER_IDENTITY_BLOCK,
    attributes: &[
        yields("account", Yields::Text, "The account: twelve digits."),
        yields(
            "arn",
            Yields::Text,
            "The ARN of the user, or of the role with its session.",
        ),
        yields(
            "user_id",
            Yields::Text,
            "The unique id of the user, or of the role with its session.",
        ),
    ],
    provider: AWS,
    pins: Pins::Nothing,
};

/// The table of `data "region"`.
pub static REGION_BLOCK: Block = block("data")
    .kind("region")
    .labels(&["name"])
    .doc("The region of the provider, wherever it was found. Read each time: the lock file does not hold it.")
    .arguments(&[PROVIDER, FOR_EACH, DEPENDS_ON])
    .blocks(&[once(&LIFECYCLE)]);

/// `data "region"`.
pub static REGION: OfProvider = OfProvider {
    block: &REGION_BLOCK,
    attributes: &[yields("name", Yields::Text, "Its name: \"eu-central-1\".")],
    provider: AWS,
    pins: Pins::Nothing,
};

/// The table of `data "parameter"`.
pub static PARAMETER_BLOCK: Block = block("data")
    .kind("parameter")
    .labels(&["name"])
    .doc(
        "A parameter of the SSM Parameter Store, decrypted. Its value is secret: it is read by every plan, and neither a plan \
         file nor the lock file nor a manifest holds it. The lock file pins its version.",
    )
    .arguments(&[
        argument("name", Type::Text, Class::Run)
            .required()
            .doc("Its name, \"/images/token\", or its ARN."),
        argument("version", Type::Integer(1, i64::MAX), Class::Run).doc("Which version. Default: the newest."),
        argument("label", Type::Text, Class::Run).doc("The version that has this label."),
        PROVIDER,
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

/// `data "parameter"`.
pub static PARAMETER: OfProvider = OfProvider {
    block: &PARAMETER_BLOCK,
    attributes: &[
        yields("value", Yields::Text, "Its value.").sensitive(),
        yields(
            "insecure_value",
            Yields::Text,
            "Its value without the mark of a secret; null if it is a SecureString.",
        ),
        yields("version", Yields::Number, "The number of its version."),
        yields("type", Yields::Text, "\"String\", \"StringList\", \"SecureString\"."),
        yields("data_type", Yields::Text, "\"text\" or \"aws:ec2:image\"."),
        yields("arn", Yields::Text, "Its ARN."),
    ],
    provider: AWS,
    pins: Pins::Version("version"),
};

/// The table of `data "secret"`.
pub static SECRET_BLOCK: Block = block("data")
    .kind("secret")
    .labels(&["name"])
    .doc(
        "A secret of Secrets Manager. It is read by every plan, and neither a plan file nor the lock file nor a manifest holds \
         it. The lock file pins its version.",
    )
    .arguments(&[
        argument("name", Type::Text, Class::Run)
            .required()
            .doc("Its name, or its ARN."),
        argument("key", Type::Text, Class::Run)
            .doc("Of a secret that is a JSON object: the key whose value is wanted."),
        argument("version", Type::Text, Class::Run).doc("The id of a version. Default: the current one."),
        argument("version_stage", Type::Text, Class::Run)
            .doc("The version with this staging label: \"AWSPREVIOUS\". Default: \"AWSCURRENT\"."),
        PROVIDER,
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

/// `data "secret"`.
pub static SECRET: OfProvider = OfProvider {
    block: &SECRET_BLOCK,
    attributes: &[
        yields(
            "value",
            Yields::Text,
            "Its text, or what stands under the key (texts as they are, all else as JSON); null of a binary secret.",
        )
        .sensitive(),
        yields(
            "binary",
            Yields::Text,
            "The bytes of a binary secret, in base64; null of a text.",
        )
        .sensitive(),
        yields("version", Yields::Text, "The id of its version."),
        yields("arn", Yields::Text, "Its ARN."),
    ],
    provider: AWS,
    pins: Pins::Version("version"),
};

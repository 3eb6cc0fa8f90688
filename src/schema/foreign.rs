//! Words of Terraform and Packer that people bring along, and what stands in their place here.

/// What to write instead of a word of another tool: a block or argument, in a block or (`""`) at the top.
pub fn foreign(within: &str, word: &str) -> Option<&'static str> {
    let found = WORDS.iter().find(|(place, name, _)| *place == within && *name == word);
    found.map(|(_, _, instead)| *instead)
}

const WORDS: &[(&str, &str, &str)] = &[
    (
        "",
        "terraform",
        "required_version stands in bake { ... }; there are no backends and no plugins",
    ),
    (
        "",
        "packer",
        "required_version stands in bake { ... }; there are no plugins",
    ),
    (
        "",
        "resource",
        "what bake makes is an image: write image \"NAME\" { ... }",
    ),
    (
        "",
        "source",
        "an image has its source in it: image \"NAME\" { source { ami = \"...\" } }",
    ),
    (
        "",
        "build",
        "an image has its steps in it: image \"NAME\" { provision \"shell\" \"STEP\" { ... } }",
    ),
    (
        "",
        "builders",
        "what bake makes is an image: write image \"NAME\" { ... }",
    ),
    (
        "",
        "provisioner",
        "a step stands in its image: provision \"shell\" \"STEP\" { ... }",
    ),
    (
        "",
        "post-processor",
        "there are none: publish { ... } and hooks of the image come behind it, bake export writes its disk",
    ),
    (
        "",
        "import",
        "an import is done once and leaves nothing in a module: bake import ADDRESS ID",
    ),
    ("", "local", "write locals { NAME = VALUE }"),
    ("", "variables", "write variable \"NAME\" { ... } for each"),
    (
        "",
        "if",
        "blocks have no conditions: an image with for_each = toset([]) is none",
    ),
    ("image", "provisioner", "write provision \"shell\" \"STEP\" { ... }"),
    (
        "image",
        "post-processor",
        "there are none: publish { ... } and hooks come behind the image, bake export writes its disk",
    ),
    (
        "image",
        "post-processors",
        "there are none: publish { ... } and hooks come behind the image, bake export writes its disk",
    ),
    (
        "image",
        "error-cleanup-provisioner",
        "write hook \"on_failure\" { ... }",
    ),
    (
        "image",
        "communicator",
        "steps run in a chroot on the builder host: there is nothing to connect to",
    ),
    (
        "image",
        "connection",
        "steps run in a chroot on the builder host: there is nothing to connect to",
    ),
    (
        "image",
        "count",
        "for several images write for_each, with a map or toset([...])",
    ),
    ("image", "ami_name", "write name = \"...\""),
    ("image", "ami_description", "write description = \"...\""),
    ("image", "ami_users", "write publish { share { accounts = [...] } }"),
    ("image", "ami_regions", "write publish { regions = [...] }"),
    ("image", "source_ami", "write source { ami = \"...\" }"),
    ("image", "from_scratch", "write scratch {}"),
    ("image", "root_volume_size", "write volume \"root\" { size = \"8GiB\" }"),
    ("image", "root_volume_type", "write volume \"root\" { type = \"gp3\" }"),
    ("image", "tags", "write publish { tags = { ... } }"),
    ("image", "snapshot_tags", "write publish { snapshot_tags = { ... } }"),
    ("image", "encrypt_boot", "write volume \"root\" { encrypted = true }"),
    ("image", "kms_key_id", "write volume \"root\" { kms_key = \"...\" }"),
    (
        "image",
        "chroot_mounts",
        "write mounts { mount \"/path\" { ... } }; /proc, /sys and /dev are there without",
    ),
    (
        "image",
        "copy_files",
        "name resolution is set up without; for more write provision \"file\" \"NAME\" { transient = true }",
    ),
    ("image", "pre_mount_commands", "write hook \"before_mount\" { ... }"),
    ("image", "post_mount_commands", "write hook \"after_mount\" { ... }"),
    ("image", "command_wrapper", "write build { wrapper = [...] }"),
    ("image", "mount_path", "write build { mount_path = \"...\" }"),
    ("image", "device_path", "write build { device = \"...\" }"),
    ("provision", "environment_vars", "write env = { NAME = \"VALUE\" }"),
    (
        "provision",
        "execute_command",
        "write interpreter = [...] or wrapper = [...]",
    ),
    ("provision", "valid_exit_codes", "write exit_codes = [...]"),
    ("provision", "max_retries", "write retries = NUMBER"),
    ("provision", "command", "write inline = [\"COMMAND\"]"),
    (
        "provision",
        "connection",
        "steps run in a chroot on the builder host: there is nothing to connect to",
    ),
    ("reference", "variable", "write var.NAME"),
    ("reference", "vars", "write var.NAME"),
    ("reference", "locals", "write local.NAME"),
    ("reference", "source", "write image.NAME"),
    (
        "reference",
        "count",
        "there is no count: for_each gives each.key and each.value",
    ),
    (
        "reference",
        "terraform",
        "-workspace and bake { project } say whose images these are; expressions do not see it",
    ),
    (
        "reference",
        "packer",
        "build.run_id names a run, in hooks and provision steps",
    ),
    ("reference", "aws_ami", "a data source is read as data.ami.NAME"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_something_in_its_place_only() {
        assert!(foreign("image", "count").is_some_and(|instead| instead.contains("for_each")));
        assert_eq!(foreign("volume", "count"), None);
        assert_eq!(foreign("", "image"), None);
    }
}

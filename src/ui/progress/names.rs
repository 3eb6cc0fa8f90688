//! Short names of nodes for progress: `provision.harden` instead of `image.base.provision["harden"]`.

use crate::address::{Address, ImageAddress};
use crate::event::Half;
use crate::ui::printable::honest;

/// A node within its image, with what is done to it: `provision.harden`, `close attachment.root`, `register`.
pub fn node(address: &Address, half: Half) -> String {
    let name = match &address.node {
        None => "register".to_owned(),
        Some(node) => match node.label.as_deref() {
            None => node.kind.clone(),
            Some(release) if matches!(node.kind.as_str(), "update" | "retire") => {
                format!("{} release {release}", node.kind)
            }
            Some(label) if is_word(label) => format!("{}.{label}", node.kind),
            Some(_) => node.to_string(),
        },
    };
    let name = honest(&name);
    match half {
        Half::Open => name,
        Half::Close => format!("close {name}"),
    }
}

/// What stands before a line that a step wrote: `harden`, with the image if several are built.
pub fn prefix(address: &Address, several: bool) -> String {
    let step = address
        .node
        .as_ref()
        .map(|node| node.label.as_ref().unwrap_or(&node.kind));
    let step = step.map_or("", String::as_str);
    match several {
        true => format!("{} {}", short_image(&address.image), honest(step)),
        false => honest(step),
    }
}

/// `web["arm64"]`.
pub fn short_image(image: &ImageAddress) -> String {
    let address = honest(&image.to_string());
    address.strip_prefix("image.").map(str::to_owned).unwrap_or(address)
}

/// Whether a node does work whose beginning is worth a line: the others come and go in an instant.
pub fn is_work(address: &Address) -> bool {
    let kind = address.node.as_ref().map(|node| node.kind.as_str());
    matches!(
        kind,
        Some("bootstrap" | "boot_loader" | "provision" | "hook" | "seal" | "check" | "snapshot")
    )
}

fn is_word(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_but_whole() {
        let web = ImageAddress::new("web", Some("arm64".to_owned()));
        assert_eq!(node(&web.node("provision", "harden"), Half::Open), "provision.harden");
        assert_eq!(node(&web.node("mount", "/boot"), Half::Close), "close mount[\"/boot\"]");
        assert_eq!(node(&web.itself(), Half::Open), "register");
        assert_eq!(node(&web.node("retire", "2"), Half::Open), "retire release 2");
        assert_eq!(prefix(&web.node("provision", "harden"), false), "harden");
        assert_eq!(prefix(&web.node("provision", "harden"), true), "web[\"arm64\"] harden");
        assert_eq!(prefix(&web.only("boot_loader"), false), "boot_loader");
    }
}

//! What images are called.

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::source::Spanned;

/// Fewest and most characters of a name. Source: EC2 API reference, RegisterImage.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=128;

/// The name of an image that has none of its own: `web-arm64-0f1e2d3c4b5a`, cleaned to the characters that every
/// provider takes and shortened in front of the release.
pub fn default_name(address: &ImageAddress, release_id: &str) -> String {
    let key = address.key.iter().map(|key| format!("-{key}"));
    let label = std::iter::once(address.name.clone()).chain(key).collect::<String>();
    let room = LENGTH.end() - release_id.len() - 1;
    let cleaned: String = label
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .take(room)
        .collect();
    format!("{cleaned}-{release_id}")
}

/// Whether a name that is known can be one.
pub(super) fn check(name: Option<&Spanned<Value>>, found: &mut Diagnostics) {
    let Some((name, text)) = name.and_then(|name| Some((name, name.value.as_str()?))) else {
        return;
    };
    let count = text.chars().count();
    let wrong = match text.chars().find(|c| !is_allowed(*c)) {
        Some(c) => Some(format!(
            "{c:?} may not stand in it: letters, digits, blanks and ()[]./-'@_ may"
        )),
        None if !LENGTH.contains(&count) => Some(format!("it has {count} characters; 3 to 128 are allowed")),
        None => None,
    };
    if let Some(wrong) = wrong {
        found.push(Diagnostic::error("this cannot be the name of an image").label(&name.span, wrong));
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// Source: EC2 API reference, RegisterImage, `Name`.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ()[]./-'@_".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_names_are_clean_and_short() {
        let name = |name: &str, key: Option<&str>| {
            default_name(&ImageAddress::new(name, key.map(str::to_owned)), "0f1e2d3c4b5a")
        };
        assert_eq!(name("web", None), "web-0f1e2d3c4b5a");
        assert_eq!(name("web", Some("eu/ä 1")), "web-eu---1-0f1e2d3c4b5a");
        let long = name(&"x".repeat(300), None);
        assert!(long.len() == 128 && long.ends_with("x-0f1e2d3c4b5a"));
    }
}

//! Masks: what must not be seen of sensitive values in the output of steps, in logs and in messages.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What stands where a secret stood.
const MASK: &str = "(sensitive)";

/// A shorter text is not masked: it would make output unreadable and hide nothing.
const SHORTEST: usize = 3;

/// Every form in which the secrets of a run may turn up, the longest first. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Vec<String>>);

impl Secrets {
    /// Masks these values, and their base64, URL and shell-quoted forms; of a value with several lines also each line.
    pub fn new(values: impl IntoIterator<Item = String>) -> Secrets {
        let mut forms: Vec<String> = values.into_iter().flat_map(|value| forms(&value)).collect();
        forms.retain(|form| form.len() >= SHORTEST);
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Secrets(Arc::new(forms))
    }

    /// The text with every secret replaced.
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, form| {
            if text.contains(form.as_str()) {
                text.replace(form.as_str(), MASK)
            } else {
                text
            }
        })
    }

    /// How many bytes the longest form has: who cuts a stream into pieces must let pieces overlap by that much.
    pub fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }
}

/// Never shows what it hides.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

fn forms(value: &str) -> Vec<String> {
    let lines = value.lines().filter(|line| *line != value).map(str::trim);
    let texts: Vec<&str> = std::iter::once(value).chain(lines).collect();
    texts.iter().flat_map(|text| forms_of_one(text)).collect()
}

fn forms_of_one(text: &str) -> [String; 6] {
    [
        text.to_owned(),
        STANDARD.encode(text),
        STANDARD.encode(text).trim_end_matches('=').to_owned(),
        URL_SAFE.encode(text),
        percent_encoded(text),
        text.replace('\'', "'\\''"),
    ]
}

/// As in a URL (RFC 3986: everything but unreserved characters).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_masked() {
        let secrets = Secrets::new(["it's a/secret?".to_owned()]);
        for shown in [
            "it's a/secret?",
            "aXQncyBhL3NlY3JldD8=",
            "aXQncyBhL3NlY3JldD8",
            "it%27s%20a%2Fsecret%3F",
            r"it'\''s a/secret?",
        ] {
            assert_eq!(secrets.mask(&format!("<{shown}>")), "<(sensitive)>", "{shown}");
        }
        assert!(!format!("{secrets:?}").contains("secret?"));
    }

    #[test]
    fn lines_of_a_key_are_masked_and_single_letters_are_not() {
        let secrets = Secrets::new(["BEGIN\nabcdef\n".to_owned(), "x".to_owned(), String::new()]);
        assert_eq!(secrets.mask("x abcdef y"), "x (sensitive) y");
    }
}

//! What a person may have meant.

/// The candidate that is nearest to what was written, if one is near enough to be meant.
pub fn suggest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &&str| strsim::damerau_levenshtein(&written.to_lowercase(), &candidate.to_lowercase());
    let allowed = match written.chars().count() {
        0..3 => 1,
        3..6 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (near(&candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "size"?`, or nothing.
pub(crate) fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    suggest(written, candidates).map_or_else(String::new, |meant| format!("did you mean \"{meant}\"?"))
}

/// `"a", "b" or "c"`
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    match (quoted.pop(), quoted.is_empty()) {
        (Some(last), false) => format!("{} or {last}", quoted.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        assert_eq!(suggest("sise", ["type", "size", "tags"]), Some("size"));
        assert_eq!(
            suggest("partition_tabel", ["partition", "partition_table"]),
            Some("partition_table")
        );
        assert_eq!(suggest("zebra", ["size", "type"]), None);
        assert_eq!(suggest("x", ["a", "b"]), None);
        assert_eq!(one_of(["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}

//! Who may use whom: a layer may use those under it, never those over it (docs/architecture.md).

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules from the ground up. Within one entry, a module may use those before it.
const LAYERS: &[&[&str]] = &[
    &["address", "source", "units", "digest", "diagnostic", "event", "secrets"],
    &["host"],
    &["lang", "schema"],
    &[
        "providers",
        "data",
        "filesystems",
        "steps",
        "bootstrap",
        "spec",
        "nodes",
    ],
    &["module", "graph", "plan"],
    &["journal", "apply"],
    &["ui", "commands"],
];

/// Uses that the table of layers does not allow and that stand for a reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("diagnostic", "address", "a message names the node that it is about"),
    (
        "providers",
        "spec",
        "a provider says at plan what of a spec it cannot do",
    ),
    ("providers", "nodes", "a marker names a node"),
];

fn rank(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(layer, modules)| {
        modules
            .iter()
            .position(|name| *name == module)
            .map(|place| (layer, place))
    })
}

fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// `crate::` paths outside of comments and tests: the first word of each.
fn uses(text: &str) -> Vec<String> {
    let product = text.split("#[cfg(test)]").next().unwrap_or(text);
    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        line.match_indices("crate::")
            .map(|(at, found)| &line[at + found.len()..])
            .collect::<Vec<_>>()
    })
    .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
    .collect()
}

#[test]
fn no_layer_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("below src");
        let first = relative
            .components()
            .next()
            .expect("a file has a name")
            .as_os_str()
            .to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = rank(&module) else {
            panic!("src/{module} stands in no layer: add it to the table")
        };
        for used in uses(&fs::read_to_string(&file).expect("src can be read")) {
            let Some(other) = rank(&used) else { continue };
            let allowed = ALLOWED.iter().any(|(from, to, _)| *from == module && *to == used);
            if other > own && !allowed {
                wrong.push(format!("{} uses {used}", relative.display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "a layer uses one above it:\n{}", wrong.join("\n"));
}

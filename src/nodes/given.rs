//! The arguments of a node as the code that acts on them wants them: `build.*` settled, secrets in plain text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Arguments, Context, Handle, Need, NodeError, PlannedFile};
use crate::address::Address;
use crate::lang::value::Value;
use crate::schema::{Block, Given, GivenArgument, GivenFile};

/// Settles arguments of a block of this table.
///
/// # Errors
/// If a value is not there that one of them waits for.
pub fn given(
    arguments: &Arguments,
    block: &'static Block,
    build: &BuildValues,
    cx: &Context,
) -> Result<Given, NodeError> {
    let output = |of: &Address, name: &str| match of.node.as_ref().is_some_and(|node| node.kind == "build") {
        true => build.get(name, cx),
        false => None,
    };
    let mut values = BTreeMap::new();
    for (name, argument) in &arguments.0 {
        let value = argument.value.resolve(&output)?.to_json();
        let files = argument.files.iter().map(given_file).collect();
        values.insert(name.clone(), GivenArgument { value, files });
    }
    Ok(Given::new(block, values))
}

fn given_file(file: &PlannedFile) -> GivenFile {
    GivenFile {
        path: file.path.clone(),
        absolute: file.absolute.clone(),
        kind: file.kind,
        digest: file.digest,
    }
}

/// What `build.*` gives, as far as the nodes stand that it comes from.
#[derive(Debug, Clone, Default)]
pub struct BuildValues {
    /// `build.device`: the disk of the root.
    pub device: Option<PathBuf>,
    /// `build.root_device`: the device of `/`.
    pub root_device: Option<PathBuf>,
    /// `build.mount_path`: where `/` is mounted.
    pub mount_path: Option<PathBuf>,
    /// `build.volume`: the id of the root's volume.
    pub volume: Option<String>,
    /// `build.partitions`: devices by name, or by number where there is no name.
    pub partitions: BTreeMap<String, PathBuf>,
}

impl BuildValues {
    /// From the handles of what a node needs; of several volumes the first one needed is the root's.
    pub fn of(needs: &[Need], cx: &Context) -> BuildValues {
        let mut values = BuildValues::default();
        for need in needs {
            if let Some(handle) = cx.outputs.handle(need.address()) {
                values.add(handle);
            }
        }
        values
    }

    fn add(&mut self, handle: &Handle) {
        match handle {
            Handle::Volume { handle } => {
                self.volume.get_or_insert_with(|| handle.id.to_string());
            }
            Handle::Attachment { handle } => {
                self.device.get_or_insert_with(|| handle.device.clone());
            }
            Handle::Partitions { handle } if self.partitions.is_empty() => self.partitions = handle.by_name(),
            Handle::Mount { handle } if handle.target == "/" => {
                self.device = Some(handle.disk.clone());
                self.root_device = Some(handle.device.clone());
                self.mount_path = Some(handle.root.clone());
                self.partitions = handle.partitions.clone();
            }
            _ => {}
        }
    }

    fn get(&self, name: &str, cx: &Context) -> Option<Value> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| Value::string(path.display().to_string()));
        match name {
            "device" => path(&self.device),
            "root_device" => path(&self.root_device),
            "mount_path" => path(&self.mount_path),
            "volume" => self.volume.clone().map(Value::string),
            "image" => Some(Value::string(cx.at.image.to_string())),
            "run_id" => Some(Value::string(cx.run.to_string())),
            "partitions" => {
                let text =
                    |(name, path): (&String, &PathBuf)| (name.clone(), Value::string(path.display().to_string()));
                Some(Value::from(
                    self.partitions.iter().map(text).collect::<BTreeMap<_, _>>(),
                ))
            }
            _ => None,
        }
    }
}

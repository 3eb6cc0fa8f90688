//! The arguments of a node as the code that acts on them wants them: `build.*` settled, secrets in plain text.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::mount::MountHandle;
use super::{Arguments, Attachment, Context, Handle, Need, NodeError, PlannedFile, Ref};
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
    /// `build.volumes`: disks by the names of their volumes.
    pub volumes: BTreeMap<String, PathBuf>,
    /// `build.partitions`: devices by name, or by number where there is no name.
    pub partitions: BTreeMap<String, PathBuf>,
}

impl BuildValues {
    /// From the handles of what a node needs; of several volumes the first one needed is the root's.
    pub fn of(needs: &[Need], cx: &Context) -> BuildValues {
        let mut values = BuildValues::default();
        for need in needs {
            if let Some(handle) = cx.outputs.handle(need.address()) {
                values.add(need.address(), handle);
            }
        }
        values
    }

    fn add(&mut self, at: &Address, handle: &Handle) {
        match handle {
            Handle::Attachment { handle } => {
                self.device.get_or_insert_with(|| handle.device.clone());
                let volume = Ref::<Attachment>::new(at.clone()).label();
                self.volumes.insert(volume, handle.device.clone());
            }
            Handle::Partitions { handle } if self.partitions.is_empty() => self.partitions = handle.by_name(),
            Handle::Mount { handle } => {
                self.volumes.insert(handle.volume.clone(), handle.disk.clone());
                if handle.target == "/" {
                    self.add_root(handle);
                }
            }
            _ => {}
        }
    }

    fn add_root(&mut self, root: &MountHandle) {
        self.device = Some(root.disk.clone());
        self.root_device = Some(root.device.clone());
        self.mount_path = Some(root.root.clone());
        self.partitions = root.partitions.clone();
    }

    fn get(&self, name: &str, cx: &Context) -> Option<Value> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| Value::string(path.display().to_string()));
        match name {
            "device" => path(&self.device),
            "root_device" => path(&self.root_device),
            "mount_path" => path(&self.mount_path),
            "image" => Some(Value::string(cx.at.image.to_string())),
            "run_id" => Some(Value::string(cx.run.to_string())),
            "partitions" => Some(paths(&self.partitions)),
            "volumes" => Some(paths(&self.volumes)),
            _ => None,
        }
    }
}

fn paths(by_name: &BTreeMap<String, PathBuf>) -> Value {
    let text = |(name, path): (&String, &PathBuf)| (name.clone(), Value::string(path.display().to_string()));
    Value::from(by_name.iter().map(text).collect::<BTreeMap<_, _>>())
}

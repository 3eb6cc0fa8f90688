//! The last look at an image's file systems before its snapshot: each is checked, unmounted, by its own tool, which writes
//! nothing. An image whose file system has errors is not made.

use serde::{Deserialize, Serialize};

use super::filesystem::FilesystemHandle;
use super::{Context, Filesystem, Keeper, Kind, Lifetime, Need, NodeError, Ref};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems;
use crate::host::HostError;
use crate::host::command::{self, Ended, Tool};
use crate::host::helper::Exit;
use crate::providers::Marker;

/// How many of a tool's last lines are shown.
const SHOWN: usize = 12;

/// File systems to be checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Those that were mounted, in the order of their mounts.
    pub filesystems: Vec<Ref<Filesystem>>,
    /// That all content is there, and the mounts are closed.
    pub after: Vec<Need>,
}

impl Kind for Check {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        let filesystems = self.filesystems.iter().map(Ref::opened);
        filesystems.chain(self.after.iter().cloned()).collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let helper = cx.helper().await?;
        for one in &self.filesystems {
            let filesystem = cx.outputs.get(one)?;
            let Some(tool) = tool(filesystem) else { continue };
            let ended = tokio::select! {
                biased;
                () = cx.stop.stopped() => return Err(NodeError::Stopped),
                ended = tool.ask_in(&helper) => ended?,
            };
            if ended.exit != Exit::Code(0) {
                return Err(unsound(&one.at, filesystem, &tool, &ended).into());
            }
        }
        Ok(())
    }
}

/// That the program is there with which such a file system is checked.
///
/// # Errors
/// The package to install.
pub(super) fn is_possible(kind: &str) -> Result<(), HostError> {
    let words = filesystems::kind(kind).map_or(&[][..], |kind| kind.check);
    words.first().map_or(Ok(()), |program| command::find(program).map(drop))
}

fn tool(filesystem: &FilesystemHandle) -> Option<Tool> {
    let (program, arguments) = filesystems::kind(&filesystem.kind)?.check.split_first()?;
    let device = filesystem.device.display().to_string();
    Some(Tool::new(program, &[arguments, &[device.as_str()]].concat()))
}

fn unsound(at: &Address, filesystem: &FilesystemHandle, tool: &Tool, ended: &Ended) -> Diagnostic {
    let kind = &filesystem.kind;
    let said = [ended.output.as_slice(), &ended.complaints].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(SHOWN)..];
    let error = Diagnostic::error(format!(
        "the {kind} file system {at} has errors, so no image is made of it"
    ))
    .note(format!("`{}`: {}", tool.line(), ended.exit));
    let error = last.iter().fold(error, |error, line| error.note(*line));
    let repaired = match filesystems::kind(kind).and_then(|kind| kind.repair) {
        Some(command) => format!("repair it in a hook \"before_mount\" (`{command}` and the device)"),
        None => "choose a sound one".to_owned(),
    };
    error.help(format!(
        "if what it is built on has them already, {repaired}; else look for what wrote to the device while it was mounted"
    ))
}

//! What RegisterImage is told: what the image says of itself, and what it takes over from the one that it is built on.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::register_image::builders::RegisterImageFluentBuilder;
use aws_sdk_ec2::types::{
    ArchitectureValues, BlockDeviceMapping, BootModeValues, EbsBlockDevice, Image, ImdsSupportValues, TpmSupportValues,
    VolumeType,
};
use serde_json::Value;

use super::volumes::{USUAL_TYPE, gib};
use crate::host::devices;
use crate::providers::{ProviderError, Registration};
use crate::schema::{Recorded, RecordedBlock};
use crate::units::Size;

/// The root device of an image that is built from scratch.
const USUAL_ROOT: &str = "/dev/xvda";
/// Types that have so many operations a second as one asks for.
const WITH_IOPS: &[&str] = &["io1", "io2", "gp3"];

/// All of it but name, description and tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    architecture: String,
    virtualization: String,
    boot_mode: Option<String>,
    ena: bool,
    sriov: bool,
    tpm: Option<String>,
    imds: Option<String>,
    uefi_data: Option<String>,
    root_device: String,
    mappings: Vec<BlockDeviceMapping>,
}

impl Request {
    /// From the blocks of the image, and from what it is built on; `uefi` is the UEFI variable store of that.
    ///
    /// # Errors
    /// A value that is not known, or that makes no sense.
    pub fn of(image: &Registration, inherited: Option<&Image>, uefi: Option<String>) -> Result<Request, ProviderError> {
        let spec = &image.manifest.spec;
        let said = Said::of(spec);
        let from = |text: fn(&Image) -> Option<String>| inherited.and_then(text);
        let architecture = match text(spec, "architecture").as_deref() {
            Some("aarch64") => "arm64".to_owned(),
            other => other.unwrap_or("x86_64").to_owned(),
        };
        let root_device = said
            .own("root_device")
            .or_else(|| from(|image| image.root_device_name.clone()))
            .unwrap_or_else(|| USUAL_ROOT.to_owned());
        Ok(Request {
            virtualization: said
                .own("virtualization")
                .or_else(|| from(|image| Some(image.virtualization_type.as_ref()?.as_str().to_owned())))
                .unwrap_or_else(|| "hvm".to_owned()),
            boot_mode: said
                .own("boot_mode")
                .or_else(|| from(|image| Some(image.boot_mode.as_ref()?.as_str().to_owned()))),
            ena: said
                .switch("ena")?
                .unwrap_or_else(|| inherited.is_none_or(|image| image.ena_support == Some(true))),
            sriov: said
                .switch("sriov")?
                .unwrap_or_else(|| inherited.is_some_and(|image| image.sriov_net_support.as_deref() == Some("simple"))),
            tpm: said
                .own("tpm")
                .or_else(|| from(|image| Some(image.tpm_support.as_ref()?.as_str().to_owned())))
                .filter(|version| version != "none"),
            imds: said
                .own("imds")
                .or_else(|| from(|image| Some(image.imds_support.as_ref()?.as_str().to_owned())))
                .filter(|version| version != "any"),
            uefi_data: said.own("uefi_data").or(uefi).filter(|data| data != "none"),
            mappings: mappings(image, &said, inherited, &root_device),
            root_device,
            architecture,
        })
    }

    /// Into the call.
    pub fn fill(&self, call: RegisterImageFluentBuilder) -> RegisterImageFluentBuilder {
        call.architecture(ArchitectureValues::from(self.architecture.as_str()))
            .virtualization_type(&self.virtualization)
            .set_boot_mode(self.boot_mode.as_deref().map(BootModeValues::from))
            .set_ena_support(self.ena.then_some(true))
            .set_sriov_net_support(self.sriov.then(|| "simple".to_owned()))
            .set_tpm_support(self.tpm.as_deref().map(TpmSupportValues::from))
            .set_imds_support(self.imds.as_deref().map(ImdsSupportValues::from))
            .set_uefi_data(self.uefi_data.clone())
            .root_device_name(&self.root_device)
            .set_block_device_mappings(Some(self.mappings.clone()))
    }

    /// What of the image is not as it was asked for; none if all is well.
    pub fn differs(&self, made: &Image, inherited: Option<&Image>) -> Option<String> {
        let text = |value: Option<&str>| value.unwrap_or("nothing").to_owned();
        let mut pairs = vec![
            (
                "architecture",
                Some(self.architecture.as_str()),
                made.architecture.as_ref().map(|one| one.as_str()),
            ),
            (
                "virtualization",
                Some(self.virtualization.as_str()),
                made.virtualization_type.as_ref().map(|one| one.as_str()),
            ),
            (
                "boot mode",
                self.boot_mode.as_deref(),
                made.boot_mode.as_ref().map(|one| one.as_str()),
            ),
            (
                "TPM",
                self.tpm.as_deref(),
                made.tpm_support.as_ref().map(|one| one.as_str()),
            ),
            (
                "metadata version",
                self.imds.as_deref(),
                made.imds_support.as_ref().map(|one| one.as_str()),
            ),
            (
                "root device",
                Some(self.root_device.as_str()),
                made.root_device_name.as_deref(),
            ),
        ];
        if let Some(source) = inherited {
            pairs.push((
                "billing (platform details)",
                source.platform_details.as_deref(),
                made.platform_details.as_deref(),
            ));
        }
        let wrong = pairs.into_iter().find(|(_, wanted, is)| wanted != is);
        if let Some((what, wanted, is)) = wrong {
            return Some(format!("its {what} is {}, and {} was wanted", text(is), text(wanted)));
        }
        let ena = made.ena_support == Some(true);
        (self.ena && !ena).then(|| "it has no ENA support, which was wanted".to_owned())
    }
}

/// Whether an image says nothing of this argument of its `register` block itself.
pub fn inherits(spec: &Recorded, argument: &str) -> bool {
    Said::of(spec).own(argument).is_none()
}

/// The `register` block as it is recorded.
struct Said<'a>(Option<&'a Recorded>);

impl<'a> Said<'a> {
    fn of(spec: &'a Recorded) -> Said<'a> {
        Said(blocks(spec, "register").next().map(|block| &block.content))
    }

    /// What the image says itself; none if it inherits.
    fn own(&self, name: &str) -> Option<String> {
        text(self.0?, name).filter(|said| said != "inherit")
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, ProviderError> {
        match self.own(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ProviderError::Refused {
                what: "cannot register the image".into(),
                why: format!("register.{name} is {other:?}"),
                help: "write true, false or \"inherit\"".into(),
            }),
        }
    }

    fn mappings(&self) -> impl Iterator<Item = &'a RecordedBlock> {
        self.0.into_iter().flat_map(|block| blocks(block, "mapping"))
    }
}

fn blocks<'a>(within: &'a Recorded, name: &'a str) -> impl Iterator<Item = &'a RecordedBlock> {
    within.blocks.iter().filter(move |block| block.name == name)
}

fn value<'a>(block: &'a Recorded, name: &str) -> Option<&'a Value> {
    block.arguments.get(name)?.value.as_ref()
}

/// A text, or a switch as a text.
fn text(block: &Recorded, name: &str) -> Option<String> {
    match value(block, name)? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(switch) => Some(switch.to_string()),
        _ => None,
    }
}

fn number(block: &Recorded, name: &str) -> Option<i32> {
    value(block, name)?.as_i64()?.try_into().ok()
}

/// One per device: those of what it is built on, those of its own volumes, and those of its `mapping` blocks.
fn mappings(image: &Registration, said: &Said<'_>, inherited: Option<&Image>, root: &str) -> Vec<BlockDeviceMapping> {
    let old = |device: &str| {
        let mut all = inherited.map(Image::block_device_mappings).unwrap_or_default().iter();
        all.find(|mapping| mapping.device_name.as_deref() == Some(device))
    };
    let mut by_device: BTreeMap<String, BlockDeviceMapping> = BTreeMap::new();
    let inherited_root = inherited.and_then(|image| image.root_device_name.clone());
    for mapping in inherited.map(Image::block_device_mappings).unwrap_or_default() {
        let device = mapping.device_name.clone().unwrap_or_default();
        if Some(&device) != inherited_root.as_ref() {
            by_device.insert(device, without_encryption(mapping.clone()));
        }
    }
    for (index, volume) in image.manifest.volumes.iter().enumerate() {
        let block =
            blocks(&image.manifest.spec, "volume").find(|block| block.content.labels.first() == Some(&volume.name));
        let named = block.and_then(|block| text(&block.content, "device_name"));
        let device = match index {
            0 => root.to_owned(),
            _ => named.unwrap_or_else(|| further_device(index)),
        };
        let before = old(if index == 0 {
            inherited_root.as_deref().unwrap_or(root)
        } else {
            &device
        });
        let ebs = volume_mapping(
            block.map(|block| &block.content),
            before.and_then(|mapping| mapping.ebs.as_ref()),
        )
        .set_snapshot_id(image.snapshots.get(&volume.name).map(|id| id.0.clone()))
        .volume_size(gib(volume.size));
        let mapping = BlockDeviceMapping::builder().device_name(&device).ebs(ebs.build());
        by_device.insert(device, mapping.build());
    }
    for block in said.mappings() {
        let device = block.content.labels.first().cloned().unwrap_or_default();
        match text(&block.content, "suppress").as_deref() {
            Some("true") => drop(by_device.remove(&device)),
            _ => drop(by_device.insert(device.clone(), further_mapping(&device, &block.content))),
        }
    }
    by_device.into_values().collect()
}

/// Volumes behind the root, of which the first has the index 1, are `/dev/sdf`, `/dev/sdg`, ...
fn further_device(index: usize) -> String {
    devices::names()
        .nth(index - 1)
        .unwrap_or_else(|| format!("volume {index}"))
}

/// A mapping with a snapshot must not speak of encryption (EC2 API reference, EbsBlockDevice).
fn without_encryption(mut mapping: BlockDeviceMapping) -> BlockDeviceMapping {
    if let Some(ebs) = mapping.ebs.as_mut().filter(|ebs| ebs.snapshot_id.is_some()) {
        (ebs.encrypted, ebs.kms_key_id) = (None, None);
    }
    mapping
}

/// Type and speed: the block's, else those of what it is built on.
fn volume_mapping(
    block: Option<&Recorded>,
    before: Option<&EbsBlockDevice>,
) -> aws_sdk_ec2::types::builders::EbsBlockDeviceBuilder {
    let old = before.and_then(|ebs| Some(ebs.volume_type.as_ref()?.as_str().to_owned()));
    let own = block.and_then(|block| text(block, "type"));
    let kind = own.or_else(|| old.clone()).unwrap_or_else(|| USUAL_TYPE.to_owned());
    let same = old.as_deref() == Some(kind.as_str());
    let before = before.filter(|_| same);
    let iops = block
        .and_then(|block| number(block, "iops"))
        .or_else(|| before.and_then(|ebs| ebs.iops));
    let throughput = block
        .and_then(|block| number(block, "throughput"))
        .or_else(|| before.and_then(|ebs| ebs.throughput));
    EbsBlockDevice::builder()
        .volume_type(VolumeType::from(kind.as_str()))
        .set_iops(iops.filter(|_| WITH_IOPS.contains(&kind.as_str())))
        .set_throughput(throughput.filter(|_| kind == "gp3"))
        .delete_on_termination(before.and_then(|ebs| ebs.delete_on_termination).unwrap_or(true))
}

fn further_mapping(device: &str, block: &Recorded) -> BlockDeviceMapping {
    let mapping = BlockDeviceMapping::builder().device_name(device);
    if let Some(name) = text(block, "virtual_name") {
        return mapping.virtual_name(name).build();
    }
    let size = text(block, "size").and_then(|size| size.parse::<Size>().ok());
    let delete = text(block, "delete_on_termination").as_deref() != Some("false");
    let ebs = volume_mapping(Some(block), None)
        .set_snapshot_id(text(block, "snapshot"))
        .set_volume_size(size.map(gib))
        .delete_on_termination(delete);
    mapping.ebs(ebs.build()).build()
}

//! The UEFI variable store of an image on which one is built: only its owner may read it.

use aws_sdk_ec2::types::{BootModeValues, Image, ImageAttributeName};

use super::{Aws, errors};
use crate::providers::{Hidden, ProviderError};

impl Aws {
    /// What an image that is built on this one cannot take over.
    pub(super) async fn hidden(&self, image: &Image) -> Result<Vec<Hidden>, ProviderError> {
        if !may_have_uefi_data(image) || self.is_own(image).await? {
            return Ok(Vec::new());
        }
        Ok(vec![Hidden {
            argument: "uefi_data".into(),
            what: "UEFI variable store".into(),
            owner: image.owner_id.clone().unwrap_or_default(),
        }])
    }

    async fn is_own(&self, image: &Image) -> Result<bool, ProviderError> {
        let account = self.client().await?.identity().await?.account.clone();
        Ok(image.owner_id.as_deref() == Some(account.as_str()))
    }

    /// The UEFI variable store of an image, which only its owner may read.
    pub(super) async fn uefi_data(&self, image: &Image) -> Result<Option<String>, ProviderError> {
        if !may_have_uefi_data(image) || !self.is_own(image).await? {
            return Ok(None);
        }
        let id = image.image_id.clone().unwrap_or_default();
        let call = self.home().await?.ec2.describe_image_attribute().image_id(&id);
        let answer = call.attribute(ImageAttributeName::UefiData).send().await;
        let answer = answer.map_err(|error| {
            let error = errors::explain(&format!("read the UEFI variable store of {id}"), error);
            match error {
                ProviderError::Refused { what, why, .. } => ProviderError::Refused {
                    what,
                    why,
                    help: "allow ec2:DescribeImageAttribute, or write register { uefi_data = \"none\" }; the snapshots are kept".into(),
                },
                other => other,
            }
        })?;
        Ok(answer
            .uefi_data
            .and_then(|data| data.value)
            .filter(|data| !data.is_empty()))
    }
}

/// Only an image that UEFI starts has a variable store.
fn may_have_uefi_data(image: &Image) -> bool {
    matches!(
        &image.boot_mode,
        Some(BootModeValues::Uefi | BootModeValues::UefiPreferred)
    )
}

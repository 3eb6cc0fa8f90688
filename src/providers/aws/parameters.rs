//! Parameters of Systems Manager that hold the id of an image.
//!
//! A parameter is the image's if it holds the id of one of its releases, or has bake's tags with its address. One that is
//! neither is left alone, unless the module says `overwrite`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::json_api::{JsonApi, Service};
use super::tags::{self, Tags};
use super::wait::until;
use super::{Aws, errors};
use crate::address::ImageAddress;
use crate::providers::publication::{ParameterKind, ParameterPlace, Pointing, SeenParameter};
use crate::providers::{ImageId, Owner, ProviderError};

/// Most names in one question (SSM API reference, GetParameters).
const NAMES: usize = 10;
/// How long the store may look at an image id before it writes it.
const LOOKING: Duration = Duration::from_secs(300);

impl Aws {
    async fn ssm(&self, region: &str) -> Result<JsonApi, ProviderError> {
        Ok(self.client().await?.json(Service::Ssm, region))
    }

    /// One question for ten parameters of a region.
    pub(super) async fn read_parameters(&self, places: &[ParameterPlace]) -> Result<Vec<SeenParameter>, ProviderError> {
        let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for place in places {
            let names = regions.entry(&place.region).or_default();
            if !names.contains(&place.name.as_str()) {
                names.push(&place.name);
            }
        }
        let mut all = Vec::new();
        for (region, names) in regions {
            let ssm = self.ssm(region).await?;
            for names in names.chunks(NAMES) {
                let what = format!("read parameters in {region}");
                let answer = ssm.ask(&what, "GetParameters", &json!({ "Names": names })).await?;
                let found = answer["Parameters"].as_array().into_iter().flatten();
                all.extend(found.filter_map(|one| seen(region, one)));
            }
        }
        Ok(all)
    }

    async fn read_parameter(&self, place: &ParameterPlace) -> Result<Option<SeenParameter>, ProviderError> {
        let found = self.read_parameters(std::slice::from_ref(place)).await?;
        Ok(found.into_iter().next())
    }

    /// Why a parameter is not the image's; none if it is.
    pub(super) async fn whose_parameter(
        &self,
        seen: &SeenParameter,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<Option<String>, ProviderError> {
        let (place, held) = (&seen.place, &seen.value);
        if held.starts_with("ami-") {
            let there = self.region(&place.region).await?;
            let found = there.image(&ImageId(held.clone())).await?;
            let of = found.map(|found| tags::read(found.tags.as_deref()));
            if of.is_some_and(|of| is_of(&of, owner, image)) {
                return Ok(None);
            }
        }
        let tags = self.parameter_tags(place).await?;
        Ok(match tags::owner(&tags) {
            _ if is_of(&tags, owner, image) => None,
            Some(other) => Some(format!(
                "its tags say that it is of project {}, workspace {}{}",
                other.project,
                other.workspace,
                tags.get(tags::ADDRESS)
                    .map(|address| format!(", {}", tags::decode(address)))
                    .unwrap_or_default(),
            )),
            None => Some(format!(
                "it holds {held:?}, which is no image of {image}, and lacks bake's tags"
            )),
        })
    }

    async fn parameter_tags(&self, place: &ParameterPlace) -> Result<Tags, ProviderError> {
        let what = format!("read the tags of parameter {} in {}", place.name, place.region);
        let asked = json!({ "ResourceType": "Parameter", "ResourceId": place.name });
        let answer = self
            .ssm(&place.region)
            .await?
            .ask(&what, "ListTagsForResource", &asked)
            .await?;
        let all = answer["TagList"].as_array().into_iter().flatten();
        Ok(all
            .filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned())))
            .collect())
    }

    /// Writes or removes a parameter that is the image's, that nobody has, or that may be taken over.
    pub(super) async fn write_parameter(
        &self,
        wish: &Pointing,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<(), ProviderError> {
        let place = &wish.place;
        let Some(seen) = self.read_parameter(place).await? else {
            return match &wish.value {
                Some(id) => self.put_new(wish, id, owner, image).await,
                None => Ok(()),
            };
        };
        if wish.value.as_ref().is_some_and(|id| id.0 == seen.value) && seen.kind == wish.wish.kind.name() {
            return Ok(());
        }
        let stranger = self.whose_parameter(&seen, owner, image).await?;
        match (&wish.value, stranger) {
            (None, Some(_)) => Ok(()),
            (None, None) => self.remove_parameter(place).await,
            (Some(_), Some(why)) if !wish.wish.overwrite => Err(strange(place, &why)),
            (Some(id), stranger) => {
                self.put_again(wish, id).await?;
                match stranger {
                    Some(_) => self.tag_parameter(place, owner, image).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// With tags; then it cannot overwrite one that has come meanwhile.
    async fn put_new(
        &self,
        wish: &Pointing,
        id: &ImageId,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<(), ProviderError> {
        let mut asked = self.put(wish, id);
        asked["Tags"] = pairs(&self.parameter_tags_of(owner, image));
        self.ask_to_put(wish, id, &asked).await
    }

    /// Without tags: the store takes them only with a new one.
    async fn put_again(&self, wish: &Pointing, id: &ImageId) -> Result<(), ProviderError> {
        let mut asked = self.put(wish, id);
        asked["Overwrite"] = Value::Bool(true);
        self.ask_to_put(wish, id, &asked).await
    }

    fn put(&self, wish: &Pointing, id: &ImageId) -> Value {
        json!({
            "Name": wish.place.name,
            "Value": id.0,
            "Type": "String",
            "DataType": wish.wish.kind.name(),
        })
    }

    async fn ask_to_put(&self, wish: &Pointing, id: &ImageId, asked: &Value) -> Result<(), ProviderError> {
        let place = &wish.place;
        let what = format!("write parameter {} in {}", place.name, place.region);
        let ssm = self.ssm(&place.region).await?;
        // Where the answer says nothing of the effect, what stands says whether it was written.
        let written = || async {
            let stands = self.read_parameter(place).await?;
            Ok(stands.filter(|stands| stands.value == id.0).map(|_| Value::Null))
        };
        let answer = self.creating(|| ssm.call_once("PutParameter", asked), written).await?;
        match answer {
            Ok(_) => {}
            Err(error) if errors::code(&error) == Some("ParameterAlreadyExists") => {
                return Err(strange(place, "somebody wrote it just now"));
            }
            Err(error) => return Err(errors::explain(&what, error)),
        }
        match wish.wish.kind {
            ParameterKind::Text => Ok(()),
            ParameterKind::Image => self.until_written(place, id).await,
        }
    }

    /// The store answers before it has looked whether there is such an image, and writes nothing if there is none.
    async fn until_written(&self, place: &ParameterPlace, id: &ImageId) -> Result<(), ProviderError> {
        let wait = self.client().await?.wait;
        let what = format!("parameter {} in {}", place.name, place.region);
        let written = until(&wait, &what, || async {
            let stands = self.read_parameter(place).await?;
            Ok(stands.filter(|stands| stands.value == id.0).map(drop))
        });
        let in_time = tokio::time::timeout(LOOKING.min(wait.timeout.as_std()), written).await;
        in_time.unwrap_or_else(|_| {
            Err(ProviderError::Refused {
                what: format!("cannot write {what}"),
                why: format!("Systems Manager took {id}, and did not write it"),
                help: "it writes only ids of images that it can see: these credentials need ec2:DescribeImages there; \
                       or leave out type = \"aws:ec2:image\""
                    .into(),
            })
        })
    }

    async fn remove_parameter(&self, place: &ParameterPlace) -> Result<(), ProviderError> {
        let ssm = self.ssm(&place.region).await?;
        match ssm.call("DeleteParameter", &json!({ "Name": place.name })).await {
            Ok(_) => Ok(()),
            Err(error) if errors::code(&error) == Some("ParameterNotFound") => Ok(()),
            Err(error) => {
                let what = format!("remove parameter {} in {}", place.name, place.region);
                Err(errors::explain(&what, error))
            }
        }
    }

    async fn tag_parameter(
        &self,
        place: &ParameterPlace,
        owner: &Owner,
        image: &ImageAddress,
    ) -> Result<(), ProviderError> {
        let what = format!("tag parameter {} in {}", place.name, place.region);
        let tags = pairs(&self.parameter_tags_of(owner, image));
        let asked = json!({ "ResourceType": "Parameter", "ResourceId": place.name, "Tags": tags });
        let answer = self
            .ssm(&place.region)
            .await?
            .ask(&what, "AddTagsToResource", &asked)
            .await;
        answer.map(drop)
    }

    /// Whose it is, beside the tags that all has.
    fn parameter_tags_of(&self, owner: &Owner, image: &ImageAddress) -> Tags {
        let mut all = self.settings.default_tags.clone();
        let own = [
            (tags::PROJECT, owner.project.as_str()),
            (tags::WORKSPACE, owner.workspace.as_str()),
            (tags::ADDRESS, &image.to_string()),
        ];
        all.extend(own.map(|(key, value)| (key.to_owned(), tags::encode(value))));
        all
    }
}

fn seen(region: &str, one: &Value) -> Option<SeenParameter> {
    Some(SeenParameter {
        place: ParameterPlace {
            region: region.to_owned(),
            name: one["Name"].as_str()?.to_owned(),
        },
        value: one["Value"].as_str()?.to_owned(),
        kind: one["DataType"].as_str().unwrap_or("text").to_owned(),
    })
}

/// Whether tags say that something belongs to an image, or to a node of it.
fn is_of(tags: &Tags, owner: &Owner, image: &ImageAddress) -> bool {
    let address = tags.get(tags::ADDRESS).map(|address| tags::decode(address));
    let address = address.and_then(|address| address.parse::<crate::address::Address>().ok());
    tags::owner(tags).as_ref() == Some(owner) && address.is_some_and(|address| address.image == *image)
}

fn strange(place: &ParameterPlace, why: &str) -> ProviderError {
    ProviderError::Refused {
        what: format!("cannot write parameter {} in {}", place.name, place.region),
        why: why.to_owned(),
        help: "choose another name, or write overwrite = true in the parameter block to take it over".into(),
    }
}

fn pairs(tags: &Tags) -> Value {
    let pair = |(key, value): (&String, &String)| json!({ "Key": key, "Value": value });
    tags.iter().map(pair).collect()
}

//! A parameter that holds the id of the current release in each region: switched when all else is done.

use serde::{Deserialize, Serialize};

use super::share::{Subject, publishing};
use super::{Context, Keeper, Kind, Lifetime, Need, NodeError};
use crate::address::Address;
use crate::providers::Marker;
use crate::providers::publication::{ParameterPlace, ParameterWish, Pointing};
use crate::spec::ProviderKey;

/// A parameter to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Whose images.
    pub provider: ProviderKey,
    /// The node of the image: [`super::Image`] or [`super::Update`].
    pub image: Address,
    /// `/images/web/latest`
    pub name: String,
    /// How it is written.
    #[serde(default)]
    pub wish: ParameterWish,
    /// By region, what it is to hold there; none: it is to go.
    pub places: Vec<(String, Option<Subject>)>,
    /// What must have happened: copies and shares are done.
    pub after: Vec<Need>,
}

impl Kind for Parameter {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Journal;

    fn needs(&self) -> Vec<Need> {
        let subjects = self.places.iter().filter_map(|(_, subject)| subject.as_ref());
        let made = subjects.filter_map(|subject| subject.need(&self.image));
        made.chain(self.after.iter().cloned()).collect()
    }

    async fn open(&self, at: &Address, marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let publishing = publishing(cx.providers.get(&self.provider)?)?;
        for (region, subject) in &self.places {
            let value = subject.as_ref().map(|subject| subject.id(&self.image, cx));
            let wish = Pointing {
                place: ParameterPlace {
                    region: region.clone(),
                    name: self.name.clone(),
                },
                value: value.transpose()?,
                wish: self.wish.clone(),
            };
            publishing.point(&wish, &marker.owner, &at.image).await?;
        }
        Ok(())
    }
}

//! What stands according to a journal: a pure fold over its records. A history that cannot have happened is an error.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::host::machine::Process;
use crate::nodes::{Handle, Keeper, NodeKind};
use crate::providers::{Marker, RunId};
use crate::spec::ProviderSettings;

use super::record::{Outcome, Record};

/// What a run left.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Which run; none if it ended before its first line was whole.
    pub run: Option<RunId>,
    /// When it began, RFC 3339.
    pub began: String,
    /// Its providers.
    pub providers: Vec<ProviderSettings>,
    /// Every node that was touched, in the order in which they were.
    pub nodes: Vec<(Address, Place)>,
    /// Where each is in `nodes`.
    index: BTreeMap<Address, usize>,
    /// Helper processes that it started, and whether they were told to outlive it.
    pub helpers: Vec<(Process, bool)>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// Where a node is.
#[derive(Debug, Clone)]
pub enum Place {
    /// It was about to be made; nobody knows whether it was.
    Intended {
        /// Its kind.
        kind: NodeKind,
        /// By which it is found.
        marker: Marker,
    },
    /// It stands.
    Open {
        /// What closing needs.
        handle: Handle,
    },
    /// It is gone, or was never made.
    Closed,
}

impl Standing {
    /// Reads a history.
    ///
    /// # Errors
    /// [`Impossible`] with the number of the record that cannot follow those before it.
    pub fn fold(records: &[Record]) -> Result<Standing, Impossible> {
        let mut standing = Standing {
            run: None,
            began: String::new(),
            providers: Vec::new(),
            nodes: Vec::new(),
            index: BTreeMap::new(),
            helpers: Vec::new(),
            outcome: None,
        };
        for (number, record) in records.iter().enumerate() {
            let impossible = |why: String| Impossible {
                number: number + 1,
                why,
            };
            standing.add(record).map_err(impossible)?;
        }
        Ok(standing)
    }

    fn add(&mut self, record: &Record) -> Result<(), String> {
        if let Record::Began { run, at, providers, .. } = record {
            return self.begin(run, at, providers);
        }
        if self.run.is_none() {
            return Err("the run has not begun".into());
        }
        match record {
            Record::Began { .. } => Ok(()),
            Record::Intent { address, kind, marker } => {
                let place = Place::Intended {
                    kind: *kind,
                    marker: marker.clone(),
                };
                self.intend(address, place)
            }
            Record::Opened { address, handle } => self.open(address, handle),
            Record::Closed { address } => self.close(address),
            Record::Stuck { address, .. } => match self.place(address) {
                Some(Place::Intended { .. } | Place::Open { .. }) => Ok(()),
                _ => Err(format!("{address} is stuck but does not stand")),
            },
            Record::Helper { process, kept, .. } => {
                self.helpers.push((*process, *kept));
                Ok(())
            }
            Record::Ended { outcome } => {
                self.outcome = Some(*outcome);
                Ok(())
            }
        }
    }

    fn begin(&mut self, run: &RunId, at: &str, providers: &[ProviderSettings]) -> Result<(), String> {
        if self.run.is_some() {
            return Err("the run has begun already".into());
        }
        self.run = Some(run.clone());
        self.began = at.to_owned();
        self.providers = providers.to_vec();
        Ok(())
    }

    fn intend(&mut self, address: &Address, place: Place) -> Result<(), String> {
        match (self.outcome, self.place(address)) {
            (Some(_), _) => Err(format!("{address} is begun after the end")),
            (None, Some(_)) => Err(format!("{address} is begun twice")),
            (None, None) => {
                self.index.insert(address.clone(), self.nodes.len());
                self.nodes.push((address.clone(), place));
                Ok(())
            }
        }
    }

    fn open(&mut self, address: &Address, handle: &Handle) -> Result<(), String> {
        let kept_by_helper = handle.kind().keeper() == Keeper::Helper;
        let opened = Place::Open { handle: handle.clone() };
        match self.place(address) {
            Some(Place::Intended { kind, .. }) if *kind != handle.kind() => {
                Err(format!("{address} has changed its kind"))
            }
            Some(place @ Place::Intended { .. }) => {
                *place = opened;
                Ok(())
            }
            None if kept_by_helper => self.intend(address, opened),
            None => Err(format!("{address} is open but was never begun")),
            Some(_) => Err(format!("{address} is opened twice")),
        }
    }

    fn close(&mut self, address: &Address) -> Result<(), String> {
        match self.place(address) {
            Some(place @ (Place::Intended { .. } | Place::Open { .. })) => {
                *place = Place::Closed;
                Ok(())
            }
            _ => Err(format!("{address} is closed but does not stand")),
        }
    }

    fn place(&mut self, address: &Address) -> Option<&mut Place> {
        let at = *self.index.get(address)?;
        Some(&mut self.nodes[at].1)
    }
}

/// A history that cannot have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {number} cannot be: {why}")]
pub struct Impossible {
    /// Which record, from 1.
    pub number: usize,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::ImageAddress;
    use crate::digest::Digest;
    use crate::nodes::volume::VolumeHandle;
    use crate::providers::{Owner, VolumeId};
    use crate::spec::ProviderKey;

    fn at(node: u8) -> Address {
        ImageAddress::new("web", None).node("volume", node.to_string())
    }

    fn began() -> Record {
        Record::Began {
            run: RunId("r".into()),
            plan: Digest::of(b""),
            at: String::new(),
            providers: Vec::new(),
        }
    }

    fn intent(node: u8) -> Record {
        let owner = Owner {
            project: "p".into(),
            workspace: "w".into(),
        };
        let (address, run) = (at(node), RunId("r".into()));
        let marker = Marker {
            token: node.to_string(),
            owner,
            address: address.clone(),
            run,
            host: "h".into(),
            provider: None,
        };
        Record::Intent {
            address,
            kind: NodeKind::Volume,
            marker,
        }
    }

    fn opened(node: u8) -> Record {
        let provider = ProviderKey {
            kind: "local".into(),
            alias: None,
        };
        let handle = VolumeHandle {
            provider,
            id: VolumeId(node.to_string()),
        };
        Record::Opened {
            address: at(node),
            handle: Handle::Volume { handle },
        }
    }

    fn closed(node: u8) -> Record {
        Record::Closed { address: at(node) }
    }

    /// Where a node is after so many of its own records: intent, opened, closed.
    fn name(place: &Place) -> u8 {
        match place {
            Place::Intended { .. } => 1,
            Place::Open { .. } => 2,
            Place::Closed => 3,
        }
    }

    proptest! {
        /// Whatever the order in which nodes take their turns, and wherever the history is cut off.
        #[test]
        fn every_possible_history_folds_to_what_stands(turns in prop::collection::vec(0u8..5, 0..20), cut in 0usize..21) {
            let mut stages: BTreeMap<u8, u8> = BTreeMap::new();
            let mut records = vec![began()];
            for node in turns.into_iter().take(cut) {
                let stage = stages.entry(node).or_default();
                match stage {
                    0 => records.push(intent(node)),
                    1 => records.push(opened(node)),
                    2 => records.push(closed(node)),
                    _ => continue,
                }
                *stage += 1;
            }
            let standing = Standing::fold(&records).unwrap();
            let found: BTreeMap<Address, u8> = standing.nodes.iter().map(|(at, place)| (at.clone(), name(place))).collect();
            prop_assert_eq!(found, stages.into_iter().map(|(node, stage)| (at(node), stage)).collect());
        }

        /// A record that is left out of a history, other than at its end, is noticed.
        #[test]
        fn a_history_with_a_hole_is_impossible(hole in 0usize..3) {
            let mut records = vec![began(), intent(1), opened(1), closed(1)];
            records.remove(hole);
            prop_assert!(hole == 2 || Standing::fold(&records).is_err());
        }
    }

    #[test]
    fn what_cannot_have_happened_is_refused() {
        for (records, number) in [
            (vec![began(), began()], 2),
            (vec![intent(1)], 1),
            (vec![began(), opened(1)], 2),
            (vec![began(), intent(1), intent(1)], 3),
            (vec![began(), intent(1), opened(1), opened(1)], 4),
            (vec![began(), intent(1), closed(1), closed(1)], 4),
            (vec![began(), Record::Ended { outcome: Outcome::Done }, intent(1)], 3),
        ] {
            assert_eq!(Standing::fold(&records).unwrap_err().number, number);
        }
    }
}

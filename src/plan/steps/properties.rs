//! The rules of the walk, held against random graphs, faults and schedules.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::address::ImageAddress;

/// How a step goes, as drawn: the world's side of it.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Good,
    /// Nothing happened; of a close: it went, but wrongly.
    Bad,
    /// The answer was lost after the effect; of a close: it stands still.
    Lost,
}

#[derive(Debug, Clone)]
struct Case {
    nodes: Vec<StepNode>,
    /// Of the open and of the close of each node.
    luck: Vec<(Luck, Luck)>,
    /// Which of the things that may happen next does, as a number to be reduced.
    schedule: Vec<usize>,
    /// Before which event the stop comes, if one does.
    stop: Option<usize>,
    /// Before which event an image is kept, and which.
    keep: Option<(usize, bool)>,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![8 => Just(Luck::Good), 1 => Just(Luck::Bad), 1 => Just(Luck::Lost)]
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    prop_oneof![
        4 => Just(Lifetime::Ephemeral),
        2 => Just(Lifetime::Part),
        1 => Just(Lifetime::Lasting),
        2 => Just(Lifetime::Effect),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![12 => Just(When::Needed), 1 => Just(When::OnFailure), 1 => Just(When::Always)]
}

/// A node before its needs are known to make sense: each wish is an earlier node, and whether its close is waited for.
type Wish = (Lifetime, When, bool, Vec<(prop::sample::Index, bool)>);

fn cases() -> impl Strategy<Value = Case> {
    let wish = (
        lifetime(),
        when(),
        any::<bool>(),
        prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.3)), 0..4),
    );
    prop::collection::vec(wish, 1..14).prop_flat_map(|wishes: Vec<Wish>| {
        let nodes = sensible(&wishes);
        let count = nodes.len();
        (
            Just(nodes),
            prop::collection::vec((luck(), luck()), count),
            prop::collection::vec(any::<usize>(), 4 * count + 4),
            prop::option::weighted(0.4, 0..3 * count + 1),
            prop::option::weighted(0.2, (0..3 * count + 1, any::<bool>())),
        )
            .prop_map(|(nodes, luck, schedule, stop, keep)| Case {
                nodes,
                luck,
                schedule,
                stop,
                keep,
            })
    })
}

/// Takes of the wishes those needs with which the nodes still make a walk.
fn sensible(wishes: &[Wish]) -> Vec<StepNode> {
    let mut nodes: Vec<StepNode> = Vec::new();
    for (i, (lifetime, when, first, needs)) in wishes.iter().enumerate() {
        let image = ImageAddress::new(if *first { "a" } else { "b" }, None);
        let (lifetime, when) = match when {
            When::Needed => (*lifetime, When::Needed),
            hook => (Lifetime::Effect, *hook),
        };
        nodes.push(StepNode {
            address: image.node("n", i.to_string()),
            lifetime,
            when,
            needs: Vec::new(),
        });
        for (index, closed) in needs.iter().filter(|_| i > 0) {
            let other = &nodes[index.index(i)];
            let need = match *closed && other.lifetime == Lifetime::Ephemeral {
                true => Need::Closed(other.address.clone()),
                false => Need::Opened(other.address.clone()),
            };
            nodes[i].needs.push(need);
            if Walk::new(&nodes).is_err() {
                nodes[i].needs.pop();
            }
        }
    }
    nodes
}

/// What really stands, kept apart from what the walk believes.
struct World<'a> {
    case: &'a Case,
    standing: BTreeSet<usize>,
    whole: BTreeSet<usize>,
    closed_well: BTreeSet<usize>,
    stopped: bool,
}

impl World<'_> {
    fn place(&self, need: &Need) -> usize {
        let at = need.address();
        self.case.nodes.iter().position(|node| node.address == *at).unwrap()
    }

    fn users(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let opened = Need::Opened(self.case.nodes[node].address.clone());
        (0..self.case.nodes.len()).filter(move |user| self.case.nodes[*user].needs.contains(&opened))
    }

    /// What must hold when a step begins.
    fn permits(&self, step: Step, running: &BTreeSet<Step>) -> Result<(), TestCaseError> {
        let node = &self.case.nodes[step.node];
        if step.half == Half::Close {
            prop_assert!(
                self.standing.contains(&step.node),
                "{} is closed but does not stand",
                node.address
            );
            for user in self.users(step.node) {
                let uses = Step {
                    node: user,
                    half: Half::Open,
                };
                let lasts = match self.case.nodes[user].lifetime {
                    Lifetime::Ephemeral => false,
                    Lifetime::Part => self.whole.contains(&user),
                    Lifetime::Lasting | Lifetime::Effect => true,
                };
                let holds = self.standing.contains(&user) && !lasts;
                prop_assert!(
                    !(running.contains(&uses) && self.whole.contains(&step.node)),
                    "{} is closed while {user} uses it",
                    node.address
                );
                prop_assert!(!holds, "{} is closed under {user}", node.address);
            }
            return Ok(());
        }
        prop_assert!(
            !self.stopped || node.when == When::Always,
            "{} is opened after the stop",
            node.address
        );
        if node.when != When::Needed {
            return Ok(());
        }
        for need in &node.needs {
            let other = self.place(need);
            let closing = running.contains(&Step {
                node: other,
                half: Half::Close,
            });
            match need {
                Need::Opened(at) => {
                    prop_assert!(
                        self.whole.contains(&other),
                        "{} uses {at}, which is not open",
                        node.address
                    );
                    prop_assert!(!closing, "{} uses {at}, which is being closed", node.address);
                }
                Need::Closed(at) => {
                    prop_assert!(
                        self.closed_well.contains(&other),
                        "{} runs before {at} is closed",
                        node.address
                    );
                }
            }
        }
        Ok(())
    }

    /// The effect of a step, and what the walk is told.
    fn happen(&mut self, step: Step) -> Outcome {
        let (open, close) = self.case.luck[step.node];
        let lifetime = self.case.nodes[step.node].lifetime;
        match (step.half, if step.half == Half::Open { open } else { close }) {
            (Half::Open, Luck::Bad) => Outcome::Failed,
            (Half::Open, Luck::Good) => {
                self.standing.insert(step.node);
                self.whole.insert(step.node);
                Outcome::Done
            }
            // What is looked up and found of a lasting node is kept; an effect leaves nothing to be found.
            (Half::Open, Luck::Lost) => match lifetime {
                Lifetime::Effect => Outcome::Failed,
                Lifetime::Lasting => {
                    self.standing.insert(step.node);
                    self.whole.insert(step.node);
                    Outcome::Done
                }
                Lifetime::Ephemeral | Lifetime::Part => {
                    self.standing.insert(step.node);
                    Outcome::Stands
                }
            },
            (Half::Close, luck) => {
                let was_whole = self.whole.remove(&step.node);
                if matches!(luck, Luck::Lost) {
                    return Outcome::Stands;
                }
                self.standing.remove(&step.node);
                if matches!(luck, Luck::Bad) {
                    return Outcome::Failed;
                }
                if was_whole {
                    self.closed_well.insert(step.node);
                }
                Outcome::Done
            }
        }
    }

    /// What must hold at the end.
    fn is_left_well(&self, walk: &Walk) -> Result<(), TestCaseError> {
        for (node, state) in self.case.nodes.iter().enumerate() {
            let fate = walk.fate(node);
            let stands = self.standing.contains(&node);
            prop_assert!(fate != Fate::Pending, "{} never settles", state.address);
            if stands && state.lifetime == Lifetime::Ephemeral {
                prop_assert!(
                    matches!(fate, Fate::Stuck | Fate::Kept),
                    "{} is left standing: {fate:?}",
                    state.address
                );
            }
            if stands && state.lifetime == Lifetime::Part {
                let lasting = |owner: &usize| self.case.nodes[*owner].lifetime == Lifetime::Lasting;
                let owned = self
                    .users(node)
                    .filter(lasting)
                    .any(|owner| self.whole.contains(&owner));
                let reported = matches!(fate, Fate::Stuck | Fate::Kept | Fate::Resumable);
                prop_assert!(owned || reported, "{} is left standing: {fate:?}", state.address);
            }
            if fate == Fate::Resumable {
                prop_assert!(self.whole.contains(&node), "{} is not whole", state.address);
            }
            if fate == Fate::Stuck {
                prop_assert!(stands, "{} is called stuck but is gone", state.address);
            }
            if fate == Fate::Skipped && state.when == When::Needed && !self.stopped {
                let unmet = |need: &Need| match need {
                    Need::Opened(_) => {
                        !matches!(self.case.luck[self.place(need)].0, Luck::Good)
                            || walk.fate(self.place(need)) != Fate::Done
                    }
                    Need::Closed(_) => !self.closed_well.contains(&self.place(need)),
                };
                prop_assert!(
                    state.needs.iter().any(unmet),
                    "{} is skipped without a reason",
                    state.address
                );
            }
        }
        Ok(())
    }
}

fn run(case: &Case) -> Result<(), TestCaseError> {
    let mut walk = Walk::new(&case.nodes).unwrap();
    let mut world = World {
        case,
        standing: BTreeSet::new(),
        whole: BTreeSet::new(),
        closed_well: BTreeSet::new(),
        stopped: false,
    };
    let mut running: BTreeSet<Step> = BTreeSet::new();
    for (event, choice) in case.schedule.iter().enumerate() {
        if case.stop == Some(event) {
            world.stopped = true;
            walk.stop();
        }
        if let Some((_, first)) = case.keep.filter(|(at, _)| *at == event) {
            walk.keep(&ImageAddress::new(if first { "a" } else { "b" }, None));
        }
        // Either a ready step begins or a running one settles: whichever the schedule names.
        let ready: Vec<Step> = walk.ready().collect();
        let Some(pick) = choice.checked_rem(ready.len() + running.len()) else {
            break;
        };
        match ready.get(pick) {
            Some(step) => {
                world.permits(*step, &running)?;
                walk.begin(*step);
                running.insert(*step);
            }
            None => {
                let step = *running.iter().nth(pick - ready.len()).unwrap();
                running.remove(&step);
                let outcome = world.happen(step);
                walk.settle(step, outcome);
            }
        }
    }
    prop_assert!(walk.is_over(), "the walk does not end");
    world.is_left_well(&walk)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_whatever_happens(case in cases()) {
        run(&case)?;
    }
}

fn node(name: &str, lifetime: Lifetime, needs: &[Need]) -> StepNode {
    StepNode {
        address: at(name),
        lifetime,
        when: When::Needed,
        needs: needs.to_vec(),
    }
}

fn at(name: &str) -> Address {
    ImageAddress::new("web", None).only(name)
}

fn opened(name: &str) -> Need {
    Need::Opened(at(name))
}

/// An image with a volume, a mount, a step and a snapshot.
fn small() -> Vec<StepNode> {
    vec![
        node("volume", Lifetime::Ephemeral, &[]),
        node("mount", Lifetime::Ephemeral, &[opened("volume")]),
        node("step", Lifetime::Effect, &[opened("mount")]),
        node(
            "snapshot",
            Lifetime::Part,
            &[opened("volume"), opened("step"), Need::Closed(at("mount"))],
        ),
        node("image", Lifetime::Lasting, &[opened("snapshot")]),
    ]
}

fn drive(walk: &mut Walk, failing: Option<Step>) -> Vec<Step> {
    let mut order = Vec::new();
    while let Some(step) = walk.first() {
        walk.begin(step);
        walk.settle(
            step,
            if Some(step) == failing {
                Outcome::Failed
            } else {
                Outcome::Done
            },
        );
        order.push(step);
    }
    order
}

#[test]
fn the_mount_is_closed_in_the_middle_and_the_volume_after_the_snapshot() {
    let mut walk = Walk::new(&small()).unwrap();
    let order = drive(&mut walk, None);
    let place = |node, half| order.iter().position(|step| *step == Step { node, half }).unwrap();
    assert!(place(1, Half::Close) < place(3, Half::Open));
    assert!(place(3, Half::Open) < place(0, Half::Close));
    assert!((0..5).all(|node| walk.fate(node) == Fate::Done));
}

#[test]
fn a_snapshot_whose_image_failed_is_resumable() {
    let mut walk = Walk::new(&small()).unwrap();
    drive(
        &mut walk,
        Some(Step {
            node: 4,
            half: Half::Open,
        }),
    );
    assert_eq!(walk.fate(3), Fate::Resumable);
    assert_eq!(walk.fate(0), Fate::Done);
}

#[test]
fn a_mount_that_went_wrongly_is_not_snapshotted() {
    let mut walk = Walk::new(&small()).unwrap();
    drive(
        &mut walk,
        Some(Step {
            node: 1,
            half: Half::Close,
        }),
    );
    assert_eq!(
        [1, 3, 4].map(|node| walk.fate(node)),
        [Fate::Failed, Fate::Skipped, Fate::Skipped]
    );
    assert_eq!(walk.fate(0), Fate::Done);
}

#[test]
fn hooks_of_a_failure_run_while_the_mount_stands() {
    let mut nodes = small();
    let hook = |name, when| StepNode {
        when,
        ..node(name, Lifetime::Effect, &[opened("step"), opened("mount")])
    };
    nodes.push(hook("on_failure", When::OnFailure));
    nodes.push(hook("always", When::Always));
    let mut walk = Walk::new(&nodes).unwrap();
    let order = drive(
        &mut walk,
        Some(Step {
            node: 2,
            half: Half::Open,
        }),
    );
    let place = |node, half| order.iter().position(|step| *step == Step { node, half }).unwrap();
    assert!(place(5, Half::Open) < place(1, Half::Close));
    let mut walk = Walk::new(&nodes).unwrap();
    drive(&mut walk, None);
    assert_eq!([5, 6].map(|node| walk.fate(node)), [Fate::Skipped, Fate::Done]);
}

#[test]
fn what_makes_no_walk_is_refused() {
    let circle = [
        node("a", Lifetime::Effect, &[opened("b")]),
        node("b", Lifetime::Effect, &[opened("a")]),
    ];
    assert_eq!(Walk::new(&circle).unwrap_err(), BadWalk::Circle(vec![at("a"), at("b")]));
    let unknown = [node("a", Lifetime::Effect, &[opened("b")])];
    assert!(matches!(Walk::new(&unknown), Err(BadWalk::Unknown { .. })));
    let stays = [
        node("a", Lifetime::Lasting, &[]),
        node("b", Lifetime::Effect, &[Need::Closed(at("a"))]),
    ];
    assert!(matches!(Walk::new(&stays), Err(BadWalk::Stays { .. })));
}

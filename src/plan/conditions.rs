//! Conditions: judged by the plan as far as the fate of images settles them; the rest becomes nodes, which an apply looks at
//! as soon as the images stand for which they wait.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::outputs::{Known, waits_for};
use crate::address::{Address, ImageAddress};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::value::Value;
use crate::module::conditions::{Guards, Waiting, showable};
use crate::nodes::{Condition, Need, Node, NodeData};

/// What came of the conditions that waited for a plan.
#[derive(Default)]
pub struct Judged {
    /// What does not hold, and what nobody can look at.
    pub found: Diagnostics,
    /// What only an apply can judge, with what is known put in.
    pub waiting: Vec<Waiting>,
}

impl Judged {
    /// Of these, with what the plan knows.
    pub fn of(conditions: &[Waiting], known: &Known) -> Judged {
        let mut judged = Judged::default();
        for one in conditions {
            let condition = settled(&one.condition, known);
            if condition.value.is_known() {
                let message = condition.message.as_ref().and_then(Value::as_str);
                judged.found.extend(condition.judge(&condition.value, message).err());
            } else if waits_for(&condition.value).is_empty() || condition.value.contains_sensitive() {
                judged.found.push(out_of_reach(&condition));
            } else {
                let guards = one.guards.clone();
                judged.waiting.push(Waiting { condition, guards });
            }
        }
        judged
    }
}

fn settled(condition: &Condition, known: &Known) -> Condition {
    Condition {
        value: known.settle(&condition.value),
        message: condition
            .message
            .as_ref()
            .map(|message| showable(known.settle(message))),
        ..condition.clone()
    }
}

/// Of one that waits for the clock, or holds a secret, which is in no plan: what it waits for, and why no apply looks at it.
fn out_of_reach(condition: &Condition) -> Diagnostic {
    let value = &condition.value;
    let leaves = value.leaves().into_iter().map(|(of, name)| format!("{of}.{name}"));
    let leaves: Vec<String> = leaves.collect();
    let what = match (leaves.as_slice(), value.volatile()) {
        ([], Some(function)) => format!("{function}() is computed by apply"),
        ([], None) => "it reads what is known only after apply".to_owned(),
        ([one], _) => format!("{one} is known only after apply"),
        (all, _) => format!("{} are known only after apply", all.join(", ")),
    };
    let warning = Diagnostic::warning("a condition could not be looked at yet").label(&condition.span, what);
    let secret = value.contains_sensitive();
    let why = match (secret, leaves.is_empty()) {
        (true, _) => "it reads a secret, which no plan holds: an apply cannot look at it",
        (false, _) => "it waits for no image: an apply looks only at conditions that do",
    };
    let advice = match leaves.is_empty() {
        false => "bake plan looks at it again when the image stands",
        true => "give it what it compares in a variable, such as -var today=2026-01-31, and a plan can look at it",
    };
    warning.note(why).help(advice)
}

/// Adds a node for each, and makes what it guards wait for it. One whose images the plan does not build is left out: a later
/// plan knows their ids.
pub fn place(conditions: &[Waiting], nodes: &mut Vec<Arc<Node>>) {
    if conditions.is_empty() {
        return;
    }
    let built: BTreeSet<Address> = nodes.iter().map(|node| node.address.clone()).collect();
    for (index, one) in conditions.iter().enumerate() {
        let message = one.condition.message.iter();
        let waits: BTreeSet<ImageAddress> = message.chain([&one.condition.value]).flat_map(waits_for).collect();
        let (Some(first), true) = (waits.first(), waits.iter().all(|image| built.contains(&image.itself()))) else {
            continue;
        };
        let image = match &one.guards {
            Guards::Image(image) | Guards::On(image) => image,
            Guards::Module(_) | Guards::Nothing => first,
        };
        let address = image.node("condition", (index + 1).to_string());
        let guarded = |node: &&mut Arc<Node>| !waits.contains(&node.address.image) && waits_behind(node, &one.guards);
        for node in nodes.iter_mut().filter(guarded) {
            after(&mut Arc::make_mut(node).data, &address);
        }
        let condition = Condition {
            after: waits.iter().map(|image| Need::Opened(image.itself())).collect(),
            ..one.condition.clone()
        };
        nodes.push(Arc::new(Node {
            address,
            span: Some(condition.span.clone()),
            summary: "look whether a condition holds".to_owned(),
            data: condition.into(),
            content: None,
            digest: None,
        }));
    }
}

/// Whether a node may not begin before the condition holds.
fn waits_behind(node: &Node, guards: &Guards) -> bool {
    let image = &node.address.image;
    match guards {
        Guards::Image(guarded) => image == guarded,
        Guards::On(base) => image != base && node.data.needs().contains(&Need::Opened(base.itself())),
        Guards::Module(module) => module.holds(&image.module),
        Guards::Nothing => false,
    }
}

/// Those with which the work on an image begins.
fn after(data: &mut NodeData, condition: &Address) {
    let after = match data {
        NodeData::Volume(volume) => &mut volume.after,
        NodeData::Image(image) => &mut image.after,
        NodeData::Update(update) => &mut update.after,
        _ => return,
    };
    after.push(Need::Opened(condition.clone()));
}

//! The graph as DOT, Mermaid or JSON, opens and closes included.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use serde_json::{Value, json};

use super::{Moment, walk};
use crate::event::Half;
use crate::nodes::Node;

/// Version of the JSON form, raised when it changes.
pub const FORMAT: u32 = 1;

/// The walk over nodes, in the order in which they were given.
struct Printed<'a> {
    moments: Vec<(Moment, &'a Node)>,
    /// From what waits to what it waits for, by place in `moments`.
    edges: Vec<(usize, usize)>,
}

impl Printed<'_> {
    fn of(nodes: &[Arc<Node>]) -> Printed<'_> {
        let graph = walk(nodes);
        let by: BTreeMap<_, _> = nodes.iter().map(|node| (&node.address, node)).collect();
        let moments = graph
            .node_weights()
            .map(|moment| (moment.clone(), by[&moment.0].as_ref()))
            .collect();
        let mut edges: Vec<(usize, usize)> = graph
            .edge_references()
            .map(|edge| (edge.source().index(), edge.target().index()))
            .collect();
        edges.sort_unstable();
        Printed { moments, edges }
    }
}

/// For Graphviz; an arrow means "waits for".
pub fn dot(nodes: &[Arc<Node>]) -> String {
    let printed = Printed::of(nodes);
    let mut text = String::from("digraph bake {\n  rankdir = \"RL\";\n  node [shape = box];\n");
    for (moment, _) in &printed.moments {
        let style = if moment.1 == Half::Close {
            " [style = dashed]"
        } else {
            ""
        };
        let _ = writeln!(text, "  {}{style};", quoted(&title(moment)));
    }
    for (from, to) in &printed.edges {
        let (from, to) = (&printed.moments[*from].0, &printed.moments[*to].0);
        let _ = writeln!(text, "  {} -> {};", quoted(&title(from)), quoted(&title(to)));
    }
    text + "}\n"
}

/// For Mermaid; an arrow means "waits for".
pub fn mermaid(nodes: &[Arc<Node>]) -> String {
    let printed = Printed::of(nodes);
    let mut text = String::from("flowchart RL\n");
    for (index, (moment, _)) in printed.moments.iter().enumerate() {
        let title = title(moment).replace('"', "#quot;");
        let (open, close) = if moment.1 == Half::Close {
            ("([\"", "\"])")
        } else {
            ("[\"", "\"]")
        };
        let _ = writeln!(text, "  n{index}{open}{title}{close}");
    }
    for (from, to) in &printed.edges {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    text
}

/// As JSON: `{format_version, nodes: [{address, half, kind, summary, after: [{address, half}]}]}`.
pub fn to_json(nodes: &[Arc<Node>]) -> Value {
    let printed = Printed::of(nodes);
    let mut after: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for (from, to) in &printed.edges {
        let (address, half) = &printed.moments[*to].0;
        after
            .entry(*from)
            .or_default()
            .push(json!({ "address": address, "half": half }));
    }
    let each = printed
        .moments
        .iter()
        .enumerate()
        .map(|(index, ((address, half), node))| {
            json!({
                "address": address,
                "half": half,
                "kind": node.data.kind(),
                "summary": node.summary,
                "digest": node.digest,
                "after": after.remove(&index).unwrap_or_default(),
            })
        });
    let nodes: Vec<Value> = each.collect();
    json!({ "format_version": FORMAT, "nodes": nodes })
}

fn title((address, half): &Moment) -> String {
    match half {
        Half::Open => address.to_string(),
        Half::Close => format!("close {address}"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

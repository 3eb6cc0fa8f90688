//! Which image needs which: the order in which they are compiled, and the error when they need each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::algo::tarjan_scc;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::spec::{ImageSpec, Source};

/// An image that another one needs, and the place that says so.
pub type Dependency = (ImageAddress, Span);

/// Every image that this one needs: its source, `depends_on`, and images whose outputs its values read.
pub fn dependencies(spec: &ImageSpec) -> Vec<Dependency> {
    let source = match &spec.source {
        Source::Image(base) => Some((base.value.clone(), base.span.clone())),
        _ => None,
    };
    let listed = spec.depends_on.iter().map(|one| (one.value.clone(), one.span.clone()));
    let read = read_images(spec)
        .into_iter()
        .filter(|(address, _)| *address != spec.address);
    source.into_iter().chain(listed).chain(read).collect()
}

/// Images whose outputs this image's values wait for.
pub fn read_images(spec: &ImageSpec) -> Vec<Dependency> {
    let read = [&spec.name, &spec.description, &spec.publish.tags];
    let leaves = read.into_iter().flatten().flat_map(|value| {
        let images = value.value.leaves().into_iter().map(|(of, _)| of.image);
        images.map(|image| (image, value.span.clone()))
    });
    leaves.filter(|(image, _)| *image != spec.address).collect()
}

/// The images, each behind those that it needs; otherwise in the order of their addresses.
///
/// # Errors
/// A cycle, with the line of each edge; an image that does not exist.
pub fn order(images: &[Arc<ImageSpec>]) -> Result<Vec<usize>, Diagnostics> {
    let mut graph = StableDiGraph::<usize, Span>::new();
    let at: BTreeMap<&ImageAddress, NodeIndex> = images
        .iter()
        .enumerate()
        .map(|(index, spec)| (&spec.address, graph.add_node(index)))
        .collect();
    let mut errors = Diagnostics::new();
    for spec in images {
        for (needed, span) in dependencies(spec) {
            match at.get(&needed) {
                Some(base) => {
                    graph.add_edge(at[&spec.address], *base, span);
                }
                None => errors.push(
                    Diagnostic::error(format!("{needed} is not declared"))
                        .label(&span, format!("{} needs it", spec.address)),
                ),
            }
        }
    }
    // Components come needed ones first; a component of several, or with an edge to itself, is a cycle.
    let mut sorted = Vec::with_capacity(images.len());
    for component in tarjan_scc(&graph) {
        let alone = component.len() == 1 && graph.find_edge(component[0], component[0]).is_none();
        if !alone {
            errors.push(cycle(images, &graph, &component));
        }
        sorted.extend(component.iter().map(|node| graph[*node]));
    }
    errors.into_result(sorted).map(|(sorted, _)| sorted)
}

fn cycle(images: &[Arc<ImageSpec>], graph: &StableDiGraph<usize, Span>, component: &[NodeIndex]) -> Diagnostic {
    let mut members: Vec<usize> = component.iter().map(|node| graph[*node]).collect();
    members.sort_unstable();
    let names: Vec<String> = members.iter().map(|index| images[*index].address.to_string()).collect();
    let summary = match &names[..] {
        [one] => format!("{one} needs itself"),
        [first, second] => format!("{first} and {second} need each other"),
        all => format!("{} need each other", all.join(", ")),
    };
    let mut edges: Vec<_> = graph
        .edge_references()
        .filter(|edge| component.contains(&edge.source()) && component.contains(&edge.target()))
        .map(|edge| (graph[edge.source()], graph[edge.target()], edge.weight()))
        .collect();
    edges.sort_by_key(|(from, to, _)| (*from, *to));
    let diagnostic = edges
        .into_iter()
        .fold(Diagnostic::error(summary), |diagnostic, (from, to, span)| {
            diagnostic.label(span, format!("{} needs {}", images[from].address, images[to].address))
        });
    diagnostic.help("one of them must start from scratch {}, an ami, a snapshot or a file")
}

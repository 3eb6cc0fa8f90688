//! Compiles images side by side: that is most of what a plan of a thousand of them does, and one does not wait for another
//! unless it is built on it.

use std::sync::Arc;

use super::compile::{self, Base, Compiled};
use crate::address::ImageAddress;
use crate::diagnostic::Diagnostics;
use crate::host::threads::side_by_side;
use crate::spec::ImageSpec;

/// An image and what [`compile::image`] says of it.
pub type Done<'s> = (&'s Arc<ImageSpec>, Result<Compiled, Diagnostics>);

/// So many are in memory at once, whether they are kept or not. A thread ends with each batch, and leaves memory half used.
const MOST: usize = 256;

/// So many at least are worth a thread of their own.
const WORTH_A_THREAD: usize = 16;

/// Cuts images, of which bases come first, into batches in which none is built on another.
pub fn batches<'a>(images: impl IntoIterator<Item = &'a Arc<ImageSpec>>) -> Vec<Vec<&'a Arc<ImageSpec>>> {
    let mut batches: Vec<Vec<&Arc<ImageSpec>>> = Vec::new();
    for spec in images {
        match batches.last_mut() {
            Some(batch) if batch.len() < MOST && !is_built_on_one_of(spec, batch) => batch.push(spec),
            _ => batches.push(vec![spec]),
        }
    }
    batches
}

fn is_built_on_one_of(spec: &ImageSpec, batch: &[&Arc<ImageSpec>]) -> bool {
    let base = spec.source.base();
    base.is_some_and(|base| batch.iter().any(|one| one.address == *base))
}

/// Compiles the images of a batch, in this order; `base` answers those that are compiled already. One whose base has an
/// error, which is reported, is left out.
pub fn compile<'s, 'b>(
    batch: Vec<&'s Arc<ImageSpec>>,
    base: impl Fn(&ImageAddress) -> Option<Base<'b>>,
) -> Vec<Done<'s>> {
    let job = |spec: &'s Arc<ImageSpec>| match spec.source.base() {
        None => Some((spec, None)),
        Some(address) => Some((spec, Some(base(address)?))),
    };
    let jobs: Vec<_> = batch.into_iter().filter_map(job).collect();
    side_by_side(&jobs, WORTH_A_THREAD, |(spec, base)| {
        (*spec, compile::image(spec, *base))
    })
}

//! `bootstrap "tar"`: the content of an archive.

use crate::schema::{Block, Class, Default, Holds, Type, argument, block};

/// Its table.
pub static BLOCK: Block = block("bootstrap")
    .kind("tar")
    .doc("Fills the root from a tar archive, plain or compressed by gzip, xz, bzip2 or zstd.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("path", Type::File, Class::Bytes)
            .required()
            .doc("The archive on the builder host."),
        argument("sha256", Type::Sha256, Class::Run).doc("What the archive must hash to; checked at plan."),
        argument("strip_components", Type::Integer(0, 100), Class::Bytes)
            .default(Default::Integer(0))
            .doc("How many leading directories of each name are left out."),
        argument("timeout", Type::Duration, Class::Run).doc("How long it may take before it is killed."),
    ]);

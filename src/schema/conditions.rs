//! Tables of the blocks that say what must hold: `validation`, `precondition`, `postcondition`, `assert`.

use super::{Argument, Block, Class, Type, argument, block};

const ARGUMENTS: &[Argument] = &[
    argument("condition", Type::Expression, Class::Run)
        .required()
        .doc("True if all is well."),
    argument("error_message", Type::Expression, Class::Run)
        .required()
        .doc("What is said if it is not."),
];

/// The table of `validation` in a variable.
pub static VALIDATION: Block = block("validation")
    .doc("What must hold of the value. It may refer to other variables, locals and data sources.")
    .arguments(ARGUMENTS);

/// The table of `precondition`.
pub static PRECONDITION: Block = block("precondition")
    .doc("What must hold before. A plan in which it does not is an error.")
    .arguments(ARGUMENTS);

/// The table of `postcondition`.
pub static POSTCONDITION: Block = block("postcondition")
    .doc("What must hold of the result, self. A plan in which it is known not to hold is an error.")
    .arguments(ARGUMENTS);

/// The table of `assert` in a check.
pub static ASSERT: Block = block("assert")
    .doc("What should hold. A plan in which it does not has a warning.")
    .arguments(ARGUMENTS);

impl Block {
    /// Whether it says only what must hold. Such a block is no part of what it stands in: it is not recorded.
    pub fn is_condition(&self) -> bool {
        ["validation", "precondition", "postcondition", "assert"].contains(&self.name)
    }
}

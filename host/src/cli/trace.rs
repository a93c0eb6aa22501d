//! `waxwing trace`: the life of a message.

use serde_json::Value;

/// Prints all records of a message.
pub(super) fn print(answer: &Value) -> String {
    super::print::json(answer)
}

//! Every dialogue of `tests/dialogues/imap`, straight into the session and cut at every octet and at random.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod world;

use std::path::Path;

use waxwing_dialogue::check_folder;

#[test]
fn dialogues() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/dialogues/imap");
    check_folder(&folder, world::Fake::new);
}

//! Every dialogue of `tests/dialogues/smtp-client`, with a session as the client, straight and cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod client_world;

use std::path::Path;

use waxwing_dialogue::check_folder;

#[test]
fn dialogues() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/dialogues/smtp-client");
    check_folder(&folder, client_world::Sender::new);
}

//! What a store leaves behind when it is closed.

use std::sync::Arc;

use crate::setup::{Kind, Setup, account, put, run};

#[test]
fn a_clean_end_leaves_no_log() {
    run(Kind::Sqlite, no_log_is_left);
}

async fn no_log_is_left(setup: Arc<Setup>) {
    for round in 0..5 {
        let store = setup.open().await;
        let account = account(&store, &format!("user{round}")).await.id;
        for number in 0..5 {
            put(&store, account, &format!("message {number}")).await;
            let inbox = store.mailbox(account, "INBOX").await.unwrap().id;
            store.select(account, inbox, false).await.unwrap();
        }
        store.close().await;
        let files = std::fs::read_dir(setup.directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        assert_eq!(names, ["blobs", "store.sqlite", "store.sqlite.lock"]);
    }
}

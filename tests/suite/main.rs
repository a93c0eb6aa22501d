//! The end-to-end tests: one binary, a module a suite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod acme;
mod admin_api;
mod architecture;
mod author;
mod bad_config;
mod clients;
mod compile;
mod console_chromium;
mod contract;
mod corpus;
mod crash;
mod dialogues;
mod extensions;
mod frozen;
mod fuzz;
mod guard;
mod hooks;
mod hostcalls;
mod imap_metadata;
mod imap_random;
mod imap_resync;
mod imap_sessions;
mod jmap;
mod jmap_access;
mod jmap_blob;
mod jmap_mail;
mod jmap_mdn;
mod jmap_memory;
mod jmap_push;
mod jmap_push_service;
mod jmap_random;
mod jmap_shared;
mod jmap_write;
mod languages;
mod logins;
mod many;
mod memory;
mod misbehaviour;
mod moving;
mod origin;
mod outbound;
mod pop3_sessions;
mod proxy;
mod publish;
mod quickstart;
mod reload;
mod reputation;
mod rollout;
mod search_index;
mod sharing;
mod shutdown;
mod signing;
mod slow;
mod smuggling;
mod spf;
mod tokens;
mod trouble;
mod tutorial;
mod vacation;
mod web_logins;
mod webmail;
mod webmail_chromium;
mod webmail_export;

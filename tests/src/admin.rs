//! Administration over the server's socket: one JSON request and one answer a line, as the commands do it.
//!
//! For what tests do hundreds of times; what operators type is tested by the commands themselves.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::setup::PASSWORD;

/// The way to a server's administration.
pub struct Admin {
    socket: PathBuf,
}

impl Admin {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Admin { socket }
    }

    /// Asks; `Err` is the failure's text.
    ///
    /// # Errors
    /// The request was refused.
    ///
    /// # Panics
    /// If the socket does not answer.
    pub fn ask(&self, request: &Value) -> Result<Value, String> {
        let mut stream = UnixStream::connect(&self.socket).expect("the server's socket");
        writeln!(stream, "{request}").expect("a request is sent");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .expect("an answer comes");
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        match answer.get_mut("done") {
            Some(done) => Ok(done.take()),
            None => Err(answer["failed"]["text"]
                .as_str()
                .unwrap_or(&line)
                .to_owned()),
        }
    }

    /// Adds a domain.
    pub fn add_domain(&self, domain: &str) {
        self.must(&json!({ "command": "domain-add", "domain": domain }));
    }

    /// Adds an account with everybody's password, or without one.
    pub fn add_account(&self, address: &str, password: bool, bytes: Option<u64>) {
        self.add_all(&[address], password, bytes);
    }

    fn add_all<S: serde::Serialize>(&self, addresses: &[S], password: bool, bytes: Option<u64>) {
        let mut quota = json!({});
        if let Some(bytes) = bytes {
            quota["bytes"] = json!(bytes);
        }
        let password = password.then_some(PASSWORD);
        self.must(&json!({ "command": "account-add", "addresses": addresses, "password": password, "quota": quota }));
    }

    /// Adds an alias.
    pub fn add_alias(&self, address: &str, targets: &[&str]) {
        self.must(&json!({ "command": "alias-add", "address": address, "targets": targets }));
    }

    /// Adds accounts, their domains first.
    pub fn add_accounts(&self, addresses: &[String]) {
        let mut domains: Vec<&str> = addresses
            .iter()
            .filter_map(|address| Some(address.rsplit_once('@')?.1))
            .collect();
        domains.sort_unstable();
        domains.dedup();
        domains
            .into_iter()
            .for_each(|domain| self.add_domain(domain));
        addresses
            .iter()
            .for_each(|address| self.add_account(address, true, None));
    }

    fn must(&self, request: &Value) -> Value {
        self.ask(request)
            .unwrap_or_else(|failure| panic!("{request}: {failure}"))
    }
}

//! What was set up, what to publish, and what to do next.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Plan;
use crate::admin::plain;
use crate::cli::domain::{notes, zone};
use crate::discovery::{profile_link, qr};

/// The commands that come next, each with what it is for.
fn next(plan: &Plan) -> Vec<(String, &'static str)> {
    let file = plan.file.display();
    let domain = &plan.domain;
    let mut all = vec![
        (
            format!("waxwing serve --config {file}"),
            "runs the server, as the user that the data directory belongs to",
        ),
        (
            format!("waxwing domain check {domain} --config {file}"),
            "says what is wrong with what is published",
        ),
    ];
    if plan.config.acme.directory.is_empty() {
        all.push((
            format!("waxwing check --config {file}"),
            "checks the configuration: set [acme] directory, or [tls] certificate and key; until then others see a self-signed certificate",
        ));
    } else {
        all.push((
            format!("waxwing certificate list --config {file}"),
            "tells whether the certificates are there; they are ordered when the names lead here",
        ));
    }
    all
}

pub(super) fn json(plan: &Plan, published: &Value) -> Value {
    let link = profile_link(&plan.config, &plan.address);
    let next: Vec<Value> = next(plan)
        .iter()
        .map(|(command, what)| json!({ "command": command, "does": what }))
        .collect();
    json!({
        "config": plan.file,
        "policy": plan.config.policy.file,
        "data": plan.config.data,
        "hostname": plan.config.hostname,
        "domain": plan.domain,
        "address": plain(&plan.address),
        "password": plan.made.then_some(&plan.password),
        "records": published.get("records"),
        "profile": link,
        "next": next,
    })
}

pub(super) fn text(plan: &Plan, published: &Value) -> String {
    let mut out = format!("{} is set up on {}.\n\n", plan.domain, plan.config.hostname);
    let password = if plan.made {
        format!(", password {} (it is not shown again)", plan.password)
    } else {
        String::new()
    };
    for (label, value) in [
        ("configuration", plan.file.display().to_string()),
        ("policy", plan.config.policy.file.display().to_string()),
        ("data", plan.config.data.display().to_string()),
        ("account", format!("{}{password}", plain(&plan.address))),
    ] {
        let _infallible = writeln!(out, "{label:<14} {value}");
    }
    let _infallible = write!(
        out,
        "\nPublish this in the DNS:\n\n{}{}\nThen:\n\n",
        zone(published),
        notes(published)
    );
    for (command, what) in next(plan) {
        let _infallible = writeln!(out, "  {command}\n      {what}");
    }
    if let Some(link) = profile_link(&plan.config, &plan.address) {
        let _infallible = write!(
            out,
            "\nMost programs find their settings by the address. An iPhone or iPad gets them here, once the server runs:\n\n{}\n{link}\n",
            qr::terminal(&link).unwrap_or_default()
        );
    }
    out
}

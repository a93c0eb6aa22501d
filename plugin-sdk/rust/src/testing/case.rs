//! Runs cases kept as data; the head of [`crate::testing`] shows a file.

use super::Hooks;
use super::host::actions::{DeliveryActions, MessageActions};
use super::host::credentials::Credentials;
use super::host::envelope::{Envelope, recipient};
use super::host::mailbox_events::Batch;
use super::host::outbound::{Attempt, Plan, Submission};
use super::host::session::Connection;
use super::message::Message;
use super::network::NetworkFacts;
use super::render::Render;
use super::world::{
    AttemptFacts, ConnectionFacts, DirectoryFacts, EnvelopeFacts, EventFacts, LoginFacts, World,
    world,
};
use crate::hook::{
    DeliverCall, Identity, MessageCall, Operation, QuotaCall, RouteCall, SubmitCall, Usage,
};
use crate::plugin::make;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    settings: Option<toml::Value>,
    #[serde(default)]
    directory: DirectoryFacts,
    #[serde(default)]
    network: NetworkFacts,
    #[serde(default)]
    scores: BTreeMap<String, f64>,
    case: Vec<Case>,
}

/// One case: a plugin made anew in a world made anew.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Instead of the file's.
    pub settings: Option<toml::Value>,
    /// Instead of the file's.
    pub directory: Option<DirectoryFacts>,
    /// Instead of the file's.
    pub network: Option<NetworkFacts>,
    /// The session.
    #[serde(default)]
    pub connection: ConnectionFacts,
    /// The transaction.
    #[serde(default)]
    pub envelope: EnvelopeFacts,
    /// The content; lines end with CRLF whatever the file has.
    pub message: Option<String>,
    /// Findings of earlier plugins.
    #[serde(default)]
    pub found: BTreeMap<String, f64>,
    /// How each problem of the settings begins; the plugin must not be made then.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What happens, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One call of a hook.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Time that passes before.
    pub advance_seconds: u64,
    /// The hook, such as `rcpt-to`; `login-before`, `login-after` and `login-failed` for the three of login.
    pub hook: String,
    /// The answer as one line, or how it begins.
    pub expect: String,
    /// So many calls, each with this answer; 0 is 1.
    pub times: u64,
    /// Another client address from here on.
    pub client: Option<String>,
    /// Another login from here on; empty: logged out.
    pub identity: Option<String>,
    /// Whether directory and key-values answer, from here on.
    pub unavailable: Option<bool>,
    /// The name of `ehlo`.
    pub helo: String,
    /// Another reverse-path from here on.
    pub sender: Option<String>,
    /// The recipient of `rcpt-to`, `route-inbound`, `deliver`, `route-outbound` and `delivery-result`.
    pub recipient: String,
    /// The user of `login-*` and `authenticate`.
    pub user: String,
    /// The password of `authenticate`.
    pub password: String,
    /// The authorisation identity of `authenticate`.
    pub authorise_as: String,
    /// Why the message of `submit` leaves: `submitted`, `relayed`, `forwarded` or `reported`; if nothing is said, `submitted` where somebody has
    /// logged in, and `relayed` otherwise.
    pub cause: String,
    /// The recipients' domain of `verdict`.
    pub domain: String,
    /// The account of `quota`, `quota-limits` and `deliver`.
    pub account: String,
    /// `deliver`, `append`, `upload` or `send`.
    pub operation: String,
    /// What the account of `quota` holds: octets and messages.
    pub current: (u64, u64),
    /// What comes on top.
    pub adding: (u64, u64),
    /// The attempt of `route-outbound` (the last one) and of `delivery-result`.
    pub attempt: AttemptFacts,
    /// The events of `mailbox`.
    pub events: Vec<EventFacts>,
    /// The findings after the step, as `NAME=score`, in their order; checked if given.
    pub findings: Option<Vec<String>>,
    /// The actions of the step; checked if given.
    pub actions: Option<Vec<String>>,
    /// A line of the log that must have been written by now, or how it begins.
    pub logged: Option<String>,
}

/// Runs every case in every `*.toml` of a folder.
///
/// # Panics
/// With all that went otherwise than expected; and if there is no case at all.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub fn run_cases<P: Hooks>(folder: impl AsRef<Path>) {
    let mut failures = Vec::new();
    let mut cases = 0;
    let declared = declared_scores(folder.as_ref());
    for (name, text) in files(folder.as_ref()) {
        match toml::from_str::<File>(&text) {
            Ok(mut file) => {
                for (symbol, score) in &declared {
                    file.scores.entry(symbol.clone()).or_insert(*score);
                }
                for case in &file.case {
                    cases += 1;
                    if let Err(failure) = run::<P>(&file, case) {
                        failures.push(format!("{name}: {}: {failure}", case.name));
                    }
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(
        cases > 0 || !failures.is_empty(),
        "no cases in {}",
        folder.as_ref().display()
    );
    if !failures.is_empty() {
        panic!(
            "{} of {cases} cases failed:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }
}

/// The scores of the symbols that the crate around this folder declares, which count where a file has no `scores` of its own.
fn declared_scores(folder: &Path) -> BTreeMap<String, f64> {
    let manifest = folder
        .parent()
        .map(|home| home.join("Cargo.toml"))
        .and_then(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| toml::from_str::<toml::Value>(&text).ok());
    let symbols = manifest.as_ref().and_then(|manifest| {
        let metadata = manifest.get("package")?.get("metadata")?;
        metadata.get("waxwing-plugin")?.get("symbols")?.as_table()
    });
    let score = |value: &toml::Value| {
        let score = value.get("score")?;
        score
            .as_float()
            .or(score.as_integer().map(|whole| whole as f64))
    };
    symbols
        .into_iter()
        .flatten()
        .map(|(name, symbol)| (name.clone(), score(symbol).unwrap_or(1.0)))
        .collect()
}

/// The case files of a folder with their text, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    entries
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| format!("# {error}"));
            (name, text)
        })
        .collect()
}

fn run<P: Hooks>(file: &File, case: &Case) -> Result<(), String> {
    let settings = case.settings.as_ref().or(file.settings.as_ref());
    let settings = settings
        .map_or_else(|| Ok("{}".to_owned()), serde_json::to_string)
        .map_err(|e| e.to_string())?;
    let mut fresh = World {
        connection: case.connection.clone(),
        envelope: case.envelope.clone(),
        directory: case
            .directory
            .clone()
            .unwrap_or_else(|| file.directory.clone()),
        network: case.network.clone().unwrap_or_else(|| file.network.clone()),
        scores: file.scores.clone(),
        settings: settings.clone(),
        ..World::default()
    };
    fresh.findings = case
        .found
        .iter()
        .map(|(name, score)| (name.clone(), "earlier".to_owned(), *score, Vec::new()))
        .collect();
    if let Some(message) = &case.message {
        fresh.content = message
            .replace("\r\n", "\n")
            .replace('\n', "\r\n")
            .into_bytes();
    }
    fresh.enter();
    let plugin = match make::<P>(&settings) {
        Ok(_) if !case.problems.is_empty() => return Err("the settings were taken".to_owned()),
        Ok(plugin) => plugin,
        Err(problems) => return compare_problems(&problems, &case.problems),
    };
    if let Some(failed) = plugin.self_test().iter().find(|case| !case.passed) {
        return Err(format!("self-test {}: {}", failed.name, failed.detail));
    }
    for (index, step) in case.steps.iter().enumerate() {
        for turn in 0..step.times.max(1) {
            run_step(&plugin, step)
                .map_err(|failure| format!("step {} (turn {}): {failure}", index + 1, turn + 1))?;
        }
    }
    Ok(())
}

fn compare_problems(seen: &[crate::settings::Problem], expected: &[String]) -> Result<(), String> {
    let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
    let fits = seen.len() == expected.len()
        && seen
            .iter()
            .zip(expected)
            .all(|(seen, expected)| seen.starts_with(expected));
    if fits {
        Ok(())
    } else {
        Err(format!("problems {seen:#?}, expected {expected:#?}"))
    }
}

fn run_step(plugin: &impl Hooks, step: &Step) -> Result<(), String> {
    prepare(step);
    let seen = call(plugin, step)?;
    if !begins_with(&seen, &step.expect) {
        return Err(format!(
            "{} answered \"{seen}\", expected \"{}\"",
            step.hook, step.expect
        ));
    }
    let (findings, actions, log) = world(|world| {
        let findings: Vec<String> = world
            .findings
            .iter()
            .map(|(name, _, score, _)| format!("{name}={score}"))
            .collect();
        (findings, world.actions.clone(), world.log.clone())
    });
    if step
        .findings
        .as_ref()
        .is_some_and(|expected| *expected != findings)
    {
        return Err(format!(
            "findings {findings:?}, expected {:?}",
            step.findings
        ));
    }
    if step
        .actions
        .as_ref()
        .is_some_and(|expected| *expected != actions)
    {
        return Err(format!("actions {actions:?}, expected {:?}", step.actions));
    }
    match &step.logged {
        Some(expected) if !log.iter().any(|line| line.starts_with(expected)) => {
            Err(format!("the log has {log:?}, expected \"{expected}\""))
        }
        _ => Ok(()),
    }
}

/// `reject 550` begins `reject 550 5.1.1 …`, and not `reject 5501`.
fn begins_with(seen: &str, expected: &str) -> bool {
    seen.strip_prefix(expected).is_some_and(|rest| {
        rest.is_empty() || expected.is_empty() || rest.starts_with([' ', ':', ';'])
    })
}

fn prepare(step: &Step) {
    world(|world| {
        world.now_ms += step.advance_seconds * 1000;
        world.hook.clone_from(&step.hook);
        world.actions.clear();
        world.attempt.clone_from(&step.attempt);
        world.events.clone_from(&step.events);
        world.cause.clone_from(&step.cause);
        if let Some(client) = &step.client {
            world.connection.client.clone_from(client);
        }
        if let Some(identity) = &step.identity {
            world.connection.identity =
                Some(identity.clone()).filter(|identity| !identity.is_empty());
        }
        if let Some(unavailable) = step.unavailable {
            world.unavailable = unavailable;
        }
        if let Some(sender) = &step.sender {
            world.envelope.sender.clone_from(sender);
        }
        if step.hook == "ehlo" {
            world.connection.helo = Some(step.helo.clone());
        }
        world.login = LoginFacts {
            user: step.user.clone(),
            password: step.password.clone(),
            authorise_as: step.authorise_as.clone(),
        };
        let about = [&step.domain, &step.account, &step.recipient, &step.user];
        let domain = about.into_iter().find(|text| !text.is_empty());
        world.domain = domain.map(|text| text.rsplit('@').next().unwrap_or_default().to_owned());
    });
}

fn call(plugin: &impl Hooks, step: &Step) -> Result<String, String> {
    let (conn, envelope, message) = (&Connection(()), &Envelope(()), &Message(()));
    let recipient = &recipient(
        world(|world| world.envelope.recipients.len() as u32),
        &step.recipient,
    );
    let missing = || format!("the plugin has no hook {}", step.hook);
    Ok(match step.hook.as_str() {
        "connect" => plugin
            .connect()
            .ok_or_else(missing)?
            .on_connect(conn)
            .render(),
        "ehlo" => plugin
            .ehlo()
            .ok_or_else(missing)?
            .on_ehlo(conn, &step.helo)
            .render(),
        "authenticate" => plugin
            .authenticate()
            .ok_or_else(missing)?
            .check(conn, &Credentials(()))
            .render(),
        "login-before" => plugin
            .login()
            .ok_or_else(missing)?
            .before(conn, &step.user, "PLAIN")
            .render(),
        "login-failed" => plugin
            .login()
            .ok_or_else(missing)?
            .failed(conn, &step.user, "PLAIN")
            .render(),
        "login-after" => {
            let who = Identity {
                account: step.user.clone(),
                authorised_as: step.user.clone(),
                mechanism: "PLAIN".to_owned(),
            };
            plugin
                .login()
                .ok_or_else(missing)?
                .after(conn, &who)
                .render()
        }
        "mail-from" => plugin
            .mail_from()
            .ok_or_else(missing)?
            .on_mail_from(conn, envelope)
            .render(),
        "rcpt-to" => plugin
            .rcpt_to()
            .ok_or_else(missing)?
            .on_rcpt_to(conn, envelope, recipient)
            .render(),
        "data" => plugin
            .data()
            .ok_or_else(missing)?
            .on_data(conn, envelope)
            .render(),
        "message" => {
            let actions = &MessageActions(());
            plugin
                .message()
                .ok_or_else(missing)?
                .on_message(MessageCall {
                    conn,
                    envelope,
                    message,
                    actions,
                })
                .render()
        }
        "verdict" => plugin
            .verdict()
            .ok_or_else(missing)?
            .on_verdict(conn, envelope, &step.domain)
            .render(),
        "route-inbound" => plugin
            .route_inbound()
            .ok_or_else(missing)?
            .resolve(envelope, recipient)
            .render(),
        "quota" => {
            let about = QuotaCall {
                account: &step.account,
                operation: match step.operation.as_str() {
                    "append" => Operation::Append,
                    "upload" => Operation::Upload,
                    "send" => Operation::Send,
                    _ => Operation::Deliver,
                },
                current: Usage {
                    bytes: step.current.0,
                    messages: step.current.1,
                },
                adding: Usage {
                    bytes: step.adding.0,
                    messages: step.adding.1,
                },
            };
            plugin.quota().ok_or_else(missing)?.check(about).render()
        }
        "quota-limits" => plugin
            .quota_limits()
            .ok_or_else(missing)?
            .limits_of(&step.account)
            .render(),
        "deliver" => {
            let actions = &DeliveryActions(());
            let account = &step.account;
            plugin
                .deliver()
                .ok_or_else(missing)?
                .on_deliver(DeliverCall {
                    envelope,
                    recipient,
                    account,
                    message,
                    actions,
                })
                .render()
        }
        other => return call_outbound_or_observing(plugin, step, other),
    })
}

/// The hooks of mail that leaves, and those that only listen.
fn call_outbound_or_observing(
    plugin: &impl Hooks,
    step: &Step,
    hook: &str,
) -> Result<String, String> {
    let (envelope, message) = (&Envelope(()), &Message(()));
    let recipient = &recipient(0, &step.recipient);
    let missing = || format!("the plugin has no hook {hook}");
    Ok(match hook {
        "submit" => plugin
            .submit()
            .ok_or_else(missing)?
            .on_submit(SubmitCall {
                envelope,
                message,
                actions: &MessageActions(()),
                submission: &Submission(()),
            })
            .render(),
        "route-outbound" => plugin
            .route_outbound()
            .ok_or_else(missing)?
            .plan_for(RouteCall {
                envelope,
                recipient,
                last: &Attempt(()),
                plan: &Plan(()),
            })
            .render(),
        "delivery-result" => plugin
            .delivery_result()
            .ok_or_else(missing)?
            .on_result(envelope, recipient, &Attempt(()))
            .render(),
        "mailbox" => plugin
            .mailbox()
            .ok_or_else(missing)?
            .on_events(&Batch(()))
            .render(),
        "tick" => plugin
            .tick()
            .ok_or_else(missing)?
            .on_tick(world(|world| world.now_ms))
            .render(),
        other => return Err(format!("there is no hook \"{other}\"")),
    })
}

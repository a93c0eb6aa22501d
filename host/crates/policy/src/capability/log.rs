//! `log`: lines for the operator.

use wasmtime::Result;

use crate::bindings::waxwing::policy::log::{Host, Level};
use crate::state::State;

use super::findings::printable;

const MAX_LINE: usize = 1024;
const MAX_FIELDS: usize = 16;

impl Host for State {
    fn enabled(&mut self, level: Level) -> Result<bool> {
        self.host_call("log.enabled", level, |state, level| {
            Ok(enabled(*level) || state.shared.recorder.is_some())
        })
    }

    fn log(&mut self, level: Level, text: String, fields: Vec<(String, String)>) -> Result<()> {
        self.host_call(
            "log.log",
            (level, text, fields),
            |state, (level, text, fields)| {
                // A flood is cut, not a fault: the plugin's judgement is still good.
                let Some(left) = state.budget.log_lines_left.checked_sub(1) else {
                    return Ok(());
                };
                state.budget.log_lines_left = left;
                if *level == Level::Error {
                    state.trail.say(text);
                }
                if enabled(*level) || state.shared.recorder.is_some() {
                    state.write_line(*level, text, fields, left == 0);
                }
                Ok(())
            },
        )
    }
}

fn enabled(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: "waxwing_plugin", tracing::Level::TRACE),
        Level::Debug => tracing::enabled!(target: "waxwing_plugin", tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: "waxwing_plugin", tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: "waxwing_plugin", tracing::Level::WARN),
        Level::Error => tracing::enabled!(target: "waxwing_plugin", tracing::Level::ERROR),
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

impl State {
    fn write_line(&self, level: Level, text: &str, fields: &[(String, String)], last: bool) {
        let mut line = printable(text, MAX_LINE);
        for (name, value) in fields.iter().take(MAX_FIELDS) {
            line.push(' ');
            line.push_str(&printable(name, 64));
            line.push('=');
            line.push_str(&printable(value, MAX_LINE));
        }
        if last {
            line.push_str(" (this call may write no more lines: log-lines)");
        }
        if let Some(recorder) = &self.shared.recorder {
            recorder.log_line(word(level), &line);
        }
        let step = &*self.shared.name;
        let hook = self.hook.map_or("init", |hook| hook.as_str());
        let session = self
            .context
            .connection
            .as_deref()
            .map_or("", |connection| &connection.facts.id);
        match level {
            Level::Trace => {
                tracing::trace!(target: "waxwing_plugin", step, hook, session, "{line}");
            }
            Level::Debug => {
                tracing::debug!(target: "waxwing_plugin", step, hook, session, "{line}");
            }
            Level::Info => tracing::info!(target: "waxwing_plugin", step, hook, session, "{line}"),
            Level::Warn => tracing::warn!(target: "waxwing_plugin", step, hook, session, "{line}"),
            Level::Error => {
                tracing::error!(target: "waxwing_plugin", step, hook, session, "{line}");
            }
        }
    }
}

//! How much of everything there was lately: mail by verdict and protocol, logins, what plugins cost; for plots.
//!
//! The figures of `/metrics` are read every few seconds, and what came on top goes into the minute at hand. What is kept is in memory, of this
//! process, since it was started: a day of minutes. Nothing that is counted costs a session anything for it.
//!
//! Invariants: minutes and series are bounded; what a counter lost (a new process begins at nothing) counts as nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, broadcast};

use crate::answer::now_millis;
use crate::wiring::Parts;

/// How often the figures are read.
const SAMPLE: Duration = Duration::from_secs(5);
/// Minutes that are kept.
pub(crate) const MINUTES: usize = 24 * 60;
/// Series of a minute. What comes on top of them is not told apart, and not counted.
const SERIES: usize = 1000;
/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// Those who listen at a time.
const LISTENERS: usize = 32;

/// What a series is: a group, such as `verdict`, and a name in it, such as `junk`.
type Key = (&'static str, Arc<str>);
/// How much of each there was.
type Amounts = BTreeMap<Key, f64>;

/// What is counted, by the metric, the label that tells its series apart, and what the group is called here.
const GROUPS: [(&str, &str, &str); 8] = [
    ("waxwing_verdicts_total", "verdict", "verdict"),
    ("waxwing_messages_accepted_total", "protocol", "accepted"),
    ("waxwing_messages_refused_total", "protocol", "refused"),
    ("waxwing_messages_delivered_total", "", "delivered"),
    ("waxwing_queue_recipients_total", "outcome", "sent"),
    ("waxwing_logins_total", "outcome", "logins"),
    ("waxwing_plugin_seconds_sum", "plugin", "plugin-seconds"),
    ("waxwing_plugin_seconds_count", "plugin", "plugin-calls"),
];
/// What plugins answered: by plugin and answer.
const ANSWERS: &str = "waxwing_plugin_calls_total";

/// What there was lately.
#[derive(Debug)]
pub(crate) struct Flow {
    state: Mutex<State>,
    live: broadcast::Sender<Arc<str>>,
    seats: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    since: i64,
    /// The figures when they were read last; none before the first time.
    last: Option<Amounts>,
    /// What plugins answered since they were first asked, by plugin and answer.
    answers: BTreeMap<String, BTreeMap<String, u64>>,
    /// The latest last, each with when it began.
    minutes: VecDeque<(i64, Amounts)>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                since: now_millis(),
                last: None,
                answers: BTreeMap::new(),
                minutes: VecDeque::new(),
            }),
            live: broadcast::Sender::new(4),
            seats: Arc::new(Semaphore::new(LISTENERS)),
        }
    }
}

/// Reads the figures until the task is dropped.
pub(crate) async fn run(parts: Arc<Parts>) {
    let mut ticks = tokio::time::interval(SAMPLE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        parts.flow.read(&parts.figures.render(), now_millis());
    }
}

/// Somebody who listens, as long as this is kept.
pub(crate) struct Listener {
    pub(crate) events: broadcast::Receiver<Arc<str>>,
    _seat: tokio::sync::OwnedSemaphorePermit,
}

impl Flow {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the text of `/metrics` as it is now.
    fn read(&self, text: &str, now: i64) {
        let (amounts, answers) = parse(text);
        let mut state = self.lock();
        state.answers = answers;
        let fresh = state.last.as_ref().map(|last| grown(last, &amounts));
        state.last = Some(amounts);
        // What was counted before the first reading came in no minute that is kept.
        let fresh = fresh.unwrap_or_default();
        let begun = now - now.rem_euclid(MINUTE);
        if state.minutes.back().is_none_or(|(at, _)| *at < begun) {
            state.minutes.push_back((begun, Amounts::new()));
            while state.minutes.len() > MINUTES {
                state.minutes.pop_front();
            }
        }
        if let Some((_, minute)) = state.minutes.back_mut() {
            for (key, amount) in &fresh {
                *minute.entry(key.clone()).or_default() += amount;
            }
        }
        drop(state);
        let values: Vec<Value> = fresh
            .iter()
            .map(|((group, name), amount)| json!({ "group": group, "name": **name, "value": rounded(*amount) }))
            .collect();
        let event = json!({ "at": now, "seconds": SAMPLE.as_secs(), "values": values });
        let _nobody = self.live.send(event.to_string().into());
    }

    /// So many minutes back from now: for each series an amount a minute, zeros where nothing was.
    pub(crate) fn lately(&self, minutes: usize) -> Value {
        self.told(minutes.clamp(1, MINUTES), now_millis())
    }

    fn told(&self, minutes: usize, now: i64) -> Value {
        let state = self.lock();
        let span = i64::try_from(minutes).unwrap_or(i64::MAX);
        let last = now - now.rem_euclid(MINUTE);
        let first = last - (span - 1).saturating_mul(MINUTE);
        let mut series: BTreeMap<&Key, Vec<f64>> = BTreeMap::new();
        for (at, amounts) in &state.minutes {
            let place = usize::try_from((at - first).div_euclid(MINUTE));
            let Some(place) = place.ok().filter(|place| *at >= first && *place < minutes) else {
                continue;
            };
            for (key, amount) in amounts {
                let values = series.entry(key).or_insert_with(|| vec![0.0; minutes]);
                if let Some(value) = values.get_mut(place) {
                    *value = rounded(*amount);
                }
            }
        }
        let series: Vec<Value> = series
            .into_iter()
            .map(
                |((group, name), values)| json!({ "group": group, "name": **name, "values": values }),
            )
            .collect();
        json!({ "since": state.since, "first": first, "interval": MINUTE / 1000, "minutes": minutes, "series": series })
    }

    /// What a plugin's step answered so far, by answer.
    pub(crate) fn answers(&self, step: &str) -> BTreeMap<String, u64> {
        self.lock().answers.get(step).cloned().unwrap_or_default()
    }

    /// One more who listens, if there is room.
    pub(crate) fn listen(&self) -> Option<Listener> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        Some(Listener {
            events: self.live.subscribe(),
            _seat: seat,
        })
    }
}

/// What is more than it was.
fn grown(last: &Amounts, now: &Amounts) -> Amounts {
    let more = |(key, amount): (&Key, &f64)| {
        let before = last.get(key).copied().unwrap_or_default();
        (*amount > before).then(|| (key.clone(), amount - before))
    };
    now.iter().filter_map(more).collect()
}

/// Microseconds are as fine as it gets.
fn rounded(amount: f64) -> f64 {
    (amount * 1e6).round() / 1e6
}

type Answers = BTreeMap<String, BTreeMap<String, u64>>;

/// The counters that are of interest, of the text format of Prometheus: `name{label="value",…} amount`.
fn parse(text: &str) -> (Amounts, Answers) {
    let (mut amounts, mut answers) = (Amounts::new(), Answers::new());
    for line in text.lines().filter(|line| line.starts_with("waxwing_")) {
        let Some((series, amount)) = line.rsplit_once(' ') else {
            continue;
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let Ok(amount) = amount.parse::<f64>() else {
            continue;
        };
        if name == ANSWERS {
            if let (Some(plugin), Some(outcome)) =
                (label(labels, "plugin"), label(labels, "outcome"))
            {
                let of = answers.entry(plugin.to_owned()).or_default();
                // A counter: whole, and not below nothing.
                *of.entry(outcome.to_owned()).or_default() += amount as u64;
            }
            continue;
        }
        let Some((_, by, group)) = GROUPS.iter().find(|(metric, ..)| *metric == name) else {
            continue;
        };
        let value = label(labels, by).unwrap_or("all");
        let key: Key = (group, value.into());
        if amounts.len() < SERIES || amounts.contains_key(&key) {
            *amounts.entry(key).or_default() += amount;
        }
    }
    (amounts, answers)
}

/// The value of a label. None of those that are looked at has a character that is escaped.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let labels = labels.trim_end_matches('}');
    labels.split(',').find_map(|label| {
        let (known, value) = label.split_once('=')?;
        (known == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP waxwing_verdicts_total What\nwaxwing_verdicts_total{verdict=\"junk\"} 3\nwaxwing_messages_delivered_total 7\n\
        waxwing_plugin_seconds_sum{plugin=\"rules\",hook=\"message\"} 0.25\nwaxwing_plugin_seconds_sum{plugin=\"rules\",hook=\"data\"} 0.5\n\
        waxwing_plugin_calls_total{plugin=\"rules\",hook=\"data\",outcome=\"pass\"} 4\nwaxwing_plugin_calls_total{plugin=\"rules\",hook=\"message\",outcome=\"pass\"} 1\n\
        waxwing_sessions{protocol=\"imap\"} 2\nother 1\n";

    fn series(told: &Value, group: &str) -> Vec<f64> {
        let all = told["series"].as_array().unwrap();
        let found = all.iter().find(|series| series["group"] == group);
        let values = found.unwrap()["values"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    }

    #[test]
    fn what_comes_on_top_goes_into_its_minute() {
        let flow = Flow::default();
        let at = |minute: i64| 1_700_000_040_000 + minute * MINUTE;
        flow.read(TEXT, at(0));
        flow.read(&TEXT.replace("junk\"} 3", "junk\"} 5"), at(0) + 5000);
        flow.read(
            &TEXT
                .replace("junk\"} 3", "junk\"} 6")
                .replace("0.25", "0.75"),
            at(2),
        );
        // A counter that is smaller than it was.
        flow.read(TEXT, at(2) + 5000);
        flow.read(&TEXT.replace("junk\"} 3", "junk\"} 4"), at(2) + 10_000);
        let told = flow.told(4, at(3) + 1);
        assert_eq!(series(&told, "verdict"), [2.0, 0.0, 2.0, 0.0]);
        assert_eq!(series(&told, "plugin-seconds"), [0.0, 0.0, 0.5, 0.0]);
        assert_eq!(told["first"], at(0));
        let later = flow.told(2, at(3));
        assert_eq!(series(&later, "verdict"), [2.0, 0.0]);
        assert_eq!(
            flow.answers("rules"),
            BTreeMap::from([("pass".to_owned(), 5)])
        );
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let flow = Flow::default();
        for minute in 0..2000 {
            flow.read(TEXT, minute * MINUTE);
        }
        assert_eq!(flow.lock().minutes.len(), MINUTES);
    }

    #[test]
    fn who_listens_is_told_and_there_is_room_for_some() {
        let flow = Flow::default();
        let mut listeners: Vec<_> = (0..LISTENERS).map(|_| flow.listen().unwrap()).collect();
        assert!(flow.listen().is_none());
        flow.read(TEXT, 0);
        flow.read(&TEXT.replace("total 7", "total 9"), 5000);
        let events = &mut listeners[0].events;
        events.try_recv().unwrap();
        let event: Value = serde_json::from_str(&events.try_recv().unwrap()).unwrap();
        assert_eq!(
            event["values"],
            json!([{ "group": "delivered", "name": "all", "value": 2.0 }])
        );
        listeners.pop();
        assert!(flow.listen().is_some());
    }
}

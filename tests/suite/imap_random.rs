//! Ten clients do what they like to one mailbox at the same time, and each is told the truth.
//!
//! Each client has messages that only it changes and removes, and a keyword that only it sets, on messages of everybody. So what it
//! did is known whatever the others do at the same moment; after each round the parts of all, put together, are what every session has
//! to know. Some sessions break off and come back, and learn with QRESYNC what they missed. `make clients` does it for ten minutes.

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use waxwing_tests::client::{Imap, ImapReply};
use waxwing_tests::database::Database;
use waxwing_tests::{Server, Setup};

use view::View;

const ALICE: &str = "alice@waxwing.test";
const CLIENTS: usize = 10;
/// What a client does in a round.
const ACTS: usize = 25;
/// Messages of its own that a client keeps at most.
const MOST: usize = 12;
const FLAGS: [&str; 3] = ["\\Seen", "\\Flagged", "\\Answered"];

pub(crate) fn lasts() -> Duration {
    let wanted = std::env::var("WAXWING_CLIENTS_SECONDS").ok();
    let wanted = wanted.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(wanted.unwrap_or(6))
}

/// Numbers by chance, the same for the same seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % most
    }

    pub(crate) fn of<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        match from.len() {
            0 => None,
            count => from.get(self.below(count)).cloned(),
        }
    }
}

/// What a client did that lasts.
#[derive(Clone, Debug, Default)]
struct Deeds {
    /// Its own messages, with the flags that it gave them.
    own: BTreeMap<u32, BTreeSet<&'static str>>,
    /// Messages that it gave its keyword.
    marked: BTreeSet<u32>,
}

struct Client<'a> {
    server: &'a Server,
    number: usize,
    chance: Chance,
    resyncs: bool,
    /// The mailbox's validity, and the modification sequence up to which nothing is unknown.
    known: Option<(u64, u64)>,
    imap: Imap,
    view: View,
    deeds: Deeds,
    appended: usize,
    log: Vec<String>,
}

impl<'a> Client<'a> {
    fn new(server: &'a Server, number: usize, seed: u64) -> Self {
        let mut client = Self {
            server,
            number,
            chance: Chance::new(seed.wrapping_add(number as u64 * 7919)),
            resyncs: number.is_multiple_of(2),
            known: None,
            imap: server.imap(ALICE),
            view: View::default(),
            deeds: Deeds::default(),
            appended: 0,
            log: Vec::new(),
        };
        client.open();
        client
    }

    fn keyword(&self) -> String {
        format!("client{}", self.number)
    }

    /// Selects, and learns what there is: all of it, or what has changed.
    fn open(&mut self) {
        let kept = self.view.kept();
        self.view = View::default();
        if self.resyncs {
            self.run("ENABLE QRESYNC");
        }
        let resync = match self.known {
            Some((validity, modseq)) if self.resyncs => {
                self.view = kept;
                format!(" (QRESYNC ({validity} {modseq}))")
            }
            _ => String::new(),
        };
        let reply = self.run(&format!("SELECT INBOX{resync}"));
        let number =
            |code| number_after(&reply, code).unwrap_or_else(|| self.fail("SELECT lacks a code"));
        self.known = Some((number("[UIDVALIDITY "), number("[HIGHESTMODSEQ ")));
        if self.view.len() > 0 {
            self.run("FETCH 1:* (UID)");
        }
        let missed = self.view.missed();
        if !missed.is_empty() {
            self.fail(&format!("nobody said that {missed:?} went"));
        }
        self.learn();
    }

    /// The connection breaks, and there is a new one.
    fn drop_and_return(&mut self) {
        self.imap = self.server.imap(ALICE);
        self.open();
    }

    /// Runs a command, takes in what is told, and looks whether it can be true.
    fn run(&mut self, command: &str) -> ImapReply {
        let reply = self.say(command);
        self.look();
        reply
    }

    /// The same, where it is still to be seen what was done.
    fn say(&mut self, command: &str) -> ImapReply {
        self.log.push(format!("> {command}"));
        let reply = self.imap.command(command).unwrap();
        self.log.push(reply.text());
        self.log.push(reply.tagged.clone());
        for response in reply.text().lines() {
            if let Err(why) = self.view.take(response) {
                self.fail(&why);
            }
        }
        // RFC 3501 §7.4.1: numbers stand still while somebody uses them.
        let by_number = ["FETCH", "STORE", "SEARCH"];
        let by_number = by_number.iter().any(|word| command.starts_with(word));
        let told = reply.text();
        let gone = told
            .lines()
            .any(|line| line.ends_with(" EXPUNGE") || line.starts_with("* VANISHED "));
        if by_number && gone {
            self.fail("a message went while it had a number");
        }
        // RFC 5530 §3: others removed what it was about.
        let went = by_number && reply.tagged.starts_with("NO [EXPUNGEISSUED]");
        if !reply.tagged.starts_with("OK") && !went {
            self.fail("it was refused");
        }
        reply
    }

    fn fail(&self, why: &str) -> ! {
        let from = self.log.len().saturating_sub(60);
        panic!(
            "client {}: {why}\n{}\nit did {:?}",
            self.number,
            self.log[from..].join("\n"),
            self.deeds
        );
    }

    /// At every step: of what nobody else changes, a session knows nothing but the truth.
    fn look(&self) {
        let keyword = self.keyword();
        for (uid, flags) in self.view.messages() {
            if flags.contains(&keyword) != self.deeds.marked.contains(&uid) {
                self.fail(&format!("{uid} has {flags:?}"));
            }
            if let Some(own) = self.deeds.own.get(&uid) {
                let told = FLAGS.into_iter().filter(|flag| flags.contains(*flag));
                let told: BTreeSet<&str> = told.collect();
                if told != *own {
                    self.fail(&format!("its own {uid} has {flags:?}"));
                }
            }
        }
    }

    /// Asks for what is only known to be there.
    fn learn(&mut self) {
        for _ in 0..ACTS {
            let unknown = self.view.unknown();
            let (Some(first), Some(last)) = (unknown.first(), unknown.last()) else {
                return;
            };
            self.run(&format!("FETCH {first}:{last} (UID FLAGS)"));
            if !self.view.unknown().is_empty() {
                // It went before it was seen.
                self.run("NOOP");
            }
        }
        self.fail("there is always something that it may not see");
    }

    fn act(&mut self) {
        let all: Vec<u32> = self.view.messages().into_keys().collect();
        let own: Vec<u32> = self.deeds.own.keys().copied().collect();
        match self.chance.below(12) {
            0..=2 if own.len() < MOST => self.append(),
            3 | 4 => {
                if let Some(uid) = self.chance.of(&own) {
                    self.flag(uid);
                }
            }
            5 | 6 => {
                if let Some(uid) = self.chance.of(&all) {
                    self.mark(uid);
                }
            }
            7 => {
                if let Some(uid) = self.chance.of(&own) {
                    self.remove(uid);
                }
            }
            8 => self.search(),
            9 if self.view.len() > 0 => {
                let number = self.chance.below(self.view.len()) + 1;
                self.run(&format!(
                    "FETCH {number} (UID FLAGS INTERNALDATE RFC822.SIZE)"
                ));
            }
            10 => {
                self.run("EXPUNGE");
            }
            11 if self.chance.below(3) == 0 => self.drop_and_return(),
            _ => {
                self.run("NOOP");
            }
        }
        self.learn();
    }

    fn append(&mut self) {
        self.appended += 1;
        let text = format!(
            "Subject: {} of {}\r\n\r\n{}\r\n",
            self.appended, self.number, self.appended
        );
        // The deed is known before the session is told of it.
        let command = format!("APPEND INBOX {{{}+}}\r\n{text}", text.len());
        let reply = self.run(&command);
        let uid = reply
            .tagged
            .split_once("[APPENDUID ")
            .and_then(|(_, rest)| {
                let uid = rest.split(']').next()?.split(' ').nth(1)?;
                uid.parse().ok()
            });
        let uid: u32 = uid.unwrap_or_else(|| self.fail("no APPENDUID"));
        self.deeds.own.insert(uid, BTreeSet::new());
    }

    fn flag(&mut self, uid: u32) {
        let flag = FLAGS[self.chance.below(FLAGS.len())];
        let flags = self.deeds.own.entry(uid).or_default();
        let sign = match flags.remove(flag) {
            true => '-',
            false => {
                flags.insert(flag);
                '+'
            }
        };
        self.run(&format!("UID STORE {uid} {sign}FLAGS ({flag})"));
    }

    /// A keyword on a message of anybody, who may remove it in this moment.
    fn mark(&mut self, uid: u32) {
        let had = self.deeds.marked.contains(&uid);
        let (sign, keyword) = (if had { '-' } else { '+' }, self.keyword());
        self.say(&format!("UID STORE {uid} {sign}FLAGS ({keyword})"));
        let now = self.view.messages();
        match now.get(&uid).map(|flags| flags.contains(&keyword)) {
            Some(has) if has != had => {
                self.deeds.marked.remove(&uid);
                if has {
                    self.deeds.marked.insert(uid);
                }
                self.look();
            }
            _ => {
                self.deeds.marked.remove(&uid);
                self.say("NOOP");
                if self.view.messages().contains_key(&uid) {
                    self.fail(&format!("{uid} is there, and was not marked"));
                }
                self.look();
            }
        }
    }

    /// Removes a message of its own, or moves it away.
    fn remove(&mut self, uid: u32) {
        self.deeds.own.remove(&uid);
        if self.chance.below(2) == 0 {
            self.run(&format!("UID MOVE {uid} Archive"));
        } else {
            // Whoever expunges first takes it along.
            self.run(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
            self.run(&format!("UID EXPUNGE {uid}"));
        }
        if self.view.messages().contains_key(&uid) {
            // Somebody else expunged it.
            self.run("NOOP");
        }
        if self.view.messages().contains_key(&uid) {
            self.fail(&format!("{uid} is still there"));
        }
    }

    /// What has its keyword: what it marked, as far as that is there.
    fn search(&mut self) {
        let keyword = self.keyword();
        let reply = self.run(&format!("UID SEARCH KEYWORD {keyword}"));
        let text = reply.text();
        let line = text.lines().find_map(|line| line.strip_prefix("* SEARCH"));
        let found = line.unwrap_or_default().split_whitespace();
        for uid in found.map_while(|word| word.parse::<u32>().ok()) {
            if !self.deeds.marked.contains(&uid) {
                self.fail(&format!("it never marked {uid}"));
            }
        }
    }
}

/// What everybody has to know, of what all did.
fn truth(deeds: &[Deeds]) -> BTreeMap<u32, BTreeSet<String>> {
    let own = deeds.iter().flat_map(|deeds| &deeds.own);
    let mut truth: BTreeMap<u32, BTreeSet<String>> = own
        .map(|(uid, flags)| (*uid, flags.iter().map(|flag| (*flag).to_owned()).collect()))
        .collect();
    for (number, deeds) in deeds.iter().enumerate() {
        for uid in &deeds.marked {
            if let Some(flags) = truth.get_mut(uid) {
                flags.insert(format!("client{number}"));
            }
        }
    }
    truth
}

/// Where all clients wait for each other. One that fails takes the others along.
#[derive(Default)]
struct Meeting {
    state: Mutex<(usize, usize, bool)>,
    changed: Condvar,
}

impl Meeting {
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        let (here, round, _) = &mut *state;
        let mine = *round;
        *here += 1;
        if *here == CLIENTS {
            (*here, *round) = (0, mine + 1);
            self.changed.notify_all();
        }
        let state = self
            .changed
            .wait_while(state, |(_, round, broken)| *round == mine && !*broken);
        assert!(!state.unwrap().2, "another client has failed");
    }
}

/// Breaks a meeting up when its client fails.
struct Guest<'a>(&'a Meeting);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(mut state) = self.0.state.lock()
        {
            state.2 = true;
            self.0.changed.notify_all();
        }
    }
}

/// What all clients share.
struct Shared {
    deeds: Mutex<Vec<Deeds>>,
    meeting: Meeting,
    end: Instant,
    over: Mutex<bool>,
}

/// Rounds of one client: it acts, waits for the others, and looks whether it knows what all did.
fn rounds(server: &Server, number: usize, seed: u64, shared: &Shared) -> usize {
    let _guest = Guest(&shared.meeting);
    let mut client = Client::new(server, number, seed);
    for rounds in 1.. {
        for _ in 0..ACTS {
            client.act();
        }
        shared.deeds.lock().unwrap()[number] = client.deeds.clone();
        shared.meeting.wait();
        if number == 0 {
            *shared.over.lock().unwrap() = Instant::now() >= shared.end;
        }
        client.say("NOOP");
        client.learn();
        let truth = truth(&shared.deeds.lock().unwrap());
        if client.view.messages() != truth || client.view.len() != truth.len() {
            client.fail(&format!(
                "it knows {:?}, and there is {truth:?}",
                client.view
            ));
        }
        // Nothing is unknown now; and what is gone is nobody's any more.
        client.known = client
            .known
            .map(|(validity, _)| (validity, client.view.modseq));
        client.deeds.marked.retain(|uid| truth.contains_key(uid));
        shared.meeting.wait();
        if *shared.over.lock().unwrap() {
            return rounds;
        }
    }
    0
}

fn ten_clients(server: &Server, seed: u64) -> usize {
    let mut first = server.imap(ALICE);
    first.command("CREATE Archive").unwrap();
    let shared = Shared {
        deeds: Mutex::new(vec![Deeds::default(); CLIENTS]),
        meeting: Meeting::default(),
        end: Instant::now() + lasts(),
        over: Mutex::new(false),
    };
    std::thread::scope(|scope| {
        let client = |number| {
            let shared = &shared;
            scope.spawn(move || rounds(server, number, seed, shared))
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        // The first that failed says why; the others say that one has.
        ended
            .into_iter()
            .map(|rounds| rounds.unwrap())
            .max()
            .unwrap()
    })
}

/// The number behind a response code.
fn number_after(reply: &ImapReply, code: &str) -> Option<u64> {
    let text = format!("{}{}", reply.text(), reply.tagged);
    let (_, rest) = text.rsplit_once(code)?;
    rest.split(']').next()?.trim().parse().ok()
}

#[test]
fn ten_clients_at_random_are_told_the_truth() {
    let seed = std::env::var("WAXWING_CLIENTS_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::from(since.subsec_nanos())
    });
    eprintln!("the seed is {seed}");
    for database in Database::all() {
        let server = Setup::new().database(database).start();
        let rounds = ten_clients(&server, seed);
        eprintln!("{rounds} rounds of {CLIENTS} clients with {ACTS} acts each");
        assert!(rounds > 1, "too slow to have seen anything");
    }
}

//! Who sits where, and who is the next to make room.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Full;
use crate::config::{Limits, Service};
use crate::origin::Origin;

/// How long nobody is asked to make room after he came, or was last about something.
const UNDISTURBED: Duration = Duration::from_secs(1);

/// All places, and their limits.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_per_address: usize,
    most_per_network: usize,
    /// The number that the next session gets; later ones have higher ones.
    next: u64,
    taken: HashMap<u64, Place>,
    by_address: HashMap<IpAddr, Vec<u64>>,
    by_network: HashMap<IpAddr, Vec<u64>>,
    by_service: HashMap<Service, u32>,
    /// Strangers that are about nothing, and those that are about something.
    idle: BTreeSet<u64>,
    busy: BTreeSet<u64>,
}

/// How many sessions the address and the network of a session had when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowd {
    pub(crate) address: u32,
    pub(crate) network: u32,
}

#[derive(Debug)]
struct Place {
    origin: Origin,
    service: Service,
    /// When the session came, or became idle.
    since: Instant,
    leave: Arc<Notify>,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            most: size(limits.sessions),
            most_per_address: size(limits.sessions_per_address),
            most_per_network: size(limits.sessions_per_network.max(limits.sessions_per_address)),
            next: 0,
            taken: HashMap::new(),
            by_address: HashMap::new(),
            by_network: HashMap::new(),
            by_service: HashMap::new(),
            idle: BTreeSet::new(),
            busy: BTreeSet::new(),
        }
    }

    /// Gives a place to a session; the narrowest limit first, since who makes room there makes room everywhere.
    pub(super) fn admit(
        &mut self,
        origin: Origin,
        service: Service,
        leave: &Arc<Notify>,
        now: Instant,
    ) -> Result<(u64, Crowd), Full> {
        let users = takes_logins(service);
        if count(&self.by_address, origin.address) >= self.most_per_address {
            let next = self.next_of(self.by_address.get(&origin.address), users, now);
            self.make_room(next, "address").ok_or(Full::Address)?;
        }
        if !origin.exempt && count(&self.by_network, origin.network) >= self.most_per_network {
            let next = self.next_of(self.by_network.get(&origin.network), users, now);
            self.make_room(next, "network").ok_or(Full::Network)?;
        }
        if self.taken.len() >= self.most {
            let next = self.next_of_all(users, now);
            self.make_room(next, "all").ok_or(Full::Server)?;
        }
        Ok(self.sit(origin, service, leave, now))
    }

    fn sit(
        &mut self,
        origin: Origin,
        service: Service,
        leave: &Arc<Notify>,
        now: Instant,
    ) -> (u64, Crowd) {
        self.next += 1;
        let number = self.next;
        let place = Place {
            origin,
            service,
            since: now,
            leave: Arc::clone(leave),
        };
        self.taken.insert(number, place);
        self.idle.insert(number);
        let own = self.by_address.entry(origin.address).or_default();
        own.push(number);
        let around = self.by_network.entry(origin.network).or_default();
        around.push(number);
        let crowd = Crowd {
            address: u32::try_from(own.len()).unwrap_or(u32::MAX),
            network: u32::try_from(around.len()).unwrap_or(u32::MAX),
        };
        let count = self.by_service.entry(service).or_default();
        *count += 1;
        gauge(service, *count);
        (number, crowd)
    }

    /// A session ends, or has been told to.
    pub(super) fn leave(&mut self, number: u64) -> Option<Arc<Notify>> {
        let place = self.taken.remove(&number)?;
        self.idle.remove(&number);
        self.busy.remove(&number);
        let Origin {
            address, network, ..
        } = place.origin;
        for (group, key) in [
            (&mut self.by_address, address),
            (&mut self.by_network, network),
        ] {
            if let Some(numbers) = group.get_mut(&key) {
                // They are in the order in which they came.
                if let Ok(index) = numbers.binary_search(&number) {
                    numbers.remove(index);
                }
                if numbers.is_empty() {
                    group.remove(&key);
                }
            }
        }
        if let Some(count) = self.by_service.get_mut(&place.service) {
            *count = count.saturating_sub(1);
            gauge(place.service, *count);
        }
        Some(place.leave)
    }

    pub(super) fn known(&mut self, number: u64) {
        self.idle.remove(&number);
        self.busy.remove(&number);
    }

    pub(super) fn stranger(&mut self, number: u64, busy: bool, now: Instant) {
        let Some(place) = self.taken.get_mut(&number) else {
            return;
        };
        place.since = now;
        self.known(number);
        if busy {
            self.busy.insert(number);
        } else {
            self.idle.insert(number);
        }
    }

    pub(super) fn by_service(&self) -> Vec<(Service, u32)> {
        let counts = self.by_service.iter();
        let mut counts: Vec<_> = counts.map(|(service, count)| (*service, *count)).collect();
        counts.sort_by_key(|(service, _)| service.as_str());
        counts
    }

    /// Who of a group makes room: who has been idle since the longest time, then, for users, whoever came first.
    fn next_of(&self, group: Option<&Vec<u64>>, users: bool, now: Instant) -> Option<u64> {
        let group = group?;
        let first = |kind: &BTreeSet<u64>| {
            let may = |number: &&u64| kind.contains(number) && self.disturbable(**number, now);
            group.iter().find(may).copied()
        };
        first(&self.idle).or_else(|| first(&self.busy).filter(|_| users))
    }

    fn next_of_all(&self, users: bool, now: Instant) -> Option<u64> {
        let first = |kind: &BTreeSet<u64>| {
            let may = |number: &&u64| self.disturbable(**number, now);
            kind.iter().find(may).copied()
        };
        first(&self.idle).or_else(|| first(&self.busy).filter(|_| users))
    }

    fn disturbable(&self, number: u64, now: Instant) -> bool {
        let rested = |place: &Place| now.saturating_duration_since(place.since) >= UNDISTURBED;
        self.taken.get(&number).is_some_and(rested)
    }

    /// Tells a session to leave; none if nobody is to.
    fn make_room(&mut self, number: Option<u64>, scope: &'static str) -> Option<()> {
        metrics::counter!("waxwing_limits_hit_total", "limit" => "sessions", "scope" => scope)
            .increment(1);
        self.leave(number?)?.notify_one();
        Some(())
    }
}

fn count(group: &HashMap<IpAddr, Vec<u64>>, key: IpAddr) -> usize {
    group.get(&key).map_or(0, Vec::len)
}

/// Where users log in: what they cannot reach because others are there, is worse than a transfer that comes again.
fn takes_logins(service: Service) -> bool {
    matches!(service, Service::Submission | Service::Imap | Service::Pop3)
}

fn gauge(service: Service, count: u32) {
    metrics::gauge!("waxwing_sessions", "protocol" => service.as_str()).set(f64::from(count));
}

//! Which steps run at a hook, and on which side of a canary somebody is.
//!
//! Invariants: a canary takes the very place of the step that it replaces, and a shadow step looks just before it, so that both see what it
//! would see; a client that tries again with the same sender is on the same side, on every host and after every restart.

use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::hook::Hook;
use crate::policy_file::Mode;
use crate::step::Step;

/// The steps of one hook, those that do not run here left out.
pub(crate) fn of(
    steps: &[Arc<Step>],
    runs: impl Fn(&Step) -> bool,
    hook: Hook,
) -> Box<[Arc<Step>]> {
    let mut lineup = Vec::new();
    let mut push = |step: &Arc<Step>| {
        if step.hooks.contains(&hook) && runs(step) {
            lineup.push(step.clone());
        }
    };
    for step in steps {
        let name = &step.config.name;
        let stands_in = |other: &&Arc<Step>| other.config.replaces.as_ref() == Some(name);
        match (step.config.mode, &step.config.replaces) {
            (Mode::Enforce, _) => {
                let (shadows, canaries): (Vec<_>, Vec<_>) = steps
                    .iter()
                    .filter(stands_in)
                    .partition(|other| other.config.mode == Mode::Shadow);
                shadows.into_iter().for_each(&mut push);
                canaries.into_iter().for_each(&mut push);
                push(step);
            }
            (_, None) => push(step),
            // It comes with the one that it replaces.
            (_, Some(_)) => {}
        }
    }
    lineup.into()
}

/// Who is to fall on a side. A transaction is on one side from MAIL to its end, so its recipients, which are not known at MAIL, do not matter.
pub(crate) struct Who {
    network: [u8; 7],
    sender: String,
}

impl Who {
    /// A client, and the domain of its reverse path, empty for a connection that has none yet.
    pub(crate) fn new(client: IpAddr, sender: &str) -> Self {
        let mut network = [0; 7];
        match client.to_canonical() {
            IpAddr::V4(address) => copy(&mut network, 3, &address.octets()),
            IpAddr::V6(address) => copy(&mut network, 7, &address.octets()),
        }
        Self {
            network,
            sender: sender.to_ascii_lowercase(),
        }
    }

    /// Whether a canary decides about it.
    pub(crate) fn falls_to(&self, canary: &Step) -> bool {
        match canary.config.mode {
            Mode::Canary(percent) => self.hundredth(&canary.config.name) < percent,
            Mode::Enforce | Mode::Shadow => false,
        }
    }

    /// A number below 100 that is the same each time; each canary draws its own.
    fn hundredth(&self, salt: &str) -> u8 {
        let mut hasher = Sha256::new();
        for part in [salt.as_bytes(), &self.network, self.sender.as_bytes()] {
            hasher.update(part);
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let drawn = digest
            .iter()
            .take(8)
            .fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        u8::try_from(drawn % 100).unwrap_or(0)
    }
}

fn copy(network: &mut [u8], length: usize, octets: &[u8]) {
    for (to, from) in network.iter_mut().zip(octets.iter().take(length)) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_retries_fall_on_one_side_and_all_together_on_both() {
        let drawn = |client: &str, sender: &str| {
            Who::new(client.parse().unwrap(), sender).hundredth("rules-next")
        };
        assert_eq!(drawn("192.0.2.7", "a.test"), drawn("192.0.2.200", "A.test"));
        assert_eq!(
            drawn("::ffff:192.0.2.7", "a.test"),
            drawn("192.0.2.7", "a.test")
        );
        assert_eq!(
            drawn("2001:db8:0:100::1", ""),
            drawn("2001:db8:0:1ff:1::1", "")
        );
        assert_ne!(drawn("192.0.2.7", "a.test"), drawn("192.0.2.7", "b.test"));
        let below = (0..2000)
            .filter(|n| drawn("192.0.2.7", &format!("{n}.test")) < 25)
            .count();
        assert!((400..600).contains(&below), "{below} of 2000");
    }
}

//! Recipients that share a way: one transaction for those of one route, of bounded size.

use std::collections::HashMap;
use std::hash::Hash;

/// Most recipients of one transaction: what every server takes (RFC 5321 §4.5.3.1.8).
pub const MAX_RECIPIENTS: usize = 100;

/// Recipients of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<K, R> {
    /// Where they go, and how.
    pub route: K,
    /// Who, in the order in which they were given; not empty.
    pub recipients: Vec<R>,
}

/// Groups recipients by route, in the order in which routes first occur, at most `limit` in each (0 counts as 1).
pub fn group<K: Clone + Eq + Hash, R>(
    recipients: impl IntoIterator<Item = (K, R)>,
    limit: usize,
) -> Vec<Group<K, R>> {
    let mut groups: Vec<Group<K, R>> = Vec::new();
    // The group of each route that still has room.
    let mut open: HashMap<K, usize> = HashMap::new();
    for (route, recipient) in recipients {
        let room = open
            .get(&route)
            .and_then(|at| groups.get_mut(*at))
            .filter(|group| group.recipients.len() < limit);
        if let Some(group) = room {
            group.recipients.push(recipient);
            continue;
        }
        open.insert(route.clone(), groups.len());
        let recipients = vec![recipient];
        groups.push(Group { route, recipients });
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::next_hop::Route;

    fn mx(domain: &str) -> Route {
        Route::Mx {
            domain: domain.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn nobody_is_lost_doubled_or_led_astray(list in prop::collection::vec("[abc]", 0..60), limit in 0usize..8) {
            let given = list.iter().enumerate().map(|(i, domain)| (mx(domain), i));
            let groups = group(given, limit);
            let mut seen: Vec<usize> = Vec::new();
            for group in &groups {
                prop_assert!(!group.recipients.is_empty() && group.recipients.len() <= limit.max(1));
                prop_assert!(group.recipients.is_sorted());
                for i in &group.recipients {
                    prop_assert_eq!(&mx(&list[*i]), &group.route);
                }
                seen.extend(&group.recipients);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..list.len()).collect::<Vec<_>>());
            // As few as possible.
            for domain in ["a", "b", "c"] {
                let wanted = list.iter().filter(|d| *d == domain).count().div_ceil(limit.max(1));
                prop_assert_eq!(groups.iter().filter(|g| g.route == mx(domain)).count(), wanted);
            }
        }
    }
}

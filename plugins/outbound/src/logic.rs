//! The schedule as arithmetic.

/// The wait after this attempt (from 1), of the list whose last entry stays; moved by up to so many per cent, as `chance` says.
pub fn wait(waits: &[u32], attempt: u32, jitter_percent: u32, chance: u32) -> u32 {
    let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = waits.get(place).or(waits.last()).copied().unwrap_or(3600);
    let most = u64::from(wait) * u64::from(jitter_percent) / 100;
    // 0 to twice the jitter.
    let moved = (u64::from(chance) * (2 * most + 1)) >> 32;
    let seconds = u64::from(wait) - most + moved;
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

/// The wait, cut so that the last attempt is when the message expires.
pub fn cut(wait: u32, queued: u64, expires: u32) -> u32 {
    let left = u64::from(expires).saturating_sub(queued);
    u32::try_from(u64::from(wait).min(left))
        .unwrap_or(wait)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_wait_stays() {
        let waits = [60, 600];
        assert_eq!(
            [1, 2, 3, 99].map(|attempt| wait(&waits, attempt, 0, 7)),
            [60, 600, 600, 600]
        );
    }

    #[test]
    fn chance_moves_a_wait_both_ways_and_not_far() {
        let moved = |chance| wait(&[1000], 1, 10, chance);
        assert_eq!(
            [moved(0), moved(1 << 31), moved(u32::MAX)],
            [900, 1000, 1100]
        );
        assert_eq!(wait(&[1], 1, 50, 0), 1);
    }

    #[test]
    fn the_last_attempt_is_at_the_expiry() {
        assert_eq!(cut(600, 100, 3600), 600);
        assert_eq!(cut(600, 3500, 3600), 100);
        assert_eq!(cut(600, 3600, 3600), 1);
    }
}

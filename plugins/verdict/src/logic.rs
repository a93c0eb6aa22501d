//! What a score means: decisions without a host.

use crate::settings::Thresholds;

/// What becomes of a message for the recipients of one domain, and the threshold that it reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Below every threshold.
    Deliver,
    /// To Junk.
    Junk(f64),
    /// Kept for the operator.
    Quarantine(f64),
    /// Refused.
    Refuse(f64),
}

/// The gravest outcome whose threshold the score reaches. A score that is no number reaches none: a sum of
/// findings must not refuse mail by accident.
pub fn outcome(thresholds: Thresholds, score: f64) -> Outcome {
    let reached = |threshold: Option<f64>| threshold.filter(|threshold| score >= *threshold);
    if let Some(threshold) = reached(thresholds.refuse) {
        Outcome::Refuse(threshold)
    } else if let Some(threshold) = reached(thresholds.quarantine) {
        Outcome::Quarantine(threshold)
    } else if let Some(threshold) = reached(thresholds.junk) {
        Outcome::Junk(threshold)
    } else {
        Outcome::Deliver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Thresholds = Thresholds {
        junk: Some(5.0),
        quarantine: Some(10.0),
        refuse: Some(15.0),
    };

    #[test]
    fn a_threshold_is_reached_at_its_score() {
        assert_eq!(outcome(STEPS, 4.999), Outcome::Deliver);
        assert_eq!(outcome(STEPS, 5.0), Outcome::Junk(5.0));
        assert_eq!(outcome(STEPS, 10.0), Outcome::Quarantine(10.0));
        assert_eq!(outcome(STEPS, 15.0), Outcome::Refuse(15.0));
        assert_eq!(outcome(STEPS, -3.0), Outcome::Deliver);
    }

    #[test]
    fn no_threshold_and_no_number_deliver() {
        let never = Thresholds {
            junk: None,
            quarantine: None,
            refuse: None,
        };
        assert_eq!(outcome(never, 1e9), Outcome::Deliver);
        assert_eq!(outcome(STEPS, f64::NAN), Outcome::Deliver);
    }
}

//! Settings of the verdict plugin; README.md has the table.

use serde::Deserialize;
use std::collections::BTreeMap;
use waxwing_plugin::settings::Problem;

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// From this score on a message goes to Junk.
    pub junk: Threshold,
    /// From this score on it is kept away from the recipient, for the operator to look at.
    pub quarantine: Threshold,
    /// From this score on it is refused.
    pub refuse: Threshold,
    /// The text of the refusal.
    pub refuse_text: String,
    /// Mail of those who logged in is delivered whatever its score.
    pub trust_authenticated: bool,
    /// Thresholds of single recipient domains; what one leaves out is as above.
    pub domains: BTreeMap<String, Overrides>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            junk: Threshold::From(5.0),
            quarantine: Threshold::Never,
            refuse: Threshold::From(15.0),
            refuse_text: "This message looks like spam".to_owned(),
            trust_authenticated: true,
            domains: BTreeMap::new(),
        }
    }
}

/// What one domain has otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overrides {
    /// See [`Settings::junk`].
    pub junk: Option<Threshold>,
    /// See [`Settings::quarantine`].
    pub quarantine: Option<Threshold>,
    /// See [`Settings::refuse`].
    pub refuse: Option<Threshold>,
}

/// A score, or `"never"`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "NumberOrWord")]
pub enum Threshold {
    /// From this score on.
    From(f64),
    /// At no score.
    Never,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrWord {
    Number(f64),
    Word(String),
}

impl TryFrom<NumberOrWord> for Threshold {
    type Error = String;

    fn try_from(value: NumberOrWord) -> Result<Self, String> {
        match value {
            NumberOrWord::Number(score) => Ok(Self::From(score)),
            NumberOrWord::Word(word) if word == "never" => Ok(Self::Never),
            NumberOrWord::Word(word) => {
                Err(format!("\"{word}\" is neither a number nor \"never\""))
            }
        }
    }
}

/// The thresholds in force for one domain; none is never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// See [`Settings::junk`].
    pub junk: Option<f64>,
    /// See [`Settings::quarantine`].
    pub quarantine: Option<f64>,
    /// See [`Settings::refuse`].
    pub refuse: Option<f64>,
}

impl Settings {
    /// The thresholds for recipients of this domain.
    pub fn thresholds(&self, domain: &str) -> Thresholds {
        let own = self.domains.get(domain);
        let choose = |own: Option<Threshold>, general: Threshold| match own.unwrap_or(general) {
            Threshold::From(score) => Some(score),
            Threshold::Never => None,
        };
        Thresholds {
            junk: choose(own.and_then(|own| own.junk), self.junk),
            quarantine: choose(own.and_then(|own| own.quarantine), self.quarantine),
            refuse: choose(own.and_then(|own| own.refuse), self.refuse),
        }
    }
}

/// What serde cannot see: thresholds that are no numbers or cannot be reached.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_order("", settings.thresholds(""), &mut problems);
    for domain in settings.domains.keys() {
        let place = format!(
            "/domains/{}",
            waxwing_plugin::settings::escape_pointer(domain)
        );
        if domain.is_empty() || *domain != domain.to_lowercase() {
            problems.push(Problem::new(&place, "write the domain in lower case"));
        }
        check_order(&place, settings.thresholds(domain), &mut problems);
    }
    problems
}

fn check_order(place: &str, thresholds: Thresholds, problems: &mut Vec<Problem>) {
    let steps = [
        ("junk", thresholds.junk),
        ("quarantine", thresholds.quarantine),
        ("refuse", thresholds.refuse),
    ];
    let mut below: Option<(&str, f64)> = None;
    for (name, score) in steps {
        let Some(score) = score else { continue };
        if !score.is_finite() {
            problems.push(Problem::new(
                format!("{place}/{name}"),
                "is not a finite number",
            ));
            continue;
        }
        // Mail in which nothing was found has no score, and no verdict is asked for.
        if score <= 0.0 {
            problems.push(Problem::new(
                format!("{place}/{name}"),
                "must be above 0: mail in which nothing was found is delivered",
            ));
            continue;
        }
        if let Some((other, lower)) = below
            && score < lower
        {
            problems.push(Problem::new(
                format!("{place}/{name}"),
                format!("{score} is below {other} ({lower}), which would then never apply"),
            ));
        }
        below = Some((name, score));
    }
}

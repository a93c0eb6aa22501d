//! From trial to enforcement: `policy.toml` rewritten so that a trial step counts, everything else of the file as it was.

use toml_edit::{ArrayOfTables, DocumentMut, Item, RawString, Table};

/// A policy in which a step was promoted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Promoted {
    /// The new text.
    pub(crate) text: String,
    /// The step whose place it took, if it replaced one.
    pub(crate) replaced: Option<String>,
}

/// Makes the trial step of this name enforce: it takes place and name of the step that it replaces, or just loses its mode.
pub(crate) fn promoted(text: &str, step: &str) -> Result<Promoted, String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let steps = steps(&mut document)?;
    let place = position(steps, step).ok_or_else(|| format!("the policy has no step `{step}`"))?;
    let trial = steps.get_mut(place).ok_or("the policy has no step")?;
    if !matches!(word(trial, "mode"), Some("shadow" | "canary")) {
        return Err(format!(
            "step `{step}` is not tried out: it enforces already"
        ));
    }
    let replaced = word(trial, "replaces").map(ToOwned::to_owned);
    for key in ["mode", "percent", "replaces"] {
        trial.remove(key);
    }
    if let Some(replaced) = &replaced {
        let old = position(steps, replaced)
            .ok_or_else(|| format!("the policy has no step `{replaced}` to be replaced"))?;
        exchange(steps, place, old, replaced)?;
    }
    Ok(Promoted {
        text: document.to_string(),
        replaced,
    })
}

/// The comment above a trial that was put in from afar.
pub(super) fn mark(replaced: &str) -> String {
    format!("# Tried out in the place of `{replaced}`.\n")
}

/// The steps as they are written.
pub(super) fn steps(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, String> {
    let steps = document.get_mut("step");
    let steps = steps.and_then(Item::as_array_of_tables_mut);
    steps.ok_or_else(|| "the policy has no step".to_owned())
}

pub(super) fn word<'a>(step: &'a Table, key: &str) -> Option<&'a str> {
    step.get(key).and_then(Item::as_str)
}

pub(super) fn name(step: &Table) -> Option<&str> {
    word(step, "name").or_else(|| word(step, "plugin"))
}

pub(super) fn position(steps: &ArrayOfTables, wanted: &str) -> Option<usize> {
    steps.iter().position(|step| name(step) == Some(wanted))
}

/// Puts the trial step where the old one is, under its name and with the comments of both above it.
fn exchange(
    steps: &mut ArrayOfTables,
    place: usize,
    old: usize,
    replaced: &str,
) -> Result<(), String> {
    let missing = || "the policy changed while it was read".to_owned();
    let mut trial = steps.get(place).ok_or_else(missing)?.clone();
    let there = steps.get_mut(old).ok_or_else(missing)?;
    if word(&trial, "plugin") == Some(replaced) {
        trial.remove("name");
    } else {
        trial.insert("name", toml_edit::value(replaced));
    }
    let above = |step: &Table| {
        step.decor()
            .prefix()
            .and_then(RawString::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (of_old, of_trial) = (above(there), above(&trial));
    // It is tried out no more.
    let of_trial = of_trial.replace(&mark(replaced), "");
    trial
        .decor_mut()
        .set_prefix(format!("{of_old}{}", of_trial.trim_start_matches('\n')));
    // Tables are printed by their place in the text: those of the trial step, the inner ones too, move to where the old one began.
    move_to(&mut trial, there.position());
    *there = trial;
    steps.remove(place);
    Ok(())
}

pub(super) fn move_to(table: &mut Table, position: Option<isize>) {
    table.set_position(position);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => move_to(inner, position),
            Item::ArrayOfTables(inner) => {
                inner.iter_mut().for_each(|inner| move_to(inner, position));
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
# The policy.

# Who may connect.
[[step]]
plugin = \"access\" # first

# Rules, as ever.
[[step]]
plugin = \"rules\"
settings-files = [\"rules/*.toml\"]

[step.settings]
# ten
limit = 10

# What it means.
[[step]]
plugin = \"verdict\"

# Rules to come.
[[step]]
name = \"rules-next\"
plugin = \"rules\"
mode = \"shadow\"
replaces = \"rules\"
settings-files = [\"next/*.toml\"] # the new ones

[step.settings]
# twenty
limit = 20

[[step]]
name = \"late\"
plugin = \"late\"
mode = \"canary\"
percent = 5
";

    #[test]
    fn a_trial_step_takes_place_and_name_and_every_comment_stays() {
        let promoted = promoted(POLICY, "rules-next").unwrap();
        assert_eq!(promoted.replaced.as_deref(), Some("rules"));
        assert_eq!(
            promoted.text,
            "\
# The policy.

# Who may connect.
[[step]]
plugin = \"access\" # first

# Rules, as ever.
# Rules to come.
[[step]]
plugin = \"rules\"
settings-files = [\"next/*.toml\"] # the new ones

[step.settings]
# twenty
limit = 20

# What it means.
[[step]]
plugin = \"verdict\"

[[step]]
name = \"late\"
plugin = \"late\"
mode = \"canary\"
percent = 5
"
        );
    }

    #[test]
    fn without_a_step_to_replace_it_just_enforces() {
        let promoted = promoted(POLICY, "late").unwrap();
        assert_eq!(promoted.replaced, None);
        assert!(
            promoted
                .text
                .ends_with("[[step]]\nname = \"late\"\nplugin = \"late\"\n"),
            "{}",
            promoted.text
        );
    }

    #[test]
    fn what_is_not_tried_out_is_not_promoted() {
        assert!(
            promoted(POLICY, "verdict")
                .unwrap_err()
                .contains("enforces")
        );
        assert!(promoted(POLICY, "nobody").unwrap_err().contains("no step"));
        assert!(promoted("", "x").is_err());
    }
}

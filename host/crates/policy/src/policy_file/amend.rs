//! `policy.toml` rewritten as an administrator from afar wants it: a build tried out beside a step, a step's mode, a trial that ends. Everything
//! else of the file stays as it was, comments too.
//!
//! Invariants: these are changes of text and no more. Whether the policy that comes of one loads is asked before it is written.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::promote::{mark, name, position, promoted, steps, word};
use super::rollout::Mode;

/// The text with a trial step right behind a step: all as there, but for the plugin.
pub(crate) fn tried(
    text: &str,
    step: &str,
    plugin: &str,
    trial: &str,
    mode: Mode,
) -> Result<String, String> {
    let mut document = read(text)?;
    let steps = steps(&mut document)?;
    let place = place(steps, step)?;
    if position(steps, trial).is_some() {
        return Err(format!(
            "the policy has a step `{trial}` already: give the trial another name"
        ));
    }
    let original = steps.get(place).ok_or("the policy has no step")?;
    if let Some(mode @ ("shadow" | "canary")) = word(original, "mode") {
        return Err(format!(
            "step `{step}` is tried out itself (mode = \"{mode}\"): name the step that enforces"
        ));
    }
    let mut made = original.clone();
    for key in ["enabled", "mode", "percent", "replaces"] {
        made.remove(key);
    }
    set(&mut made, "plugin", plugin.into());
    if trial == plugin {
        made.remove("name");
    } else {
        set(&mut made, "name", trial.into());
    }
    set_mode(&mut made, mode);
    set(&mut made, "replaces", step.into());
    made.decor_mut().set_prefix(format!("\n{}", mark(step)));
    // Tables are printed by their place in the text: this one follows the last of those that belong to the step.
    let last = last_position(original);
    super::promote::move_to(&mut made, last);
    steps.insert(place + 1, made);
    Ok(document.to_string())
}

/// The text with a step in another mode; one that is to enforce takes the place of what it replaces. What enforces and replaces no other stays
/// in force: only who writes the file takes it out.
pub(crate) fn moded(text: &str, step: &str, mode: Mode) -> Result<String, String> {
    if mode == Mode::Enforce {
        return promoted(text, step).map(|promoted| promoted.text);
    }
    let mut document = read(text)?;
    let steps = steps(&mut document)?;
    let place = place(steps, step)?;
    let table = steps.get_mut(place).ok_or("the policy has no step")?;
    if !is_tried(table) && word(table, "replaces").is_none() {
        return Err(format!(
            "step `{step}` enforces and replaces no other: try a build beside it, or write its mode into policy.toml"
        ));
    }
    set_mode(table, mode);
    let amended = document.to_string();
    if amended == text {
        return Err(format!("step `{step}` is {} already", mode.as_str()));
    }
    Ok(amended)
}

/// The text without a step that is tried out in another's place.
pub(crate) fn withdrawn(text: &str, step: &str) -> Result<String, String> {
    let mut document = read(text)?;
    let steps = steps(&mut document)?;
    let place = place(steps, step)?;
    let table = steps.get(place).ok_or("the policy has no step")?;
    if !is_tried(table) {
        return Err(format!(
            "step `{step}` is not tried out: only a trial is withdrawn"
        ));
    }
    if word(table, "replaces").is_none() {
        return Err(format!(
            "step `{step}` replaces no other: only a trial is withdrawn; take it out of policy.toml"
        ));
    }
    steps.remove(place);
    Ok(document.to_string())
}

/// The plugin of a step.
pub(crate) fn plugin_of(text: &str, step: &str) -> Result<String, String> {
    let mut document = read(text)?;
    let steps = steps(&mut document)?;
    let place = place(steps, step)?;
    let plugin = steps.get(place).and_then(|table| word(table, "plugin"));
    plugin
        .map(ToOwned::to_owned)
        .ok_or_else(|| format!("step `{step}` has no plugin"))
}

/// The text with another plugin in a step, which keeps its name.
pub(crate) fn exchanged(text: &str, step: &str, plugin: &str) -> Result<String, String> {
    let mut document = read(text)?;
    let steps = steps(&mut document)?;
    let place = place(steps, step)?;
    let table = steps.get_mut(place).ok_or("the policy has no step")?;
    let named = name(table).unwrap_or(step).to_owned();
    set(table, "plugin", plugin.into());
    set(table, "name", named.as_str().into());
    Ok(document.to_string())
}

fn read(text: &str) -> Result<DocumentMut, String> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())
}

fn is_tried(table: &Table) -> bool {
    matches!(word(table, "mode"), Some("shadow" | "canary"))
}

fn place(steps: &ArrayOfTables, step: &str) -> Result<usize, String> {
    position(steps, step).ok_or_else(|| format!("the policy has no step `{step}`"))
}

fn set_mode(table: &mut Table, mode: Mode) {
    set(table, "mode", mode.as_str().into());
    match mode {
        Mode::Canary(percent) => set(table, "percent", i64::from(percent).into()),
        Mode::Enforce | Mode::Shadow => {
            table.remove("percent");
        }
    }
}

/// Sets a member; what stands beside its value stays.
fn set(table: &mut Table, key: &str, mut to: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(there) => {
            *to.decor_mut() = there.decor().clone();
            *there = to;
        }
        None => {
            table.insert(key, value(to));
        }
    }
}

/// Where the last of a table's own tables stands.
fn last_position(table: &Table) -> Option<isize> {
    let inner = table.iter().filter_map(|(_, item)| match item {
        Item::Table(inner) => last_position(inner),
        Item::ArrayOfTables(inner) => inner.iter().filter_map(last_position).max(),
        Item::None | Item::Value(_) => None,
    });
    inner.chain(table.position()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
# The policy.

# Rules, as ever.
[[step]]
plugin = \"rules\" # ours
on-error = \"skip\"

[step.settings]
# ten
limit = 10

# What it means.
[[step]]
plugin = \"verdict\"
";

    const TRIED: &str = "\
# The policy.

# Rules, as ever.
[[step]]
plugin = \"rules\" # ours
on-error = \"skip\"

[step.settings]
# ten
limit = 10

# Tried out in the place of `rules`.
[[step]]
plugin = \"rules-next\" # ours
on-error = \"skip\"
mode = \"shadow\"
replaces = \"rules\"

[step.settings]
# ten
limit = 10

# What it means.
[[step]]
plugin = \"verdict\"
";

    fn shadowed(text: &str) -> Result<String, String> {
        tried(text, "rules", "rules-next", "rules-next", Mode::Shadow)
    }

    #[test]
    fn a_trial_stands_behind_its_step_and_goes_without_a_trace() {
        assert_eq!(shadowed(POLICY).unwrap(), TRIED);
        assert_eq!(withdrawn(TRIED, "rules-next").unwrap(), POLICY);
        let canary = tried(POLICY, "rules", "rules", "rules-too", Mode::Canary(5)).unwrap();
        let read: toml::Table = toml::from_str(&canary).unwrap();
        let trial = &read["step"][1];
        assert_eq!(trial["name"].as_str(), Some("rules-too"));
        assert_eq!(trial["percent"].as_integer(), Some(5));
    }

    #[test]
    fn what_is_named_by_others_is_a_text_and_nothing_else() {
        let name = "x\"\nplugin = \"other\"\n[[step]]";
        let text = tried(POLICY, "rules", name, name, Mode::Shadow).unwrap();
        let read: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(read["step"].as_array().unwrap().len(), 3);
        assert_eq!(read["step"][1]["plugin"].as_str(), Some(name));
    }

    #[test]
    fn a_mode_goes_back_and_forth() {
        let canary = moded(TRIED, "rules-next", Mode::Canary(20)).unwrap();
        assert!(canary.contains("mode = \"canary\"\nreplaces = \"rules\"\npercent = 20\n"));
        assert_eq!(moded(&canary, "rules-next", Mode::Shadow).unwrap(), TRIED);
        let said = moded(TRIED, "rules-next", Mode::Shadow).unwrap_err();
        assert_eq!(said, "step `rules-next` is shadow already");
        let asleep = format!("{POLICY}mode = \"shadow\"\n");
        let canary = moded(&asleep, "verdict", Mode::Canary(5)).unwrap();
        assert_eq!(moded(&canary, "verdict", Mode::Shadow).unwrap(), asleep);
        assert_eq!(moded(&asleep, "verdict", Mode::Enforce).unwrap(), POLICY);
        let served = moded(TRIED, "rules-next", Mode::Enforce).unwrap();
        assert!(
            served.contains(
                "plugin = \"rules-next\" # ours\non-error = \"skip\"\nname = \"rules\"\n"
            )
        );
    }

    #[test]
    fn what_enforces_stays_in_force() {
        let verdict = "step `verdict` enforces and replaces no other: try a build beside it, or write its mode into policy.toml";
        for text in [POLICY, &format!("{POLICY}mode = \"enforce\"\n")] {
            for mode in [Mode::Shadow, Mode::Canary(1)] {
                assert_eq!(moded(text, "verdict", mode).unwrap_err(), verdict);
            }
        }
        // Whoever wrote it so takes it out.
        let asleep = format!("{POLICY}mode = \"shadow\"\n");
        assert_eq!(
            withdrawn(&asleep, "verdict").unwrap_err(),
            "step `verdict` replaces no other: only a trial is withdrawn; take it out of policy.toml"
        );
    }

    #[test]
    fn a_step_keeps_its_name_under_another_plugin() {
        let text = exchanged(POLICY, "rules", "other").unwrap();
        assert!(
            text.contains("plugin = \"other\" # ours\non-error = \"skip\"\nname = \"rules\"\n")
        );
        assert_eq!(text.matches("[[step]]").count(), 2);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let said = |result: Result<String, String>| result.unwrap_err();
        assert_eq!(said(shadowed("")), "the policy has no step");
        assert_eq!(
            said(shadowed(TRIED)),
            "the policy has a step `rules-next` already: give the trial another name"
        );
        assert_eq!(
            said(tried(TRIED, "rules-next", "x", "x", Mode::Shadow)),
            "step `rules-next` is tried out itself (mode = \"shadow\"): name the step that enforces"
        );
        assert_eq!(
            said(withdrawn(TRIED, "rules")),
            "step `rules` is not tried out: only a trial is withdrawn"
        );
        assert_eq!(
            said(moded(POLICY, "nobody", Mode::Shadow)),
            "the policy has no step `nobody`"
        );
    }
}

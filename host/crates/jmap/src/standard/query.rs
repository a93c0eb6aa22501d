//! `/query` (RFC 8620 §5.5): filters, sorts, and the window of the results that is wanted.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::State;
use crate::error::MethodError;
use crate::methods::Arguments;

/// Ids that one query gives.
const MAX_IDS: u64 = 10_000;
/// Operators in one another.
const MAX_DEPTH: usize = 16;
/// Conditions of a filter.
const MAX_CONDITIONS: usize = 256;
/// Comparators of a sort.
const MAX_COMPARATORS: usize = 16;

/// The arguments of a `/query`; those that only some types have are in `more`.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) account_id: String,
    pub(crate) filter: Option<Value>,
    pub(crate) sort: Vec<Comparator>,
    pub(crate) window: Window,
}

/// Which of the results are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Window {
    position: i64,
    anchor: Option<String>,
    anchor_offset: i64,
    limit: Option<u64>,
    calculate_total: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Standard {
    account_id: String,
    #[serde(default)]
    filter: Option<Value>,
    #[serde(default)]
    sort: Option<Vec<Comparator>>,
    #[serde(default)]
    position: i64,
    #[serde(default)]
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    calculate_total: bool,
}

/// One item of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparator {
    pub(crate) property: String,
    #[serde(default = "ascending")]
    pub(crate) is_ascending: bool,
    #[serde(default)]
    pub(crate) collation: Option<String>,
    /// What only some properties have.
    #[serde(flatten)]
    pub(crate) more: Map<String, Value>,
}

const fn ascending() -> bool {
    true
}

impl Query {
    /// From arguments without those that only some types have.
    ///
    /// # Errors
    /// `invalidArguments`, `unsupportedSort`.
    pub(crate) fn read(arguments: Arguments) -> Result<Self, MethodError> {
        let standard: Standard = crate::methods::read(arguments)?;
        let sort = standard.sort.unwrap_or_default();
        check_sort(&sort)?;
        Ok(Self {
            account_id: standard.account_id,
            filter: standard.filter,
            sort,
            window: Window {
                position: standard.position,
                anchor: standard.anchor,
                anchor_offset: standard.anchor_offset,
                limit: standard.limit,
                calculate_total: standard.calculate_total,
            },
        })
    }
}

/// RFC 8620 §5.5: no collation is offered, and nobody needs so many comparators.
pub(super) fn check_sort(sort: &[Comparator]) -> Result<(), MethodError> {
    let many = sort.len() > MAX_COMPARATORS;
    if many || sort.iter().any(|by| by.collation.is_some()) {
        return Err(MethodError::UnsupportedSort);
    }
    Ok(())
}

/// What a `/query` comes to.
#[derive(Debug)]
pub(crate) struct Found<I> {
    pub(crate) state: State,
    /// Whether `/queryChanges` can tell what comes after.
    pub(crate) can_calculate: bool,
    /// All ids in their order.
    pub(crate) ids: Vec<I>,
}

impl Window {
    /// The part of the results that is wanted, as the arguments of the response.
    ///
    /// # Errors
    /// `anchorNotFound`.
    pub(crate) fn cut<I: fmt::Display>(
        &self,
        account: String,
        found: Found<I>,
    ) -> Result<Arguments, MethodError> {
        let total = found.ids.len();
        let first = self.first(&found.ids)?;
        let wanted = self.limit.unwrap_or(u64::MAX);
        let count = usize::try_from(wanted.min(MAX_IDS)).unwrap_or(usize::MAX);
        let ids = found.ids.iter().skip(first).take(count);
        let ids: Vec<String> = ids.map(ToString::to_string).collect();
        let mut arguments = Map::new();
        arguments.insert("accountId".into(), account.into());
        arguments.insert("queryState".into(), found.state.into());
        arguments.insert("canCalculateChanges".into(), found.can_calculate.into());
        arguments.insert("position".into(), first.into());
        arguments.insert("ids".into(), ids.into());
        if self.calculate_total {
            arguments.insert("total".into(), total.into());
        }
        // RFC 8620 §5.5: told where it is the server's limit that leaves some out.
        if wanted > MAX_IDS && total.saturating_sub(first) > count {
            arguments.insert("limit".into(), MAX_IDS.into());
        }
        Ok(arguments)
    }

    /// How many of the first results are enough to know it, if it is some.
    pub(crate) fn enough(&self) -> Option<usize> {
        let first = usize::try_from(self.position).ok()?;
        let most = usize::try_from(MAX_IDS).unwrap_or(usize::MAX);
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        // One more than is taken, so that it shows whether some are left out.
        let count = limit.unwrap_or(usize::MAX).min(most + 1);
        let some = self.anchor.is_none() && !self.calculate_total;
        some.then(|| first.saturating_add(count))
    }

    /// Where it begins.
    fn first<I: fmt::Display>(&self, ids: &[I]) -> Result<usize, MethodError> {
        let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let first = match &self.anchor {
            // RFC 8620 §5.5: with an anchor the position is ignored.
            Some(anchor) => {
                let at = ids.iter().position(|id| id.to_string() == *anchor);
                let at = at.ok_or(MethodError::AnchorNotFound)?;
                i64::try_from(at)
                    .unwrap_or(i64::MAX)
                    .saturating_add(self.anchor_offset)
            }
            None if self.position < 0 => total.saturating_add(self.position),
            None => self.position,
        };
        Ok(usize::try_from(first.max(0)).unwrap_or(usize::MAX))
    }
}

/// A filter (RFC 8620 §5.5): conditions of a type, and operators around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter<C> {
    /// All of them match.
    And(Vec<Self>),
    /// One of them does.
    Or(Vec<Self>),
    /// None of them does.
    Not(Vec<Self>),
    /// A condition.
    Condition(C),
}

/// Why a filter is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilterError {
    /// A condition that there is not: `unsupportedFilter`.
    Unsupported(String),
    /// It is not as its type has it: `invalidArguments`.
    Invalid(String),
}

impl From<FilterError> for MethodError {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::Unsupported(_) => Self::UnsupportedFilter,
            FilterError::Invalid(text) => Self::InvalidArguments(text),
        }
    }
}

impl<C> Filter<C> {
    /// From its JSON; what a condition is, its type says.
    ///
    /// # Errors
    /// Of the conditions, and `Unsupported` for more than is taken.
    pub(crate) fn read(
        value: Value,
        condition: &mut impl FnMut(Map<String, Value>) -> Result<Self, FilterError>,
    ) -> Result<Self, FilterError> {
        let mut left = MAX_CONDITIONS;
        Self::read_within(value, condition, MAX_DEPTH, &mut left)
    }

    fn read_within(
        value: Value,
        condition: &mut impl FnMut(Map<String, Value>) -> Result<Self, FilterError>,
        depth: usize,
        left: &mut usize,
    ) -> Result<Self, FilterError> {
        let too_much = || FilterError::Unsupported("more than is taken".into());
        *left = left.checked_sub(1).ok_or_else(too_much)?;
        let Value::Object(mut members) = value else {
            return Err(FilterError::Invalid("a filter is an object".into()));
        };
        let Some(operator) = members.remove("operator") else {
            return condition(members);
        };
        let depth = depth.checked_sub(1).ok_or_else(too_much)?;
        let invalid = || {
            let text = "an operator is AND, OR or NOT, and has conditions";
            FilterError::Invalid(text.into())
        };
        let Some(Value::Array(conditions)) = members.remove("conditions") else {
            return Err(invalid());
        };
        if !members.is_empty() {
            return Err(invalid());
        }
        let inner = conditions
            .into_iter()
            .map(|inner| Self::read_within(inner, condition, depth, left))
            .collect::<Result<_, _>>()?;
        match operator.as_str() {
            Some("AND") => Ok(Self::And(inner)),
            Some("OR") => Ok(Self::Or(inner)),
            Some("NOT") => Ok(Self::Not(inner)),
            _ => Err(invalid()),
        }
    }

    /// Whether it matches, if that follows from what is known of its conditions.
    pub(crate) fn holds(&self, known: &mut impl FnMut(&C) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Condition(condition) => known(condition),
            Self::And(inner) => all(inner, true, known),
            Self::Or(inner) => all(inner, false, known).map(|none| !none),
            Self::Not(inner) => all(inner, false, known),
        }
    }

    /// All of its conditions.
    pub(crate) fn each(&self, look: &mut impl FnMut(&C)) {
        match self {
            Self::Condition(condition) => look(condition),
            Self::And(inner) | Self::Or(inner) | Self::Not(inner) => {
                inner.iter().for_each(|filter| filter.each(look));
            }
        }
    }
}

/// Whether all of them come to `wanted`.
fn all<C>(
    filters: &[Filter<C>],
    wanted: bool,
    known: &mut impl FnMut(&C) -> Option<bool>,
) -> Option<bool> {
    let mut certain = true;
    for filter in filters {
        match filter.holds(known) {
            Some(held) if held != wanted => return Some(false),
            Some(_) => {}
            None => certain = false,
        }
    }
    certain.then_some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Filter<bool>, FilterError> {
        Filter::read(value, &mut |members| {
            let known = members.get("is").and_then(Value::as_bool);
            known
                .map(Filter::Condition)
                .ok_or_else(|| FilterError::Unsupported("no".into()))
        })
    }

    #[test]
    fn operators_hold_as_far_as_is_known() {
        let filter = read(json!({"operator": "AND", "conditions": [
            {"is": true}, {"operator": "NOT", "conditions": [{"is": false}]}, {"operator": "OR", "conditions": [{"is": false}, {"is": true}]}]}));
        let filter = filter.unwrap();
        assert_eq!(filter.holds(&mut |is| Some(*is)), Some(true));
        // What is false is known to be.
        assert_eq!(filter.holds(&mut |is| (!is).then_some(false)), None);
        assert_eq!(filter.holds(&mut |_| None), None);
        assert_eq!(filter.holds(&mut |_| Some(false)), Some(false));
        let none = |operator: &str| read(json!({"operator": operator, "conditions": []})).unwrap();
        assert_eq!(none("AND").holds(&mut |_| None), Some(true));
        assert_eq!(none("OR").holds(&mut |_| None), Some(false));
        assert_eq!(none("NOT").holds(&mut |_| None), Some(true));
    }

    #[test]
    fn filters_are_bounded() {
        let mut deep = json!({"is": true});
        for _ in 0..MAX_DEPTH {
            deep = json!({"operator": "NOT", "conditions": [deep]});
        }
        assert!(read(deep.clone()).is_ok());
        deep = json!({"operator": "NOT", "conditions": [deep]});
        assert!(matches!(read(deep), Err(FilterError::Unsupported(_))));
        let wide = |count: usize| json!({"operator": "AND", "conditions": vec![json!({"is": true}); count]});
        assert!(read(wide(MAX_CONDITIONS - 1)).is_ok());
        assert!(matches!(
            read(wide(MAX_CONDITIONS)),
            Err(FilterError::Unsupported(_))
        ));
    }

    #[test]
    fn filters_that_are_none() {
        for value in [
            json!([]),
            json!({"operator": "XOR", "conditions": []}),
            json!({"operator": "AND"}),
            json!({"operator": "AND", "conditions": {}}),
            json!({"operator": "AND", "conditions": [], "is": true}),
            json!({"operator": "AND", "conditions": [1]}),
        ] {
            assert!(
                matches!(read(value.clone()), Err(FilterError::Invalid(_))),
                "{value}"
            );
        }
    }

    fn window(position: i64, anchor: Option<&str>, anchor_offset: i64) -> Window {
        Window {
            position,
            anchor: anchor.map(str::to_owned),
            anchor_offset,
            limit: Some(2),
            calculate_total: true,
        }
    }

    #[test]
    fn windows_of_results() {
        let cut = |window: Window| {
            let found = Found {
                state: State(7),
                can_calculate: false,
                ids: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            };
            window.cut("A1".into(), found).map(|arguments| {
                let ids = arguments["ids"].to_string();
                assert_eq!(arguments["total"], 4);
                (arguments["position"].as_u64().unwrap(), ids)
            })
        };
        for (window, position, ids) in [
            (window(0, None, 0), 0, r#"["a","b"]"#),
            (window(3, None, 0), 3, r#"["d"]"#),
            (window(9, None, 0), 9, "[]"),
            (window(-3, None, 5), 1, r#"["b","c"]"#),
            // RFC 8620 §5.5: clamped to 0.
            (window(-9, None, 0), 0, r#"["a","b"]"#),
            (window(3, Some("c"), 0), 2, r#"["c","d"]"#),
            (window(0, Some("c"), -1), 1, r#"["b","c"]"#),
            (window(0, Some("c"), -9), 0, r#"["a","b"]"#),
            (window(0, Some("c"), 9), 11, "[]"),
        ] {
            assert_eq!(cut(window).unwrap(), (position, ids.to_owned()));
        }
        assert_eq!(
            cut(window(0, Some("x"), 0)),
            Err(MethodError::AnchorNotFound)
        );
    }
}

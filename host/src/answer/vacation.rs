//! What accounts answer while somebody is away, as it is kept (RFC 8621 §8).

use serde::{Deserialize, Serialize};
use waxwing_jmap::Vacation;
use waxwing_store::{AccountId, NewRecord, Record, RecordKind};

/// The number of the only record.
const NUMBER: i64 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptVacation {
    is_enabled: bool,
    from_date: Option<String>,
    to_date: Option<String>,
    subject: Option<String>,
    text_body: Option<String>,
    html_body: Option<String>,
}

/// What a record says; what cannot be read is as if it had never been set.
pub(crate) fn read(record: Option<&Record>) -> Vacation {
    let kept = record.and_then(|record| serde_json::from_str(&record.value).ok());
    kept.map_or_else(Vacation::default, |kept: KeptVacation| Vacation {
        enabled: kept.is_enabled,
        from: kept.from_date,
        to: kept.to_date,
        subject: kept.subject,
        text: kept.text_body,
        html: kept.html_body,
    })
}

/// The record that says it.
pub(crate) fn record(account: AccountId, vacation: Vacation) -> NewRecord {
    let kept = KeptVacation {
        is_enabled: vacation.enabled,
        from_date: vacation.from,
        to_date: vacation.to,
        subject: vacation.subject,
        text_body: vacation.text,
        html_body: vacation.html,
    };
    NewRecord {
        account,
        kind: RecordKind::Vacation,
        id: NUMBER,
        // Of plain values, which cannot fail to be written.
        value: serde_json::to_string(&kept).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let vacation = Vacation {
            enabled: true,
            from: Some("2026-12-01T00:00:00Z".into()),
            text: Some("Back soon.".into()),
            ..Vacation::default()
        };
        let written = record(AccountId(7), vacation.clone());
        let record = |value: &str| Record {
            id: 1,
            created: 3,
            changed: 3,
            value: value.into(),
        };
        assert_eq!(read(Some(&record(&written.value))), vacation);
        assert_eq!(read(Some(&record("{}"))), Vacation::default());
        assert_eq!(read(None), Vacation::default());
    }
}

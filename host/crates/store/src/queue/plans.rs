//! Every statement of the queue that runs often finds its rows by an index, whatever number of rows waits.

use crate::database::{Connection, Value};
use crate::plans::{self, made, plan};
use crate::statement::{Dialect, Sql};
use crate::writer::queue::{known, lease};

/// Queued rows: 20,000 that wait for later, one message and one leg each.
async fn fill(connection: &mut Connection) {
    let numbers = match connection.dialect() {
        Dialect::Sqlite => {
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)"
        }
        Dialect::Postgres => "(SELECT generate_series(1, 20000) AS i)",
    };
    for text in [
        format!("INSERT INTO queue_messages (id, queue_id, blob, size, received, sender, ret, envid, body, smtp_utf8, require_tls, priority,
                 deliver_by, deliver_by_mode, expires, context)
                 SELECT i, 'Q' || i, i, 1, 1, 's' || i, 0, '', 0, 0, 0, 0, 0, 0, 9, '' FROM {numbers} AS n"),
        format!("INSERT INTO queue_legs (id, message, destination, lane, state, due, lease, owner, attempts, delayed, tried, said)
                 SELECT i, i, 'd' || (i % 1000), 9, 0, 1000000 + i, 0, '', 0, 0, 0, '' FROM {numbers} AS n"),
        format!("INSERT INTO queue_recipients (message, number, leg, state, notify, address, orcpt, said)
                 SELECT i, 0, i, 0, 0, 'a@d', '', '' FROM {numbers} AS n"),
        "ANALYZE".to_owned(),
    ] {
        connection.fetch(made(text), Vec::new()).await.unwrap();
    }
}

/// Whether a line of a plan reads a whole table of the queue.
fn is_scan(line: &str) -> bool {
    let sqlite = ["SCAN l", "SCAN m", "SCAN q"].contains(&line);
    sqlite
        || line.contains("SCAN queue_") && !line.contains("USING")
        || line.contains("Seq Scan on queue_")
}

async fn check(mut connection: Connection) {
    fill(&mut connection).await;
    let take = match connection.dialect() {
        Dialect::Sqlite => &lease::TAKE,
        Dialect::Postgres => &lease::TAKE_UNLOCKED,
    };
    let none = || Value::from("[]");
    let one = || Value::from("[[1]]");
    let pair = || Value::from("[[1,1]]");
    let numbers = |list: &[i64]| list.iter().map(|n| Value::Int(*n)).collect::<Vec<_>>();
    let take_values = || {
        let mut values = vec![
            Value::Int(1),
            Value::from("w"),
            Value::Int(9),
            Value::Int(9),
        ];
        values.extend([Value::Int(5), none(), Value::Int(100)]);
        values
    };
    let listed = |name: &str| {
        let mut values = numbers(&[0, -1, 100]);
        values.push(Value::from(name));
        values
    };
    let mut cases: Vec<(&str, &'static Sql, Vec<Value>, &str)> = vec![
        ("the lanes", &lease::LANES, Vec::new(), "queue_legs_due"),
        ("what is due", take, take_values(), "queue_legs_due"),
        (
            "when next",
            &super::work::NEXT_DUE,
            Vec::new(),
            "queue_legs_due",
        ),
        ("recipients", &lease::OPEN, vec![pair()], ""),
        ("legs to be settled", &known::KNOWN, vec![one()], ""),
        (
            "a lease renewed",
            &lease::RENEW,
            vec![one(), 1.into(), 1.into()],
            "",
        ),
        (
            "a destination",
            &lease::PUT_OFF,
            vec!["d1".into(), 1.into(), 1.into(), 9.into()],
            "queue_legs_destination",
        ),
        (
            "a queue id",
            &super::list::OF_QUEUE_ID,
            listed("Q1"),
            "queue_messages_queue_id",
        ),
        (
            "queue ids",
            &super::list::OF_QUEUE_IDS,
            vec![r#"[["Q1"],["Q2"]]"#.into()],
            "queue_messages_queue_id",
        ),
        (
            "a sender",
            &super::list::OF_SENDER,
            listed("s1"),
            "queue_messages_sender",
        ),
        (
            "a destination's list",
            &super::list::TO_DESTINATION,
            listed("d1"),
            "queue_legs_destination",
        ),
    ];
    let take_for = match connection.dialect() {
        Dialect::Sqlite => &lease::TAKE_FOR,
        Dialect::Postgres => &lease::TAKE_FOR_UNLOCKED,
    };
    let mut one_destination = vec![Value::Int(1), Value::from("w"), Value::Int(9)];
    one_destination.extend([Value::from("d1"), Value::Int(5), Value::Int(100)]);
    cases.push((
        "one destination",
        take_for,
        one_destination,
        "queue_legs_destination",
    ));
    let dead = numbers(&[9, 1, 5]);
    cases.push((
        "leases of the dead",
        &lease::END_LEASES,
        dead,
        "queue_legs_due",
    ));
    let due_for = vec![Value::from("d1"), Value::Int(5)];
    cases.push((
        "whether for one destination",
        &super::work::DUE_FOR,
        due_for,
        "queue_legs_destination",
    ));
    let busy = vec![Value::Int(9), Value::Int(0), Value::from("[[\"d1\"]]")];
    let next = &super::work::NEXT_IN_LANE;
    cases.push(("when next elsewhere", next, busy, "queue_legs_due"));
    for (what, sql, values, index) in cases {
        let plan = plan(&mut connection, sql, values).await;
        assert!(plan.contains(index), "{what}: {plan}");
        let scanned = plan.lines().any(is_scan);
        assert!(!scanned, "{what}: {plan}");
    }
    connection.close().await;
}

#[tokio::test]
async fn sqlite_uses_the_indexes() {
    plans::on_sqlite(check).await;
}

#[tokio::test]
async fn postgres_uses_the_indexes() {
    plans::on_postgres(check).await;
}

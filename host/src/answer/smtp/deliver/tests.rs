use super::*;

fn reply_of(code: u16) -> Reply {
    Reply::new(code, None, code.to_string())
}

#[test]
fn one_reply_for_all_is_the_one_that_loses_nothing() {
    assert_eq!(
        for_all(vec![reply_of(250), reply_of(550), reply_of(451)])
            .code
            .get(),
        451
    );
    assert_eq!(for_all(vec![reply_of(250), reply_of(550)]).code.get(), 550);
    assert_eq!(for_all(vec![reply_of(250)]).code.get(), 250);
}

#[test]
fn a_refused_recipient_stops_the_others() {
    let judged = |fate| Judged {
        given: None,
        address: String::new(),
        domain: String::new(),
        verdict: "deliver",
        filed: Vec::new(),
        responses: Vec::new(),
        onward: Vec::new(),
        fate,
    };
    let mut all = [judged(Fate::Drop), judged(Fate::Refuse(reply_of(550)))];
    all_or_none(&mut all);
    assert!(matches!(&all[0].fate, Fate::Refuse(reply) if reply.code.get() == 550));
    let mut none = [judged(Fate::Drop)];
    all_or_none(&mut none);
    assert!(matches!(none[0].fate, Fate::Drop));
}

//! All replies side by side.

use std::collections::HashSet;

use super::*;

fn all() -> Vec<Reply> {
    vec![
        greeting("mx.example", Mode::Transfer),
        hello("mx.example"),
        extensions("mx.example", &["SIZE".to_owned()]),
        sender_accepted(),
        priority_lowered(),
        too_slow(),
        session_too_long(),
        crowded(),
        excess(),
        too_many_recipients_lately(),
        chunk_taken(5),
        bdat_syntax(),
        xclient_syntax(),
        too_soon(60),
        content_has_begun(),
        data_after_bdat(),
        binary_needs_bdat(),
        xclient_in_transaction(),
        recipient_accepted(),
        send_content(),
        queued("id"),
        delivered("id"),
        reset(),
        noop(),
        goodbye("mx.example"),
        not_verified(),
        help(Mode::Transfer),
        begin_tls(),
        challenge("Zm9v"),
        logged_in(),
        unknown_command(),
        not_implemented(),
        command_too_long(),
        response_too_long(),
        bare_newline_in_command(),
        command_not_utf8(),
        no_argument(),
        name_yourself(),
        verify_whom(),
        mail_syntax(),
        rcpt_syntax(),
        bad_sender(PathError::Brackets),
        bad_recipient(PathError::Brackets),
        unknown_parameter("X"),
        bad_parameter("X"),
        malformed_parameters(),
        sender_needs_smtputf8(),
        recipient_needs_smtputf8(),
        greet_first(Mode::Transfer),
        nested_mail(),
        mail_first(),
        no_recipients(),
        not_welcome(),
        auth_in_transaction(),
        already_logged_in(),
        tls_already_on(),
        tls_in_transaction(),
        too_many_recipients(),
        declared_too_big(1000),
        message_too_big(1000),
        message_endless(),
        bare_newline_in_content(),
        text_line_too_long(1000),
        too_many_errors(),
        too_many_commands(),
        endless_line(),
        too_fast(),
        timed_out(),
        shutting_down("mx.example"),
        login_first(),
        auth_not_offered(),
        auth_needs_tls(),
        auth_syntax(),
        unknown_mechanism(),
        auth_cancelled(),
        not_base64(),
        malformed_response(),
        wrong_credentials(),
        auth_unavailable(),
        tls_not_offered(),
        internal_error(),
        unavailable("ref"),
        no_space(),
    ]
}

#[test]
fn no_two_replies_have_the_same_text() {
    let sources = [include_str!("../replies.rs"), include_str!("limits.rs")];
    assert_eq!(
        all().len(),
        sources
            .iter()
            .flat_map(|source| source.lines())
            .filter(|line| line.starts_with("pub fn "))
            .count()
    );
    let texts: HashSet<_> = all().into_iter().map(|reply| reply.text).collect();
    assert_eq!(texts.len(), all().len());
}

#[test]
fn texts_fit_a_line() {
    for reply in all() {
        let mut line = Vec::new();
        reply.write(&mut line);
        assert!(line.len() <= 80 || reply == help(Mode::Transfer), "{reply}");
    }
}

//! App passwords, tokens and one-time codes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use waxwing_store::{
    AuditPage, Codes, CredentialKind, Error, NewCredential, PasswordCheck, RECOVERY_CODES, Scope,
    Store, is_own_token,
};

use crate::on_both;
use crate::setup::{Kind, Setup, account};

on_both! {
    app_passwords_are_good_for_some_protocols_and_some_time;
    tokens_are_told_from_passwords;
    a_code_is_good_once;
    a_secret_is_wanted_once_a_code_has_shown_that_it_is_there;
    a_recovery_code_takes_the_place_of_a_code_once;
}

const ALICE: &str = "alice@example.org";
/// Where who logs in comes from.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn new(kind: CredentialKind, scopes: &[Scope], expires: Option<i64>) -> NewCredential {
    NewCredential {
        kind,
        name: "telephone".to_owned(),
        scopes: scopes.to_vec(),
        expires,
    }
}

async fn is_right(store: &Store, password: &str, scope: Scope) -> bool {
    let checked = store
        .directory()
        .verify_password(ALICE, password, Some(scope), Codes::UseUp(Some(CLIENT)))
        .await
        .unwrap();
    matches!(checked, PasswordCheck::Right(_))
}

async fn looks_right(store: &Store, password: &str) -> bool {
    let checked = store
        .directory()
        .verify_password(ALICE, password, Some(Scope::Imap), Codes::Look)
        .await
        .unwrap();
    matches!(checked, PasswordCheck::Right(_))
}

async fn app_passwords_are_good_for_some_protocols_and_some_time(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    let until = setup.now.load(Ordering::SeqCst) + 60_000;
    let reading = new(CredentialKind::AppPassword, &[Scope::Imap], Some(until));
    let (made, secret) = store.add_credential(ALICE, reading).await.unwrap();
    // Those who type it may leave the hyphens out.
    for secret in [
        secret.clone(),
        secret.replace('-', ""),
        secret.to_uppercase(),
    ] {
        assert!(is_right(&store, &secret, Scope::Imap).await, "{secret}");
        assert!(!is_right(&store, &secret, Scope::Smtp).await, "{secret}");
    }
    let nobodys = store
        .directory()
        .verify_password(ALICE, &secret, None, Codes::UseUp(None));
    assert_eq!(nobodys.await.unwrap(), PasswordCheck::Wrong);
    assert_eq!(
        store
            .credentials(ALICE, CredentialKind::AppPassword)
            .await
            .unwrap(),
        [made]
    );
    setup.advance(Duration::from_secs(61));
    assert!(!is_right(&store, &secret, Scope::Imap).await);

    let lasting = new(CredentialKind::AppPassword, &Scope::ALL, None);
    let (lasting, secret) = store.add_credential(ALICE, lasting).await.unwrap();
    assert!(is_right(&store, &secret, Scope::Pop3).await);
    let remove = async |kind, id| store.remove_credential(ALICE, kind, id).await;
    assert!(matches!(
        remove(CredentialKind::Token, lasting.id).await,
        Err(Error::NoSuchCredential(_))
    ));
    remove(CredentialKind::AppPassword, lasting.id)
        .await
        .unwrap();
    assert!(!is_right(&store, &secret, Scope::Pop3).await);

    // With the password, what stands for it goes.
    store.set_password(ALICE, Some("own")).await.unwrap();
    let again = new(CredentialKind::AppPassword, &Scope::ALL, None);
    let (_, secret) = store.add_credential(ALICE, again).await.unwrap();
    assert!(
        is_right(&store, &secret, Scope::Smtp).await && is_right(&store, "own", Scope::Smtp).await
    );
    store.set_password(ALICE, None).await.unwrap();
    assert!(!is_right(&store, &secret, Scope::Smtp).await);
    let nameless = NewCredential {
        scopes: Vec::new(),
        ..new(CredentialKind::Token, &[], None)
    };
    assert!(matches!(
        store.add_credential(ALICE, nameless).await,
        Err(Error::InvalidName { .. })
    ));
    store.remove_account(ALICE).await.unwrap();
    assert!(matches!(
        store
            .add_credential(ALICE, new(CredentialKind::Token, &Scope::ALL, None))
            .await,
        Err(Error::NoSuchAccount(_))
    ));
}

async fn tokens_are_told_from_passwords(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    account(&store, "bob").await;
    let token = new(CredentialKind::Token, &[Scope::Imap, Scope::Smtp], None);
    let (made, token) = store.add_credential(ALICE, token).await.unwrap();
    assert!(is_own_token(&token));
    let bearer = async |token: &str, scope| {
        let account = store.directory().bearer(token, Some(scope)).await.unwrap();
        account.map(|account| account.address.clone())
    };
    assert_eq!(bearer(&token, Scope::Imap).await.as_deref(), Some(ALICE));
    assert_eq!(bearer(&token, Scope::Pop3).await, None);
    assert_eq!(bearer("wxt_00", Scope::Imap).await, None);
    assert!(!is_right(&store, &token, Scope::Imap).await);
    let password = new(CredentialKind::AppPassword, &Scope::ALL, None);
    let (_, password) = store.add_credential(ALICE, password).await.unwrap();
    assert_eq!(bearer(&password, Scope::Imap).await, None);
    store
        .remove_credential(ALICE, CredentialKind::Token, made.id)
        .await
        .unwrap();
    assert_eq!(bearer(&token, Scope::Imap).await, None);
}

async fn a_code_is_good_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    store.set_password(ALICE, Some("own")).await.unwrap();
    store.enable_totp(ALICE).await.unwrap();
    // The secret of RFC 6238 appendix B.
    let secret = match setup.kind {
        Kind::Sqlite => "x'3132333435363738393031323334353637383930'",
        Kind::Postgres => "'\\x3132333435363738393031323334353637383930'",
    };
    setup
        .sabotage(&format!("UPDATE accounts SET totp = {secret}"))
        .await;
    store.close().await;
    drop(store);
    let store = setup.open().await;
    setup.now.store(1_111_111_109_000, Ordering::SeqCst);
    assert!(!is_right(&store, "own", Scope::Imap).await, "no code");
    assert!(
        !is_right(&store, "081804", Scope::Imap).await,
        "no password"
    );
    assert!(!is_right(&store, "own081805", Scope::Imap).await);
    // Whoever looks at it only leaves it as it was.
    for right in [true, true] {
        assert_eq!(looks_right(&store, "own081804").await, right);
    }
    assert!(is_right(&store, "own081804", Scope::Imap).await);
    assert!(!is_right(&store, "own081804", Scope::Imap).await, "again");
    assert!(!looks_right(&store, "own081804").await, "used up");
    // A proof has no room for a code.
    assert_eq!(store.directory().scram_keys(ALICE).await.unwrap(), None);
    // The next step's code is good already, and the one before it no more.
    setup.now.store(1_111_111_111_000, Ordering::SeqCst);
    assert!(is_right(&store, "own050471", Scope::Imap).await);
    assert!(!is_right(&store, "own081804", Scope::Imap).await);
    let app_password = new(CredentialKind::AppPassword, &Scope::ALL, None);
    let (_, app_password) = store.add_credential(ALICE, app_password).await.unwrap();
    assert!(is_right(&store, &app_password, Scope::Imap).await);
    store.disable_totp(ALICE).await.unwrap();
    assert!(is_right(&store, "own", Scope::Imap).await);
    assert!(store.directory().scram_keys(ALICE).await.unwrap().is_some());
}

async fn a_secret_is_wanted_once_a_code_has_shown_that_it_is_there(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    store.set_password(ALICE, Some("own")).await.unwrap();
    setup.now.store(1_111_111_109_000, Ordering::SeqCst);
    // The secret of RFC 6238 appendix B.
    let secret = *b"12345678901234567890";
    for wrong in ["081805", "", "81804", "0818041"] {
        let confirmed = store.confirm_totp(ALICE, secret, wrong).await.unwrap();
        assert_eq!(confirmed, None);
    }
    assert!(is_right(&store, "own", Scope::Imap).await);
    assert!(!store.directory().secrets_of(ALICE).await.unwrap().totp);
    let confirmed = store.confirm_totp(ALICE, secret, "081804").await.unwrap();
    assert_eq!(confirmed.unwrap().len(), RECOVERY_CODES);
    let secrets = store.directory().secrets_of(ALICE).await.unwrap();
    assert_eq!(
        (secrets.totp, secrets.recovery_codes),
        (true, RECOVERY_CODES)
    );
    assert!(!is_right(&store, "own081804", Scope::Imap).await, "used up");
    setup.now.store(1_111_111_111_000, Ordering::SeqCst);
    let check = async |password: &str| {
        let directory = store.directory();
        let checked = directory.verify_password(ALICE, password, None, Codes::UseUp(None));
        checked.await.unwrap()
    };
    assert_eq!(check("own").await, PasswordCheck::CodeMissing);
    assert_eq!(check("other").await, PasswordCheck::Wrong);
    assert_eq!(check("own000000").await, PasswordCheck::Wrong);
    assert!(matches!(check("own050471").await, PasswordCheck::Right(_)));
    // A password that ends as a code does.
    store.set_password(ALICE, Some("own123456")).await.unwrap();
    assert_eq!(check("own123456").await, PasswordCheck::CodeMissing);
    assert_eq!(check("own").await, PasswordCheck::Wrong);
    assert_eq!(check("own123456000000").await, PasswordCheck::Wrong);
    setup.now.store(1_234_567_890_000, Ordering::SeqCst);
    let both = check("own123456005924").await;
    assert!(matches!(both, PasswordCheck::Right(_)));
}

async fn a_recovery_code_takes_the_place_of_a_code_once(setup: Arc<Setup>) {
    let store = setup.open().await;
    account(&store, "alice").await;
    store.set_password(ALICE, Some("own")).await.unwrap();
    let refused = store.make_recovery_codes(ALICE).await;
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
    let nobody = store.make_recovery_codes("nobody@example.org").await;
    assert!(matches!(nobody, Err(Error::NoSuchAccount(_))), "{nobody:?}");
    let (_, first) = store.enable_totp(ALICE).await.unwrap();
    let left = async || {
        let secrets = store.directory().secrets_of(ALICE).await.unwrap();
        secrets.recovery_codes
    };
    assert_eq!(
        (first.len(), left().await),
        (RECOVERY_CODES, RECOVERY_CODES)
    );

    let codes = store.make_recovery_codes(ALICE).await.unwrap();
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert_eq!(left().await, RECOVERY_CODES);
    let behind = |code: &str| format!("own{code}");
    assert!(!is_right(&store, "own", Scope::Imap).await, "no code");
    assert!(
        !is_right(&store, &codes[0], Scope::Imap).await,
        "no password"
    );
    let other = format!("other{}", codes[0]);
    assert!(!is_right(&store, &other, Scope::Imap).await);
    let made_up = behind("abcd-efgh-jkmn-pqrs");
    assert!(!is_right(&store, &made_up, Scope::Imap).await);
    assert!(!is_right(&store, &behind(&first[0]), Scope::Imap).await);
    // Whoever looks at it only leaves it as it was.
    for _ in 0..2 {
        assert!(looks_right(&store, &behind(&codes[0])).await);
    }
    assert!(is_right(&store, &behind(&codes[0]), Scope::Imap).await);
    assert!(
        !is_right(&store, &behind(&codes[0]), Scope::Imap).await,
        "again"
    );
    assert!(!looks_right(&store, &behind(&codes[0])).await, "used up");
    assert_eq!(left().await, RECOVERY_CODES - 1);
    // Of logins with the same one at once, one is in.
    let tried = behind(&codes[1]);
    let together = (0..4).map(|_| is_right(&store, &tried, Scope::Imap));
    let inside = futures_util::future::join_all(together).await;
    assert_eq!(inside.iter().filter(|right| **right).count(), 1);
    let page = AuditPage {
        limit: 10,
        ..AuditPage::default()
    };
    let log = store.audit_log(&page).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].entry.action, "recovery-code-use");
    assert_eq!(
        (log[0].entry.who.as_str(), log[0].outcome.as_str()),
        (ALICE, "done")
    );
    assert_eq!(log[0].entry.origin, CLIENT.to_string());
    assert_eq!(log[0].entry.detail, "{\"left\":8}");
    assert!(!format!("{log:?}").contains(&codes[0]));

    // New ones end those before, and all go with the secret.
    let fresh = store.make_recovery_codes(ALICE).await.unwrap();
    assert!(!is_right(&store, &behind(&codes[2]), Scope::Imap).await);
    assert!(is_right(&store, &behind(&fresh[2]), Scope::Imap).await);
    let (_, last) = store.enable_totp(ALICE).await.unwrap();
    assert!(!is_right(&store, &behind(&fresh[3]), Scope::Imap).await);
    assert!(is_right(&store, &behind(&last[3]), Scope::Imap).await);
    store.disable_totp(ALICE).await.unwrap();
    assert_eq!(left().await, 0);
    store.enable_totp(ALICE).await.unwrap();
    store.remove_account(ALICE).await.unwrap();
}

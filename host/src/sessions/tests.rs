use std::time::Duration;

use super::*;

fn sessions(most: u32, per_address: u32, per_network: u32) -> Arc<Sessions> {
    Sessions::new(&Limits {
        sessions: most,
        sessions_per_address: per_address,
        sessions_per_network: per_network,
        ..Limits::default()
    })
}

fn admit(
    sessions: &Arc<Sessions>,
    client: &str,
    service: Service,
    at: Instant,
) -> Result<Seat, Full> {
    sessions.admit(sessions.origin(client.parse().unwrap()), service, at)
}

async fn told(seat: &Seat) -> bool {
    tokio::time::timeout(Duration::ZERO, seat.told_to_leave())
        .await
        .is_ok()
}

#[test]
fn an_address_a_network_and_the_server_have_their_limits() {
    let (now, sessions) = (Instant::now(), sessions(4, 2, 3));
    let smtp = |client| admit(&sessions, client, Service::Smtp, now);
    let first = smtp("192.0.2.1").unwrap();
    let _second = admit(&sessions, "192.0.2.1", Service::Imap, now).unwrap();
    assert_eq!(smtp("192.0.2.1").unwrap_err(), Full::Address);
    let third = smtp("192.0.2.2").unwrap();
    assert_eq!((third.crowd.address, third.crowd.network), (1, 3));
    assert_eq!(smtp("192.0.2.3").unwrap_err(), Full::Network);
    let _fourth = smtp("198.51.100.1").unwrap();
    assert_eq!(smtp("203.0.113.1").unwrap_err(), Full::Server);
    drop(first);
    assert!(smtp("192.0.2.1").is_ok());
    assert_eq!(
        sessions.by_service(),
        [(Service::Imap, 1), (Service::Smtp, 2)]
    );
}

#[test]
fn ipv6_clients_are_counted_by_what_one_has() {
    let (now, sessions) = (Instant::now(), sessions(9, 1, 9));
    let smtp = |client| admit(&sessions, client, Service::Smtp, now);
    let _seat = smtp("2001:db8::1").unwrap();
    assert_eq!(smtp("2001:db8::2").unwrap_err(), Full::Address);
    assert!(smtp("2001:db8:0:1::1").is_ok());
    let _mapped = smtp("::ffff:192.0.2.1").unwrap();
    assert_eq!(smtp("192.0.2.1").unwrap_err(), Full::Address);
}

#[tokio::test]
async fn the_idle_make_room_and_the_known_never_do() {
    let begun = Instant::now();
    let later = begun + Duration::from_secs(2);
    let sessions = sessions(3, 3, 3);
    let smtp = |at| admit(&sessions, "192.0.2.1", Service::Smtp, at);
    let known = admit(&sessions, "192.0.2.1", Service::Imap, begun).unwrap();
    known.known();
    let (first, second) = (smtp(begun).unwrap(), smtp(begun).unwrap());
    // Nobody is disturbed in the first moment.
    assert_eq!(smtp(begun).unwrap_err(), Full::Address);
    let third = smtp(later).unwrap();
    assert!(told(&first).await && !told(&second).await && !told(&known).await);
    // Who was told counts no longer, and gives back nothing twice.
    drop(first);
    assert_eq!(
        sessions.by_service(),
        [(Service::Imap, 1), (Service::Smtp, 2)]
    );
    second.sessions.lock().stranger(second.number, true, begun);
    third.sessions.lock().stranger(third.number, true, begun);
    // Who is about something goes on, though another server comes …
    assert_eq!(smtp(later).unwrap_err(), Full::Address);
    // … but makes room for users.
    let user = admit(&sessions, "192.0.2.1", Service::Submission, later).unwrap();
    assert!(told(&second).await && !told(&third).await && !told(&user).await);
}

#[tokio::test]
async fn strangers_elsewhere_make_room_when_the_server_is_full() {
    let begun = Instant::now();
    let sessions = sessions(2, 2, 2);
    let first = admit(&sessions, "192.0.2.1", Service::Pop3, begun).unwrap();
    let _second = admit(&sessions, "198.51.100.1", Service::Smtp, begun).unwrap();
    let later = begun + Duration::from_secs(2);
    let _third = admit(&sessions, "203.0.113.1", Service::Smtp, later).unwrap();
    assert!(told(&first).await);
}

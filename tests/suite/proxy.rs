//! The PROXY protocol: behind a proxy the client is who the header says, everywhere.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use waxwing_tests::client::{Connection, Smtp};
use waxwing_tests::wait::PATIENCE;
use waxwing_tests::{Policy, Server, Setup};

const LISTENERS: &str = "[limits]\nsessions-per-address = 3\n\
    [[listener]]\nname = \"proxied\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nproxy-protocol = true\nproxy-from = [\"127.0.0.0/8\"]\ncheck-origin = false\n\
    [[listener]]\nname = \"proxied-tls\"\nprotocol = \"submission\"\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\nproxy-protocol = true\nproxy-from = \"127.0.0.1\"\n\
    [[listener]]\nname = \"far\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\nproxy-protocol = true\nproxy-from = [\"192.0.2.0/24\"]\ncheck-origin = false\n";

const MESSAGE: &[u8] = b"From: Ann <ann@example.org>\r\nSubject: Lunch\r\n\r\nAt noon?\r\n";

fn start() -> Server {
    Setup::new()
        .policy(Policy::Accepting)
        .settings(LISTENERS)
        .start()
}

fn connect(address: SocketAddr, header: &[u8]) -> Connection {
    let mut connection = Connection::open(address).unwrap();
    connection.send(header).unwrap();
    connection
}

fn greeted(address: SocketAddr, header: &[u8]) -> Smtp {
    let mut smtp = Smtp {
        connection: connect(address, header),
    };
    smtp.reply().unwrap().class(2).unwrap();
    smtp.command("EHLO client.example")
        .unwrap()
        .class(2)
        .unwrap();
    smtp
}

/// `proxy-protocol.txt` §2.2: signature, version 2 and PROXY, TCP over IPv6, two addresses and two ports.
fn version_2(client: &str) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
    for address in [client, "2001:db8::25"] {
        let address: std::net::Ipv6Addr = address.parse().unwrap();
        header.extend_from_slice(&address.octets());
    }
    header.extend_from_slice(&[0x12, 0x34, 0, 25]);
    header
}

fn received(server: &Server) -> String {
    let mut imap = server.imap("alice@waxwing.test");
    let count = imap.select("INBOX").unwrap();
    let fetched = imap.fetch(&count.to_string()).unwrap();
    String::from_utf8_lossy(&fetched[0].octets).replace("\r\n\t", " ")
}

#[test]
fn the_client_is_who_the_header_says() {
    let server = start();
    let address = server.address("proxied");
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.25 4711 25\r\n";
    let mut one = greeted(address, header);
    let sent = one.send("ann@example.org", &["alice@waxwing.test"], MESSAGE);
    sent.unwrap().class(2).unwrap();
    assert!(
        received(&server).contains("[192.0.2.7]"),
        "{}",
        received(&server)
    );
    // Its limit is its own, and not the proxy's; who is in a transaction makes no room for it.
    let mut more = [one, greeted(address, header), greeted(address, header)];
    for session in &mut more {
        session
            .command("MAIL FROM:<ann@example.org>")
            .unwrap()
            .class(2)
            .unwrap();
    }
    let mut fourth = Smtp {
        connection: connect(address, header),
    };
    assert_eq!(fourth.reply().unwrap().code, 421);
    let mut other = greeted(address, &version_2("2001:db8::7"));
    let sent = other.send("ann@example.org", &["alice@waxwing.test"], MESSAGE);
    sent.unwrap().class(2).unwrap();
    assert!(
        received(&server).contains("[IPv6:2001:db8::7]"),
        "{}",
        received(&server)
    );
    // A health check of the proxy's own is served as itself.
    greeted(address, b"PROXY UNKNOWN\r\n");
}

#[test]
fn tls_begins_after_the_header() {
    let server = start();
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.25 4711 465\r\n";
    let mut connection = connect(server.address("proxied-tls"), header);
    connection.secure().unwrap();
    let mut smtp = Smtp { connection };
    smtp.reply().unwrap().class(2).unwrap();
}

#[test]
fn without_a_header_there_is_not_a_word() {
    let server = start();
    let said = |listener: &str, octets: &[u8]| {
        let mut stream = TcpStream::connect(server.address(listener)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be closed before all is sent.
        let _sent = stream.write_all(octets);
        let mut said = Vec::new();
        let end = stream.read_to_end(&mut said);
        let reset = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(end.map_or_else(reset, |_| true), "it is closed");
        said
    };
    for octets in [
        &b"EHLO client.example\r\n"[..],
        b"PROXY TCP4 192.0.2.7 198.51.100.25 4711\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
    ] {
        assert_eq!(said("proxied", octets), b"", "{octets:?}");
    }
    // A proxy that the listener does not know.
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.25 4711 25\r\n";
    assert_eq!(said("far", header), b"");
}

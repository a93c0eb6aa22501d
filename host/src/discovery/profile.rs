//! A configuration profile for the programs of Apple: opened on a phone, it sets up the account but for the password.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use sha2::{Digest, Sha256};
use waxwing_mail::Address;

use super::Server;

/// The profile of an address. IMAP where it is offered, else POP3.
pub(super) fn write(address: &Address, servers: &[Server]) -> String {
    let best = |protocol: &str| servers.iter().find(|server| server.protocol == protocol);
    let text = address.to_string();
    let mut mail = String::new();
    put(&mut mail, "EmailAccountName", &text);
    put(&mut mail, "EmailAccountDescription", &text);
    put(&mut mail, "EmailAddress", &text);
    let incoming = best("imap").map(|server| (server, "EmailTypeIMAP"));
    if let Some((server, kind)) =
        incoming.or_else(|| best("pop3").map(|server| (server, "EmailTypePOP")))
    {
        put(&mut mail, "EmailAccountType", kind);
        place(&mut mail, "IncomingMailServer", server, &text);
    }
    if let Some(server) = best("smtp") {
        place(&mut mail, "OutgoingMailServer", server, &text);
        mail.push_str("      <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n");
    }
    payload(&mut mail, "com.apple.mail.managed", &text, "mail");
    let mut whole = String::new();
    payload(&mut whole, "Configuration", &text, "profile");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n{whole}  <key>PayloadContent</key>\n  <array>\n    <dict>\n{mail}    </dict>\n  </array>\n</dict>\n</plist>\n"
    )
}

fn put(out: &mut String, key: &str, value: &str) {
    let _infallible = writeln!(
        out,
        "      <key>{key}</key><string>{}</string>",
        escape(value)
    );
}

fn place(out: &mut String, which: &str, server: &Server, user: &str) {
    put(out, &format!("{which}HostName"), &server.host);
    let port = server.port;
    let _infallible = writeln!(
        out,
        "      <key>{which}PortNumber</key><integer>{port}</integer>"
    );
    // By STARTTLS where the port wants that: the programs find out.
    let _infallible = writeln!(out, "      <key>{which}UseSSL</key><true/>");
    put(out, &format!("{which}Username"), user);
    put(out, &format!("{which}Authentication"), "EmailAuthPassword");
}

/// What each part of a profile says of itself. The same address has the same numbers, so that a new profile takes the old one's place.
fn payload(out: &mut String, kind: &str, address: &str, part: &str) {
    let number = uuid(address, part);
    put(out, "PayloadType", kind);
    put(
        out,
        "PayloadIdentifier",
        &format!("waxwing.{part}.{number}"),
    );
    put(out, "PayloadUUID", &number);
    put(out, "PayloadDisplayName", address);
    out.push_str("      <key>PayloadVersion</key><integer>1</integer>\n");
}

/// RFC 9562 §5.8: of a version for uses of one's own.
fn uuid(address: &str, part: &str) -> String {
    let digest = Sha256::digest(format!("{part} {address}"));
    let mut octets = [0; 16];
    for (to, from) in octets.iter_mut().zip(digest) {
        *to = from;
    }
    let number = u128::from_be_bytes(octets) & !(0xf << 76) & !(0b11 << 62) | 8 << 76 | 0b10 << 62;
    let (low, mid) = (number >> 96, |shift: u32| number >> shift & 0xffff);
    let (one, two, three) = (mid(80), mid(64), mid(48));
    let node = number & ((1 << 48) - 1);
    format!("{low:08x}-{one:04x}-{two:04x}-{three:04x}-{node:012x}")
}

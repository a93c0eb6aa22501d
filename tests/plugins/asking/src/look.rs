//! What can be seen of a message, its envelope and its session: one line each, to be held against a step's `view`.

use waxwing_plugin::prelude::*;

pub(crate) fn at(message: &Message, envelope: &Envelope, conn: &Connection) -> Vec<String> {
    let links: Vec<String> = message.urls(10).into_iter().map(|url| url.host).collect();
    let parts: Vec<_> = (0..message.part_count())
        .filter_map(|index| message.part(index))
        .collect();
    let digests: usize = parts.iter().map(|part| part.sha256().len()).sum();
    let names: Vec<String> = parts.iter().filter_map(|part| part.filename()).collect();
    let octets: usize = parts.iter().map(|part| part.read(0, 1024).len()).sum();
    vec![
        format!("see client {}", conn.client_text()),
        format!("see helo {}", conn.helo().unwrap_or_default()),
        format!(
            "see sender {}",
            envelope
                .sender()
                .map(|sender| sender.to_string())
                .unwrap_or_default()
        ),
        format!("see recipients {}", envelope.recipients(0, 10).len()),
        format!("see subject {}", message.subject()),
        format!("see from {}", message.from_addresses().join(" ")),
        format!("see fields {}", message.header_names().join(" ")),
        format!(
            "see has {:?}",
            message.has(&["From".into(), "X-None".into()])
        ),
        format!("see text {}", !message.text(1024).is_empty()),
        format!("see raw {}", message.read(0, 4).len()),
        format!("see tokens {}", !message.tokens(4096).is_empty()),
        format!("see links {}", links.join(" ")),
        format!("see parts {}", parts.len()),
        format!("see part-octets {}", octets > 0),
        format!("see part-digests {}", digests / 32),
        format!("see part-names {}", names.join(" ")),
    ]
}

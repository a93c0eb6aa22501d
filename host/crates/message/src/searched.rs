//! How an address is looked for, by whichever protocol: an index is made from the same text.

use crate::decoded::Decoded;
use crate::summary::AddressItem;

/// An address as it stands in a header, decoded.
#[must_use]
pub fn address(item: &AddressItem) -> Vec<Decoded> {
    let text = |text: String| vec![Decoded::Text(text)];
    match item {
        AddressItem::Mailbox {
            name,
            local,
            domain,
            ..
        } if name.is_empty() => text(format!("{local}@{domain}")),
        AddressItem::Mailbox {
            name,
            local,
            domain,
            ..
        } => match Decoded::name(name) {
            Decoded::Text(name) => text(format!("{name} <{local}@{domain}>")),
            Decoded::Octets(name) => {
                let behind = format!(" <{local}@{domain}>");
                let whole = [name.as_slice(), behind.as_bytes()].concat();
                // The address is text whatever the name is.
                vec![Decoded::Octets(whole), Decoded::Text(behind)]
            }
        },
        AddressItem::GroupStart(name) => vec![Decoded::name(name)],
        AddressItem::GroupEnd => Vec::new(),
    }
}

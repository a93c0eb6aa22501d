//! Between the contract's plain data and the vocabulary of mail.

use std::net::{IpAddr, SocketAddr};

use waxwing_mail::{Address, Domain, Identity, Param, Protocol};

use crate::bindings::waxwing::policy::types as wit;
use crate::state::State;
use crate::subject::Addressee;

impl wit::Host for State {}

/// An address as plugins see it; `<Postmaster>` has no domain (RFC 5321 §4.1.1.3).
pub(crate) fn from_address(address: Option<&Address>) -> wit::MailAddress {
    match address {
        Some(address) => wit::MailAddress {
            local_part: address.local().into(),
            domain: address.domain().as_str().into(),
        },
        None => wit::MailAddress {
            local_part: "postmaster".into(),
            domain: String::new(),
        },
    }
}

/// An address that a plugin gave; none if it is not one.
pub(crate) fn to_address(address: &wit::MailAddress) -> Option<Address> {
    Address::new(&address.local_part, Domain::parse(&address.domain).ok()?).ok()
}

/// An identity as plugins see it.
pub(crate) fn from_identity(identity: &Identity) -> wit::Identity {
    wit::Identity {
        account: identity.account.to_string(),
        authorised_as: identity.authorised_as.to_string(),
        mechanism: identity.mechanism.to_string(),
    }
}

pub(super) fn from_params(params: &[Param]) -> Vec<wit::Param> {
    params
        .iter()
        .map(|param| wit::Param {
            name: param.name.to_string(),
            value: param.value.as_deref().map(str::to_owned),
        })
        .collect()
}

/// A recipient as plugins see it; `address` is where the message goes now, the recipient's own unless an alias led elsewhere.
pub(crate) fn recipient_of(
    index: u32,
    recipient: &Addressee,
    address: Option<&Address>,
) -> wit::Recipient {
    wit::Recipient {
        index,
        address: from_address(address),
        original: from_address(recipient.address.as_ref()),
        params: from_params(&recipient.params),
    }
}

pub(super) fn from_ip(address: IpAddr) -> wit::IpAddress {
    match address.to_canonical() {
        IpAddr::V4(v4) => wit::IpAddress::Ipv4(v4.octets().into()),
        IpAddr::V6(v6) => wit::IpAddress::Ipv6(v6.segments().into()),
    }
}

pub(super) fn from_endpoint(endpoint: SocketAddr) -> wit::Endpoint {
    wit::Endpoint {
        address: from_ip(endpoint.ip()),
        port: endpoint.port(),
    }
}

pub(super) fn from_protocol(protocol: Protocol) -> wit::Protocol {
    match protocol {
        Protocol::Smtp => wit::Protocol::Smtp,
        Protocol::Submission => wit::Protocol::Submission,
        Protocol::Lmtp => wit::Protocol::Lmtp,
        Protocol::Imap => wit::Protocol::Imap,
        Protocol::Pop3 => wit::Protocol::Pop3,
        Protocol::Jmap => wit::Protocol::Jmap,
        Protocol::ManageSieve => wit::Protocol::Managesieve,
        Protocol::Api => wit::Protocol::Api,
    }
}

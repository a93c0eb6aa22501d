//! `dns`, answered from the world's network.

use super::world;
use crate::host::types::IpAddress;
use std::net::IpAddr;

pub use crate::bindings::imports::dns::{
    Answer, Mx, Outcome, Question, RecordData, RecordType, Security, Srv, Tlsa,
};

pub fn look_up(questions: &[Question]) -> Vec<Answer> {
    world(|world| {
        questions
            .iter()
            .map(|question| world.network.answer(question))
            .collect()
    })
}

pub fn reverse(address: IpAddress) -> String {
    let zone = match address {
        IpAddress::Ipv4(_) => "in-addr",
        IpAddress::Ipv6(_) => "ip6",
    };
    format!("{}.{zone}.arpa", reversed(IpAddr::from(address)))
}

pub(super) fn reversed(address: IpAddr) -> String {
    let labels: Vec<String> = match address {
        IpAddr::V4(address) => address.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(address) => {
            let nibbles = |octet: &u8| [format!("{:x}", octet & 15), format!("{:x}", octet >> 4)];
            address.octets().iter().rev().flat_map(nibbles).collect()
        }
    };
    labels.join(".")
}

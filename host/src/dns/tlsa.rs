//! Records for DANE, as they are asked for and read.
//!
//! Standards: RFC 6698 §3 and §7.1, RFC 7672 §2.2.3.

use waxwing_auth::dane::Tlsa;
use waxwing_policy::{DnsAnswer, DnsQuestion, DnsRecord};

/// TLSA (RFC 6698 §7.1).
const TLSA: u16 = 52;

/// What asks for the records of a host at a port.
pub(crate) fn question(host: &str, port: u16) -> DnsQuestion {
    DnsQuestion {
        name: format!("_{port}._tcp.{host}"),
        kind: TLSA,
    }
}

/// The records of an answer.
pub(crate) fn records(answer: DnsAnswer) -> Vec<Tlsa> {
    let record = |record| match record {
        DnsRecord::Tlsa {
            usage,
            selector,
            matching,
            association,
        } => Some(Tlsa {
            usage,
            selector,
            matching,
            association,
        }),
        _ => None,
    };
    answer.records.into_iter().filter_map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_asked_for_at_the_port() {
        let question = question("mx.remote.example", 25);
        assert_eq!(question.name, "_25._tcp.mx.remote.example");
        assert_eq!(question.kind, 52);
    }
}

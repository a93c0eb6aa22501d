//! Records for `dns-01`, written into a zone by dynamic updates.
//!
//! Standards: RFC 2136 (updates, over TCP: §6.2), RFC 8945 (TSIG). Invariant: an answer without the key's signature is none.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_resolver::proto::op::{Message, OpCode, Query, ResponseCode, update_message};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::rdata::tsig::TsigAlgorithm as Algorithm;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordSet, RecordType, TSigner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::trouble::{Kind, Trouble};
use crate::config::{DnsUpdates, TsigAlgorithm, server};

/// How long the name server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long the record may be kept, in seconds: it is gone in a minute.
const TTL: u32 = 60;
/// RFC 8945 §10: how far clocks may be apart, in seconds.
const FUDGE: u16 = 300;

/// A name server that takes updates.
pub(super) struct Updates {
    server: SocketAddr,
    zone: Option<Name>,
    signer: TSigner,
}

/// A record that was written, to be removed.
pub(super) struct Written {
    zone: Name,
    records: RecordSet,
}

impl Updates {
    pub(super) fn open(config: &DnsUpdates) -> Result<Self, Trouble> {
        let wrong = |what: &str, cause: &dyn std::fmt::Display| {
            Trouble::here(format!("acme.dns.{what}: {cause}"))
        };
        let server = server(&config.server).ok_or_else(|| wrong("server", &"no address"))?;
        let path = &config.secret_file;
        let at = |cause: &dyn std::fmt::Display| {
            wrong("secret-file", &format!("{}: {cause}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|cause| at(&cause))?;
        let secret = STANDARD
            .decode(text.trim())
            .map_err(|_| at(&"expected base64, as in the name server's key"))?;
        let key = Name::from_ascii(&config.key).map_err(|cause| wrong("key", &cause))?;
        let algorithm = match config.algorithm {
            TsigAlgorithm::HmacSha256 => Algorithm::HmacSha256,
            TsigAlgorithm::HmacSha384 => Algorithm::HmacSha384,
            TsigAlgorithm::HmacSha512 => Algorithm::HmacSha512,
        };
        let zone = (!config.zone.is_empty()).then(|| name(&config.zone));
        Ok(Self {
            server,
            zone: zone.transpose()?,
            signer: TSigner::new(secret, algorithm, key, FUDGE)
                .map_err(|cause| wrong("algorithm", &cause))?,
        })
    }

    /// Adds a text to the records of `_acme-challenge` of a name (RFC 8555 §8.4).
    pub(super) async fn add(&self, host: &str, text: &str) -> Result<Written, Trouble> {
        let owner = name(&format!("_acme-challenge.{host}"))?;
        let zone = match &self.zone {
            Some(zone) => zone.clone(),
            None => self.zone_of(&owner).await?,
        };
        if !zone.zone_of(&owner) {
            return Err(Trouble::here(format!(
                "acme.dns.zone: {owner} is not in the zone {zone}"
            )));
        }
        let text = RData::TXT(TXT::new(vec![text.to_owned()]));
        let record = Record::from_rdata(owner, TTL, text);
        let records = RecordSet::from(record);
        let message = update_message::append(records.clone(), zone.clone(), false, false);
        self.update(message, &zone).await?;
        Ok(Written { zone, records })
    }

    /// Takes it away.
    pub(super) async fn remove(&self, written: Written) -> Result<(), Trouble> {
        let Written { zone, records } = written;
        let message = update_message::delete_by_rdata(records, zone.clone(), false);
        self.update(message, &zone).await
    }

    async fn update(&self, mut message: Message, zone: &Name) -> Result<(), Trouble> {
        let now = crate::keys::now();
        let verifier = message
            .finalize(&self.signer, now)
            .map_err(|cause| self.failed(&cause))?;
        let octets = message.to_vec().map_err(|cause| self.failed(&cause))?;
        let answer = self.exchange(&octets).await?;
        let code = Message::from_vec(&answer)
            .map_err(|cause| self.failed(&cause))?
            .response_code;
        // RFC 8945 §5.3.2: a server that does not know the key cannot sign what it says about that.
        let said = match code {
            ResponseCode::NoError => None,
            ResponseCode::NotAuth => Some(format!(
                "does not take the key {}: its name, algorithm and secret must be those of the name server, and the clocks must agree; or the zone {zone} is not its own",
                self.signer.signer_name()
            )),
            ResponseCode::Refused => Some(format!(
                "does not let the key {} change the zone {zone}",
                self.signer.signer_name()
            )),
            other => Some(format!("does not change the zone {zone}: {other}")),
        };
        if let Some(said) = said {
            return Err(Trouble::here(format!(
                "the name server {} {said}",
                self.server
            )));
        }
        let Some(mut verifier) = verifier else {
            return Ok(());
        };
        let verified = verifier.verify(&answer);
        verified
            .map(|_| ())
            .map_err(|cause| self.failed(&format!("its answer is not signed by the key: {cause}")))
    }

    /// The zone that a name is in: the nearest name above it with a SOA record of its own.
    async fn zone_of(&self, owner: &Name) -> Result<Name, Trouble> {
        let mut candidate = owner.base_name();
        while !candidate.is_root() {
            let mut message = Message::query();
            message.metadata.op_code = OpCode::Query;
            message.add_query(Query::query(candidate.clone(), RecordType::SOA));
            let octets = message.to_vec().map_err(|cause| self.failed(&cause))?;
            let answer = self.exchange(&octets).await?;
            let answer = Message::from_vec(&answer).map_err(|cause| self.failed(&cause))?;
            let own = |record: &Record| {
                record.record_type() == RecordType::SOA && record.name == candidate
            };
            if answer.answers.iter().any(own) {
                return Ok(candidate);
            }
            candidate = candidate.base_name();
        }
        Err(Trouble::here(format!(
            "the name server {} has no zone of {owner}; is acme.dns.server right?",
            self.server
        )))
    }

    /// A message and its answer, each behind its length (RFC 1035 §4.2.2).
    async fn exchange(&self, message: &[u8]) -> Result<Vec<u8>, Trouble> {
        let talk = async {
            let mut stream = TcpStream::connect(self.server).await?;
            let length = u16::try_from(message.len()).map_err(io::Error::other)?;
            let framed = [&length.to_be_bytes(), message].concat();
            stream.write_all(&framed).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; length.into()];
            stream.read_exact(&mut answer).await?;
            io::Result::Ok(answer)
        };
        match timeout(PATIENCE, talk).await {
            Ok(Ok(answer)) if answer.get(..2) == message.get(..2) => Ok(answer),
            Ok(Ok(_)) => Err(self.failed(&"it answers another question")),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_late) => Err(self.failed(&"no answer in time")),
        }
    }

    fn failed(&self, cause: &dyn std::fmt::Display) -> Trouble {
        Trouble::new(
            Kind::Away,
            format!(
                "the name server {} (acme.dns.server) cannot be asked: {cause}",
                self.server
            ),
        )
    }
}

fn name(text: &str) -> Result<Name, Trouble> {
    let mut name = Name::from_ascii(text)
        .map_err(|cause| Trouble::here(format!("{text} is no name in the DNS: {cause}")))?;
    name.set_fqdn(true);
    Ok(name)
}

//! The DNS: questions of plugins, and names that are connected to, answered through the resolvers of the configuration.
//!
//! Standards: RFC 1034 and 1035; RFC 2308 (no such name, no data); RFC 4033 to 4035, 5155 (DNSSEC), validated here: a resolver's word for it
//! is not taken.
//!
//! Invariant: what is bogus is never given as an answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use tokio::sync::Mutex;
use waxwing_policy::{DnsAnswer, DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity};

use crate::config::{Dns, Validate, server};

mod origin;
pub(crate) mod tlsa;

/// How long it is believed that the resolvers pass proofs on, or do not.
const BELIEVED: Duration = Duration::from_secs(600);
/// Questions that are outstanding at one resolver over one connection.
const OUTSTANDING: usize = 256;

/// Why names cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Trust anchors cannot be read.
    #[error("dns.trust-anchors: {path} cannot be read: {reason}")]
    TrustAnchors {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The resolver cannot be set up.
    #[error("the resolver cannot be set up: {0}")]
    SetUp(NetError),
}

/// Looks names up.
pub(crate) struct Resolver {
    plain: TokioResolver,
    validating: TokioResolver,
    validate: Validate,
    /// Whether the root could be validated, and when that was tried.
    proven: Mutex<Option<(Instant, bool)>>,
}

impl Resolver {
    /// A resolver as it is configured. Nobody is asked yet.
    pub(crate) fn open(config: &Dns) -> Result<Self, Error> {
        let anchors = if config.trust_anchors.as_os_str().is_empty() {
            TrustAnchors::default()
        } else {
            TrustAnchors::from_file(&config.trust_anchors).map_err(|error| Error::TrustAnchors {
                path: config.trust_anchors.display().to_string(),
                reason: error.to_string(),
            })?
        };
        Ok(Self {
            plain: built(config, None)?,
            validating: built(config, Some(Arc::new(anchors)))?,
            validate: config.validate,
            proven: Mutex::new(None),
        })
    }

    /// Asks a question.
    pub(crate) async fn resolve(&self, question: &DnsQuestion) -> DnsAnswer {
        match Name::from_ascii(&question.name) {
            Ok(name) => self.ask(name, RecordType::from(question.kind)).await,
            Err(_) => DnsAnswer::without(DnsOutcome::NoSuchName, DnsSecurity::Indeterminate),
        }
    }

    async fn ask(&self, mut name: Name, kind: RecordType) -> DnsAnswer {
        // No search list.
        name.set_fqdn(true);
        let validated = self.validates().await;
        let resolver = if validated {
            &self.validating
        } else {
            &self.plain
        };
        let mut answer = match resolver.lookup(name, kind).await {
            Ok(lookup) => found(&lookup, kind),
            Err(error) => missing(&error),
        };
        if !validated {
            answer.security = DnsSecurity::Indeterminate;
        }
        answer
    }

    /// The addresses of a host, IPv4 first.
    pub(crate) async fn addresses(&self, host: &str) -> Vec<IpAddr> {
        let ask = async |kind: RecordType| {
            let question = DnsQuestion {
                name: host.to_owned(),
                kind: kind.into(),
            };
            self.resolve(&question).await
        };
        let (four, six) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA));
        let trusted = [four, six]
            .into_iter()
            .filter(|answer| answer.security != DnsSecurity::Bogus);
        trusted
            .flat_map(|answer| answer.records)
            .filter_map(|record| match record {
                DnsRecord::Address(address) => Some(address),
                _ => None,
            })
            .collect()
    }

    /// Whether answers are validated. Resolvers that do not pass signatures on would make every answer bogus; whether they do is seen at the
    /// root, which is signed.
    async fn validates(&self) -> bool {
        match self.validate {
            Validate::Always => return true,
            Validate::Never => return false,
            Validate::Auto => {}
        }
        let mut proven = self.proven.lock().await;
        if let Some((tried, proven)) = *proven
            && tried.elapsed() < BELIEVED
        {
            return proven;
        }
        let root = self
            .validating
            .lookup(Name::root(), RecordType::DNSKEY)
            .await;
        let holds = root.is_ok_and(|lookup| {
            security(lookup.answers().iter().map(|record| record.proof)) == DnsSecurity::Secure
        });
        if !holds {
            tracing::warn!(
                "the resolvers do not pass on the root's signatures: answers of the DNS are not validated (dns.validate)"
            );
        }
        *proven = Some((Instant::now(), holds));
        holds
    }
}

fn built(config: &Dns, anchors: Option<Arc<TrustAnchors>>) -> Result<TokioResolver, Error> {
    let provider = TokioRuntimeProvider::default;
    let mut builder = if config.servers.is_empty() {
        TokioResolver::builder(provider()).unwrap_or_else(|error| {
            // resolv.conf(5): without the file, the name server on the local machine is asked.
            tracing::warn!(%error, "the system's resolvers cannot be read: 127.0.0.1 is asked");
            TokioResolver::builder_with_config(those(&["127.0.0.1".to_owned()]), provider())
        })
    } else {
        TokioResolver::builder_with_config(those(&config.servers), provider())
    };
    set(builder.options_mut(), config);
    if let Some(anchors) = anchors {
        builder = builder.with_trust_anchor(anchors);
    }
    builder.build().map_err(Error::SetUp)
}

/// Resolvers at these addresses, over UDP, and over TCP where that is too small.
fn those(servers: &[String]) -> ResolverConfig {
    let at = |address: SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    let servers = servers.iter().filter_map(|text| server(text)).map(at);
    ResolverConfig::from_parts(None, Vec::new(), servers.collect())
}

fn set(options: &mut ResolverOpts, config: &Dns) {
    options.timeout = config.timeout.duration();
    // The first try is none of these.
    options.attempts = usize::try_from(config.attempts.saturating_sub(1)).unwrap_or(1);
    options.cache_size = config.cache.into();
    options.max_active_requests = OUTSTANDING;
    // A plugin asks the DNS, not this machine's list of hosts.
    options.use_hosts_file = ResolveHosts::Never;
}

fn found(lookup: &Lookup, kind: RecordType) -> DnsAnswer {
    let wanted = |record: &&Record| record.record_type() == kind;
    let records: Vec<DnsRecord> = lookup
        .answers()
        .iter()
        .filter(wanted)
        .filter_map(|record| data(&record.data))
        .collect();
    let on_the_way = lookup
        .answers()
        .iter()
        .filter(|record| wanted(record) || record.record_type() == RecordType::CNAME);
    let security = security(on_the_way.map(|record| record.proof));
    let outcome = if security == DnsSecurity::Bogus {
        return DnsAnswer::without(DnsOutcome::TemporaryFailure, security);
    } else if records.is_empty() {
        DnsOutcome::NoData
    } else {
        DnsOutcome::Found
    };
    DnsAnswer {
        records,
        ttl: lookup
            .valid_until()
            .saturating_duration_since(Instant::now()),
        ..DnsAnswer::without(outcome, security)
    }
}

/// What is left where there are no records: a proven or unproven no, or nothing known.
fn missing(error: &NetError) -> DnsAnswer {
    let (code, security) = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let authorities = none.authorities.as_deref().unwrap_or_default();
            (none.response_code, denial(authorities))
        }
        NetError::Dns(DnsError::Nsec {
            response, proof, ..
        }) => (response.response_code, security([*proof].into_iter())),
        NetError::Dns(DnsError::DnssecBogus) => (ResponseCode::ServFail, DnsSecurity::Bogus),
        _ => return DnsAnswer::failed(),
    };
    let outcome = match code {
        _ if security == DnsSecurity::Bogus => DnsOutcome::TemporaryFailure,
        ResponseCode::NXDomain => DnsOutcome::NoSuchName,
        ResponseCode::NoError => DnsOutcome::NoData,
        _ => DnsOutcome::TemporaryFailure,
    };
    DnsAnswer::without(outcome, security)
}

/// Whether a no is proven: the validating resolver lets one through whose denial holds, or whose zone is not signed.
fn denial(authorities: &[Record]) -> DnsSecurity {
    if authorities
        .iter()
        .any(|record| record.proof == Proof::Secure)
    {
        DnsSecurity::Secure
    } else {
        DnsSecurity::Insecure
    }
}

/// A chain is as good as its weakest link.
fn security(proofs: impl Iterator<Item = Proof>) -> DnsSecurity {
    let mut weakest = None;
    for proof in proofs {
        let security = match proof {
            Proof::Secure => DnsSecurity::Secure,
            Proof::Insecure => DnsSecurity::Insecure,
            Proof::Bogus => return DnsSecurity::Bogus,
            Proof::Indeterminate => DnsSecurity::Indeterminate,
        };
        weakest = match (weakest, security) {
            (Some(DnsSecurity::Indeterminate), _) | (_, DnsSecurity::Indeterminate) => {
                Some(DnsSecurity::Indeterminate)
            }
            (Some(DnsSecurity::Insecure), _) => Some(DnsSecurity::Insecure),
            (_, other) => Some(other),
        };
    }
    weakest.unwrap_or(DnsSecurity::Indeterminate)
}

fn data(data: &RData) -> Option<DnsRecord> {
    Some(match data {
        RData::A(address) => DnsRecord::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => DnsRecord::Address(IpAddr::V6(address.0)),
        RData::PTR(name) => DnsRecord::Name(plain(&name.0)),
        RData::CNAME(name) => DnsRecord::Name(plain(&name.0)),
        RData::NS(name) => DnsRecord::Name(plain(&name.0)),
        RData::MX(mx) => DnsRecord::Mx {
            preference: mx.preference,
            exchange: plain(&mx.exchange),
        },
        RData::TXT(txt) => DnsRecord::Text(txt.txt_data.concat()),
        RData::SRV(srv) => DnsRecord::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: plain(&srv.target),
        },
        RData::TLSA(tlsa) => DnsRecord::Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            association: tlsa.cert_data.clone(),
        },
        other => DnsRecord::Other(octets(other)?),
    })
}

fn octets(data: &RData) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(octets)
}

/// Lower case, without the last dot.
fn plain(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

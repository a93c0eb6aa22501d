//! A DNS of a test's own: zones on a loopback port, signed where the test wants it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hickory_server::dnssec::NxProofKind;
use hickory_server::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_server::proto::dnssec::rdata::DNSKEY;
use hickory_server::proto::dnssec::{Algorithm, DnssecSigner, PublicKey as _, SigningKey as _};
use hickory_server::proto::rr::{Name, RecordSet, RrKey};
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Runtime;

use crate::updates::Updates;

/// Zones to be served.
#[derive(Default)]
pub struct Zones {
    catalog: Catalog,
    anchors: String,
    plain: Vec<(Name, Arc<InMemoryZoneHandler>)>,
}

/// A DNS server; it ends with this value.
pub struct Names {
    address: SocketAddr,
    runtime: Runtime,
}

impl Zones {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a zone: lines of a zone file without SOA and NS, which are made.
    ///
    /// # Panics
    /// If it is no zone.
    #[must_use]
    pub fn zone(mut self, origin: &str, lines: &str) -> Self {
        let (origin, records) = read(origin, lines);
        let zone = Arc::new(zone(&origin, records, None));
        self.plain.push((origin.clone(), Arc::clone(&zone)));
        self.catalog.upsert(origin.into(), vec![zone]);
        self
    }

    /// Adds a zone that is signed, and its key to the trust anchors.
    #[must_use]
    pub fn signed_zone(self, origin: &str, lines: &str) -> Self {
        let key = Key::new();
        self.zone_with_anchor(origin, lines, key.clone(), &key)
    }

    /// Adds a zone that is signed by another key than the trust anchors say.
    #[must_use]
    pub fn forged_zone(self, origin: &str, lines: &str) -> Self {
        self.zone_with_anchor(origin, lines, Key::new(), &Key::new())
    }

    fn zone_with_anchor(mut self, origin: &str, lines: &str, own: Key, trusted: &Key) -> Self {
        let (origin, records) = read(origin, lines);
        let mut zone = zone(&origin, records, Some(NxProofKind::Nsec));
        zone.add_zone_signing_key_mut(own.signer(&origin))
            .expect("the key signs");
        zone.secure_zone_mut().expect("the zone is signed");
        self.anchors.push_str(&trusted.anchor(&origin));
        self.catalog.upsert(origin.into(), vec![Arc::new(zone)]);
        self
    }

    /// The trust anchors, as a file of DNSKEY records.
    #[must_use]
    pub fn anchors(&self) -> &str {
        &self.anchors
    }

    /// Serves them, and takes updates of the last one that is not signed, with this key.
    ///
    /// # Panics
    /// If there is no such zone, or the machine has no loopback.
    #[must_use]
    pub fn serve_with_updates(self, key: (&str, &[u8])) -> (Names, Updates) {
        let zone = self.plain.last().cloned().expect("a zone");
        let names = self.serve();
        let updates = Updates::of(zone, key, names.runtime.handle().clone());
        (names, updates)
    }

    /// Serves them. Questions about other names are refused, as by a server that is not asked rightly.
    ///
    /// # Panics
    /// If the machine has no loopback.
    #[must_use]
    pub fn serve(self) -> Names {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let address = runtime.block_on(async {
            let mut server = Server::new(self.catalog);
            let (udp, tcp) = sockets().await;
            let address = udp.local_addr().expect("it is bound");
            server.register_socket(udp);
            server.register_listener(tcp, Duration::from_secs(5), 32);
            tokio::spawn(async move { server.block_until_done().await });
            address
        });
        Names { address, runtime }
    }
}

impl Names {
    /// Where it is asked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The same port for both, which the system finds.
pub(crate) async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = tcp.local_addr().expect("it is bound");
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp);
        }
    }
}

fn read(origin: &str, lines: &str) -> (Name, BTreeMap<RrKey, RecordSet>) {
    let name = Name::from_ascii(format!("{origin}.")).expect("a name");
    let text = format!(
        "$TTL 300\n@ IN SOA ns.{origin}. admin.{origin}. ( 1 3600 600 86400 300 )\n@ IN NS ns.{origin}.\nns IN A 127.0.0.1\n{lines}\n"
    );
    let (_, records) = Parser::new(text, None, Some(name.clone()))
        .parse()
        .expect("a zone");
    (name, records)
}

fn zone(
    origin: &Name,
    records: BTreeMap<RrKey, RecordSet>,
    proof: Option<NxProofKind>,
) -> InMemoryZoneHandler {
    InMemoryZoneHandler::new(
        origin.clone(),
        records,
        ZoneType::Primary,
        AxfrPolicy::Deny,
        proof,
    )
    .expect("a zone")
}

/// A key of a zone.
#[derive(Clone)]
struct Key(Arc<Vec<u8>>);

impl Key {
    fn new() -> Self {
        let made = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).expect("a key");
        Self(Arc::new(made.secret_pkcs8_der().to_vec()))
    }

    fn open(&self) -> EcdsaSigningKey {
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from(self.0.as_slice());
        EcdsaSigningKey::from_pkcs8(&der, Algorithm::ECDSAP256SHA256).expect("a key")
    }

    fn signer(&self, origin: &Name) -> DnssecSigner {
        let key = self.open();
        let public = key.to_public_key().expect("its public half");
        DnssecSigner::new(
            DNSKEY::from_key(&public),
            Box::new(key),
            origin.clone(),
            Duration::from_secs(86_400),
        )
    }

    fn anchor(&self, origin: &Name) -> String {
        let public = self.open().to_public_key().expect("its public half");
        format!(
            "{origin} IN DNSKEY 257 3 13 {}\n",
            STANDARD.encode(public.public_bytes())
        )
    }
}

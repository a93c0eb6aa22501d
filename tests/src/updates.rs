//! A name server that takes dynamic updates (RFC 2136) signed with a key (RFC 8945), for the zones of a test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hickory_server::proto::op::{Message, OpCode, ResponseCode, UpdateMessage as _};
use hickory_server::proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_server::proto::rr::{
    DNSClass, LowerName, Name, Record, RecordSet, RrKey, TSigResponseContext, TSigner,
};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use tokio::runtime::Handle;

/// The server; its thread ends with the tests.
pub struct Updates {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
}

struct Keeper {
    zone: (Name, Arc<InMemoryZoneHandler>),
    signer: TSigner,
    runtime: Handle,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Updates {
    /// Takes updates of a zone that are signed with this key (HMAC with SHA-256).
    ///
    /// # Panics
    /// If the machine has no loopback.
    pub(crate) fn of(
        zone: (Name, Arc<InMemoryZoneHandler>),
        (key, secret): (&str, &[u8]),
        runtime: Handle,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let name = Name::from_ascii(key).expect("a name");
        let signer = TSigner::new(secret.to_vec(), TsigAlgorithm::HmacSha256, name, 300);
        let taken = Arc::<Mutex<Vec<String>>>::default();
        let keeper = Keeper {
            zone,
            signer: signer.expect("a key"),
            runtime,
            taken: Arc::clone(&taken),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _gone = keeper.talk(stream);
            }
        });
        Self { address, taken }
    }

    /// Where it is asked.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was added to the zone, and taken from it: a sign and the record.
    ///
    /// # Panics
    /// If its thread did.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("nobody panics with it").clone()
    }
}

impl Keeper {
    fn talk(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut octets = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut octets)?;
        let answer = self.answer(&octets);
        let length = u16::try_from(answer.len()).expect("a short answer");
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())
    }

    fn answer(&self, octets: &[u8]) -> Vec<u8> {
        let asked = Message::from_vec(octets).expect("a message of the DNS");
        if asked.op_code == OpCode::Update {
            return self.update(&asked, octets);
        }
        // Which zone it is: the SOA record of its name, and of no other.
        let mut answer = Message::response(asked.id, OpCode::Query);
        let (origin, zone) = &self.zone;
        if asked.queries.first().map(|query| query.name()) == Some(origin) {
            let records = self.runtime.block_on(zone.records());
            let soa = records
                .values()
                .filter(|set| set.record_type() == hickory_server::proto::rr::RecordType::SOA);
            let all = soa.flat_map(|set| set.records_without_rrsigs().cloned());
            answer.add_answers(all.collect::<Vec<_>>());
        }
        answer.to_vec().expect("it can be written")
    }

    fn update(&self, asked: &Message, octets: &[u8]) -> Vec<u8> {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).expect("after 1970");
        let mut answer = Message::response(asked.id, OpCode::Update);
        let verified = self.signer.verify_message_byte(octets, None, true);
        let context = match verified {
            Ok((mac, _, range)) if range.contains(&now) => {
                for record in asked.updates() {
                    self.apply(record);
                }
                TSigResponseContext::new(asked.id, now, self.signer.clone(), mac, None)
            }
            _ => {
                answer.metadata.response_code = ResponseCode::NotAuth;
                TSigResponseContext::bad_signature(asked.id, now, self.signer.clone())
            }
        };
        let unsigned = answer.to_vec().expect("it can be written");
        answer.set_signature(context.sign(&unsigned).expect("it is signed"));
        answer.to_vec().expect("it can be written")
    }

    fn apply(&self, record: &Record) {
        let (_, zone) = &self.zone;
        // RFC 2136 §2.5.4: class NONE deletes the record.
        let sign = if record.dns_class == DNSClass::NONE {
            let key = RrKey::new(LowerName::new(&record.name), record.record_type());
            let mut records = self.runtime.block_on(zone.records_mut());
            if let Some(set) = records.remove(&key) {
                let mut left = RecordSet::new(record.name.clone(), record.record_type(), 0);
                for other in set.records_without_rrsigs() {
                    if other.data != record.data {
                        left.insert(other.clone(), 0);
                    }
                }
                if !left.is_empty() {
                    records.insert(key, Arc::new(left));
                }
            }
            '-'
        } else {
            self.runtime.block_on(zone.upsert(record.clone(), 0));
            '+'
        };
        let line = format!("{sign} {} {}", record.name, record.data);
        self.taken.lock().expect("nobody panics with it").push(line);
    }
}

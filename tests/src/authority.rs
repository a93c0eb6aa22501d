//! A certification authority of a test's own, and a web server whose pages are over HTTPS, behind a proxy, since its port is any.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// An authority, with a folder for what it makes.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that it has issued, with its key.
pub struct Issued {
    /// The certificate's file, in PEM.
    pub certificate: PathBuf,
    /// The key's file, in PEM.
    pub key: PathBuf,
    /// The certificate in DER.
    pub der: CertificateDer<'static>,
    secret: Vec<u8>,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes one.
    ///
    /// # Panics
    /// If there is no folder, or no key.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of the same name as what it issues, some programs would take that for its own.
        let named = &mut params.distinguished_name;
        named.push(DnType::CommonName, "an authority of a test");
        let own = params.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("roots.pem"), own.pem()).expect("the roots are written");
        Self {
            folder,
            issuer: Issuer::new(params, key),
        }
    }

    /// The file of the authority's own certificate: what `SSL_CERT_FILE` names.
    #[must_use]
    pub fn roots(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// Issues a certificate for a name.
    ///
    /// # Panics
    /// If it is no name.
    #[must_use]
    pub fn issue(&self, name: &str) -> Issued {
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        self.made(name, params)
    }

    /// The same, good until a day (year, month, day) begins.
    ///
    /// # Panics
    /// If it is no name.
    #[must_use]
    pub fn issue_until(&self, name: &str, (year, month, day): (i32, u8, u8)) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(year, month, day);
        self.made(name, params)
    }

    fn made(&self, name: &str, params: CertificateParams) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("it is signed");
        let issued = Issued {
            certificate: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}.key")),
            der: made.der().clone(),
            secret: key.serialize_der(),
        };
        fs::write(&issued.certificate, made.pem()).expect("the certificate is written");
        fs::write(&issued.key, key.serialize_pem()).expect("the key is written");
        issued
    }
}

impl Issued {
    /// Lines of `waxwing.toml` for a server that has it.
    #[must_use]
    pub fn settings(&self) -> String {
        format!(
            "[tls]\ncertificate = {:?}\nkey = {:?}\n",
            self.certificate.display().to_string(),
            self.key.display().to_string()
        )
    }

    fn config(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.secret.clone()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key);
        Arc::new(config.expect("key and certificate fit"))
    }
}

/// The octets of a whole response to a request: its header, and its content.
type Answer = dyn Fn(&str, &[u8]) -> Vec<u8> + Send + Sync;

/// A proxy for HTTPS that answers in the place of every host.
pub struct Tunnel {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    /// Answers by this function, with this certificate.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn serve(
        with: &Issued,
        answer: impl Fn(&str, &[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (kept, config) = (Arc::clone(&asked), with.config());
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, answer, kept) =
                    (Arc::clone(&config), Arc::clone(&answer), Arc::clone(&kept));
                std::thread::spawn(move || talk(stream, config, &*answer, &kept));
            }
        });
        Self { address, asked }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first lines of the requests so far, after the host that they were for.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panics").clone()
    }
}

fn talk(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    answer: &Answer,
    asked: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).ok()?;
        head.extend(octet);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let host = head.split(' ').nth(1)?.to_owned();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let secure = ServerConnection::new(config).ok()?;
    let mut lines = BufReader::new(StreamOwned::new(secure, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if lines.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let mut content = vec![0; length.unwrap_or(0)];
    lines.read_exact(&mut content).ok()?;
    let first = request.lines().next().unwrap_or_default();
    asked.lock().ok()?.push(format!("{host} {first}"));
    let said = answer(&request, &content);
    let stream = lines.get_mut();
    stream.write_all(&said).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

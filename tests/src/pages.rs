//! A web server of a test's own: it keeps what it was asked and answers what the test wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A web server on a loopback port. Its thread ends with the tests.
pub struct Pages {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Pages {
    /// Answers by this function: from the request line's target to the octets of the whole response; none never answers.
    ///
    /// # Panics
    /// If the machine has no loopback.
    #[must_use]
    pub fn serve(answer: fn(&str) -> Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().flatten() {
                silent.extend(talk(stream, answer, &kept));
            }
        });
        Self { address, asked }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, each with its header and content.
    ///
    /// # Panics
    /// If its thread did.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

/// Reads a request and answers it; gives back a connection that is left without an answer, so that it stays open.
fn talk(
    stream: TcpStream,
    answer: fn(&str) -> Option<Vec<u8>>,
    asked: &Mutex<Vec<String>>,
) -> Option<TcpStream> {
    let mut reader = BufReader::new(&stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.parse().ok())
        .unwrap_or(0);
    let mut content = vec![0; length];
    reader.read_exact(&mut content).ok()?;
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    asked
        .lock()
        .expect("nobody panics with it")
        .push(request + &String::from_utf8_lossy(&content));
    match answer(&target) {
        Some(octets) => {
            let _gone = (&stream).write_all(&octets);
            None
        }
        None => Some(stream),
    }
}

/// A response with a content.
#[must_use]
pub fn page(status: &str, content: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{content}",
        content.len()
    )
    .into_bytes()
}

//! Other mail servers, from Debian's packages: Postfix and Exim, each in a folder of its own, on ports of the loopback that were free.
//!
//! Both take mail for `carol@remote.example` into a Maildir, and send mail for `waxwing.test` to a server of the test.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::authority::Issued;
use crate::place;
use crate::process::{self, has_file, is_root};
use crate::wait::{PATIENCE, until};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
}

/// A server that runs; it ends with this value.
pub struct Daemon {
    folder: TempDir,
    process: Child,
    address: SocketAddr,
    seven_bit: Option<SocketAddr>,
}

const POSTFIX: &str = "/usr/lib/postfix/sbin/master";

/// Exim's program, which cannot be installed beside Postfix: `tools/setup.sh peers` unpacks it.
fn exim() -> PathBuf {
    place::target().join("exim/usr/sbin/exim4")
}

impl Kind {
    /// Whether it is there and can be started; says what is missing, once for each test.
    #[must_use]
    pub fn is_installed(self) -> bool {
        let there = match self {
            Self::Postfix => has_file(Path::new(POSTFIX)),
            Self::Exim => has_file(&exim()),
        };
        if !there || !is_root() {
            eprintln!(
                "SKIPPED: {self:?} is not installed, or this is not root; tools/setup.sh peers installs it"
            );
        }
        there && is_root()
    }

    /// Starts it: with this certificate, and `waxwing.test` at this address.
    ///
    /// # Panics
    /// If it does not answer; with its log.
    #[must_use]
    pub fn start(self, with: &Issued, waxwing: SocketAddr) -> Daemon {
        let folder = tempfile::Builder::new()
            .prefix("waxwing-peer-")
            .tempdir()
            .expect("a temporary folder");
        let base = folder.path();
        fs::set_permissions(base, fs::Permissions::from_mode(0o755)).expect("its mode");
        let [port, seven_bit] = free_ports();
        let own = |name: &str, from: &Path| {
            let to = base.join(name);
            fs::copy(from, &to).expect("a file is copied");
            to
        };
        let certificate = own("certificate.pem", &with.certificate);
        let key = own("key.pem", &with.key);
        let site = Site {
            base,
            ports: [port, seven_bit],
            certificate: &certificate,
            key: &key,
            waxwing,
        };
        let command = match self {
            Self::Postfix => site.postfix(),
            Self::Exim => site.exim(),
        };
        let process = run(command, base);
        let daemon = Daemon {
            process,
            address: ([127, 0, 0, 1], port).into(),
            // Exim has one answer to EHLO for all.
            seven_bit: (self == Self::Postfix).then(|| ([127, 0, 0, 1], seven_bit).into()),
            folder,
        };
        for address in [Some(daemon.address), daemon.seven_bit]
            .into_iter()
            .flatten()
        {
            until("the other server answers", PATIENCE, || {
                TcpStream::connect(address).ok()
            });
        }
        daemon
    }
}

fn run(mut command: Command, base: &Path) -> Child {
    let said = fs::File::create(base.join("said")).expect("a file");
    command
        .stdin(Stdio::null())
        .stdout(said.try_clone().expect("a file"))
        .stderr(said)
        .spawn()
        .expect("the other server starts")
}

/// Two ports that nobody has now.
fn free_ports() -> [u16; 2] {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    taken.map(|listener| listener.local_addr().expect("it is bound").port())
}

impl Daemon {
    /// Where it takes mail.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes mail of 7 bits only, and no chunks, if it can.
    #[must_use]
    pub fn seven_bit(&self) -> Option<SocketAddr> {
        self.seven_bit
    }

    /// Carol's messages, once there are so many.
    ///
    /// # Panics
    /// If there are not in time; with the server's log.
    #[must_use]
    pub fn carol(&self, count: usize) -> Vec<String> {
        let new = self.folder.path().join("mail/carol/new");
        let read = || {
            let files = fs::read_dir(&new).into_iter().flatten().flatten();
            let mut files: Vec<_> = files.map(|file| file.path()).collect();
            files.sort();
            let text = |path: &PathBuf| {
                String::from_utf8_lossy(&fs::read(path).ok()?)
                    .into_owned()
                    .into()
            };
            let all: Option<Vec<String>> = files.iter().map(text).collect();
            all.filter(|all| all.len() >= count)
        };
        until("carol has mail", PATIENCE, read).0
    }

    /// What it has written into its log.
    #[must_use]
    pub fn log(&self) -> String {
        let mut all = String::new();
        for name in ["said", "postfix.log", "mainlog", "paniclog"] {
            let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let _infallible = writeln!(all, "--- {name}\n{text}");
        }
        all
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the other server's log:\n{}", self.log());
        }
        // Its children go with it.
        process::end(&mut self.process);
    }
}

/// What a configuration is made of.
struct Site<'a> {
    base: &'a Path,
    ports: [u16; 2],
    certificate: &'a Path,
    key: &'a Path,
    waxwing: SocketAddr,
}

/// What Debian's postfix-files says of the queue: name, group is postdrop, mode. All but the first two are postfix's.
const QUEUE: [(&str, bool, u32); 15] = [
    ("", false, 0o755),
    ("pid", false, 0o755),
    ("maildrop", true, 0o730),
    ("public", true, 0o710),
    ("active", false, 0o700),
    ("bounce", false, 0o700),
    ("corrupt", false, 0o700),
    ("defer", false, 0o700),
    ("deferred", false, 0o700),
    ("flush", false, 0o700),
    ("hold", false, 0o700),
    ("incoming", false, 0o700),
    ("private", false, 0o700),
    ("saved", false, 0o700),
    ("trace", false, 0o700),
];

impl Site<'_> {
    fn postfix(&self) -> Command {
        let base = self.base.display();
        let (user, group) = (id("-u", "postfix"), group("postdrop"));
        let queue = self.base.join("queue");
        for (name, drop, mode) in QUEUE {
            let path = queue.join(name);
            fs::create_dir_all(&path).expect("a folder of the queue");
            let owner = if matches!(name, "" | "pid") { 0 } else { user };
            let of = if drop { group } else { 0 };
            chown(&path, Some(owner), Some(of)).expect("its owner");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        }
        for name in ["data", "mail"] {
            let path = self.base.join(name);
            fs::create_dir(&path).expect("a folder");
            chown(&path, Some(user), None).expect("its owner");
        }
        let [port, seven_bit] = self.ports;
        let (host, to) = (self.waxwing.ip(), self.waxwing.port());
        fs::write(self.base.join("mailboxes"), "carol@remote.example carol/\n").expect("a map");
        fs::write(
            self.base.join("transport"),
            format!("waxwing.test smtp:[{host}]:{to}\n"),
        )
        .expect("a map");
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {base}/queue\ndata_directory = {base}/data\ncommand_directory = /usr/sbin\n\
             daemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\nmaillog_file = {base}/postfix.log\n\
             maillog_file_prefixes = /\nmyhostname = mx.remote.example\nmydestination =\nlocal_recipient_maps =\nalias_maps =\n\
             alias_database =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\ndisable_dns_lookups = yes\n\
             smtp_host_lookup = native\nsmtpd_peername_lookup = no\nsmtputf8_enable = yes\nsmtpd_tls_security_level = may\n\
             smtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}\nsmtpd_tls_received_header = yes\nsmtp_tls_security_level = encrypt\n\
             virtual_mailbox_domains = remote.example\nvirtual_mailbox_base = {base}/mail\nvirtual_mailbox_maps = texthash:{base}/mailboxes\n\
             virtual_uid_maps = static:{user}\nvirtual_gid_maps = static:{group}\nvirtual_minimum_uid = 1\nvirtual_transport = virtual\n\
             transport_maps = texthash:{base}/transport\n",
            self.certificate.display(),
            self.key.display(),
        );
        let master = format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n\
             127.0.0.1:{seven_bit} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=8bitmime,chunking,smtputf8\n\
             pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\n\
             bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nverify unix - - n - 1 verify\n\
             flush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\nsmtp unix - - n - - smtp\nrelay unix - - n - - smtp\n\
             error unix - - n - - error\nretry unix - - n - - error\ndiscard unix - - n - - discard\nvirtual unix - n n - - virtual\n\
             anvil unix - - n - 1 anvil\nscache unix - - n - 1 scache\ntlsmgr unix - - n 1000? 1 tlsmgr\npostlog unix-dgram n - n - 1 postlogd\n"
        );
        fs::write(self.base.join("main.cf"), main).expect("main.cf");
        fs::write(self.base.join("master.cf"), master).expect("master.cf");
        let mut command = Command::new(POSTFIX);
        // In the foreground.
        command.args(["-d", "-c"]).arg(self.base);
        command
    }

    fn exim(&self) -> Command {
        let base = self.base.display();
        let [port, _] = self.ports;
        let (host, to) = (self.waxwing.ip(), self.waxwing.port());
        // It writes its log as nobody.
        for name in ["", "spool", "mail"] {
            let path = self.base.join(name);
            fs::create_dir_all(&path).expect("a folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("its mode");
        }
        let text = format!(
            "exim_path = {}\nexim_user = nobody\nexim_group = nogroup\nnever_users =\nspool_directory = {base}/spool\nlog_file_path = {base}/%slog\n\
             pid_file_path = {base}/exim.pid\nprimary_hostname = mx.remote.example\nlocal_interfaces = 127.0.0.1\n\
             daemon_smtp_ports = {port}\ntls_certificate = {}\ntls_privatekey = {}\ntls_advertise_hosts = *\n\
             accept_8bitmime = yes\n\
             dsn_advertise_hosts = *\nsmtputf8_advertise_hosts = *\nchunking_advertise_hosts = *\n\
             rfc1413_hosts =\nhost_lookup =\nacl_smtp_rcpt = acl_any\nacl_smtp_data = acl_any\nqueue_run_in_order\n\
             keep_environment =\n\nbegin acl\nacl_any:\n  accept\n\nbegin routers\n\
             out:\n  driver = manualroute\n  domains = waxwing.test\n  transport = smtp_out\n  route_list = * \"{host}::{to}\" byname\n  self = send\n\
             in:\n  driver = accept\n  domains = remote.example\n  transport = maildir\n\n\
             begin transports\nsmtp_out:\n  driver = smtp\n  hosts_require_tls = *\n  tls_verify_hosts =\n  tls_try_verify_hosts =\n\
             maildir:\n  driver = appendfile\n  maildir_format\n  create_directory\n  directory = {base}/mail/carol\n\
             \x20 user = nobody\n  group = nogroup\n  mode_fail_narrower = false\n\nbegin retry\n* * F,1h,2s\n",
            exim().display(),
            self.certificate.display(),
            self.key.display(),
        );
        let file = self.base.join("exim.conf");
        fs::write(&file, text).expect("exim.conf");
        let mut command = Command::new(exim());
        command.args(["-bdf", "-q2s", "-C"]).arg(file);
        command
    }
}

/// The number of a user.
fn id(what: &str, user: &str) -> u32 {
    let output = process::ask("id", &[what, user]);
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a number")
}

fn group(name: &str) -> u32 {
    let output = process::ask("getent", &["group", name]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split(':')
        .nth(2)
        .and_then(|id| id.parse().ok())
        .expect("a group")
}

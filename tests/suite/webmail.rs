//! The webmail from outside: its pages as a browser asks for them.

use waxwing_tests::client::{Http, Page};
use waxwing_tests::setup::HOST;
use waxwing_tests::{Server, Setup};

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n\
                   [[listener]]\nname = \"secure\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\n\
                   [[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n";

fn start() -> Server {
    Setup::new().settings(WEB).start()
}

fn get(http: &mut Http, target: &str) -> Page {
    http.get(target).unwrap()
}

/// The paths of the files that a page names.
fn assets(page: &Page) -> Vec<String> {
    let text = String::from_utf8_lossy(&page.body);
    let named = text.split('"').filter(|part| part.starts_with("/mail/"));
    named.map(str::to_owned).collect()
}

#[test]
fn the_page_and_what_it_names() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    let home = get(&mut http, "/");
    assert_eq!(
        (home.status, home.header("location")),
        (307, Some("/mail/"))
    );
    let page = get(&mut http, "/mail/");
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(get(&mut http, "/mail").body, page.body);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(page.header("set-cookie").is_none());
    let named = assets(&page);
    assert!(named.iter().any(|path| path.ends_with(".js")), "{named:?}");
    for path in named {
        let asset = get(&mut http, &path);
        assert_eq!(asset.status, 200, "{path}");
        if path.starts_with("/mail/assets/") {
            let caching = asset.header("cache-control").unwrap();
            assert!(caching.contains("immutable"), "{path}: {caching}");
        }
    }
}

#[test]
fn documents_of_mail_have_a_policy_of_their_own() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    for name in ["plain", "remote"] {
        let frame = get(&mut http, &format!("/mail/frame/{name}.html"));
        assert_eq!(frame.status, 200);
        let policies: Vec<_> = frame
            .headers
            .iter()
            .filter(|(name, _)| name == "content-security-policy")
            .collect();
        assert_eq!(policies.len(), 1);
        assert!(policies[0].1.contains("sandbox allow-same-origin"));
        assert!(!policies[0].1.contains("script-src"));
    }
}

#[test]
fn forms_and_conditions() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    let plain = get(&mut http, "/mail/licences.txt");
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let mut tags = vec![plain.header("etag").unwrap().to_owned()];
    for coding in ["gzip", "br"] {
        http.field("Accept-Encoding", &format!("{coding}, deflate"));
        let page = get(&mut http, "/mail/licences.txt");
        assert_eq!(page.header("content-encoding"), Some(coding));
        assert!(page.body.len() < plain.body.len() / 2);
        let tag = page.header("etag").unwrap().to_owned();
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
    let length = get(&mut http, "/mail/licences.txt").body.len().to_string();
    let head = http
        .request("HEAD", "/mail/licences.txt", None, b"")
        .unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), Some(length.as_str()));
    http.field("If-None-Match", &format!("\"x\", {}", tags[2]));
    let same = get(&mut http, "/mail/licences.txt");
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(same.header("etag"), Some(tags[2].as_str()));
    // The tag of another form is no proof of having this one.
    http.field("If-None-Match", &tags[0]);
    assert_eq!(get(&mut http, "/mail/licences.txt").status, 200);
    http.field("If-None-Match", "");
    let posted = http.post("/mail/", "text/plain", b"x").unwrap();
    assert_eq!(posted.status, 405);
}

#[test]
fn nothing_but_what_was_built() {
    let server = start();
    let mut http = Http::open(server.address("web")).unwrap();
    for path in [
        "/mail/headers.json",
        "/mail/index.html.br",
        "/mail/../Cargo.toml",
        "/mail/..%2fREADME.md",
        "/mail/%2e%2e/%2e%2e/etc/passwd",
        "/mail//etc/passwd",
        "/mail/assets/",
        "/mail/assets/%00",
        "/mail/nothing",
        "/mailx",
    ] {
        assert_eq!(get(&mut http, path).status, 404, "{path}");
    }
}

#[test]
fn in_clear_it_leads_to_tls() {
    let server = start();
    let mut clear = Http::open(server.address("clear")).unwrap();
    // Whatever the client calls us.
    clear.field("Host", "evil.example");
    let port = server.address("secure").port();
    for path in ["/mail/", "/mail/icon.svg"] {
        let page = get(&mut clear, path);
        let secure = format!("https://{HOST}:{port}{path}");
        assert_eq!(
            (page.status, page.header("location")),
            (307, Some(secure.as_str()))
        );
    }
    let mut secure = Http::open_tls(server.address("secure")).unwrap();
    assert_eq!(get(&mut secure, "/mail/").status, 200);

    let alone = Setup::new()
        .settings("[[listener]]\nname = \"clear\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\n")
        .start();
    let mut clear = Http::open(alone.address("clear")).unwrap();
    let page = get(&mut clear, "/mail/");
    assert_eq!(page.status, 403);
    assert!(page.header("location").is_none());
}

//! Properties of addresses, paths and replies: print and parse are inverse, and no text panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use waxwing_mail::{
    Address, Domain, EnhancedStatus, EnvelopeId, ForwardPath, Notify, OriginalRecipient, QueueId,
    Reply, ReversePath, xtext,
};

fn domain() -> impl Strategy<Value = Domain> {
    let name = "[a-z0-9_]([a-z0-9_-]{0,10}[a-z0-9])?(\\.[a-z0-9]{1,10}){0,3}";
    let unicode = "[a-zäöüßéпривет漢字]{1,8}\\.[a-z]{2,3}";
    prop_oneof![
        name.prop_filter_map("a domain", |text| Domain::parse(&text).ok()),
        unicode.prop_filter_map("a domain", |text| Domain::parse(&text).ok()),
        any::<std::net::IpAddr>().prop_map(Domain::from),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    let local = prop_oneof!["[a-z.]{1,20}", "\\PC{1,16}", "[ -~]{1,40}"];
    (local, domain()).prop_filter_map("an address", |(local, domain)| {
        Address::new(&local, domain).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn addresses_print_and_parse(address in address()) {
        prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
    }

    #[test]
    fn domains_print_and_parse(domain in domain()) {
        prop_assert_eq!(Domain::parse(domain.as_str()), Ok(domain.clone()));
        prop_assert_eq!(Domain::parse(&domain.to_unicode()), Ok(domain));
    }

    #[test]
    fn paths_print_and_parse(address in address(), tail in "( [ -~]{0,20})?") {
        let reverse = ReversePath::Address(address.clone());
        let forward = ForwardPath::Address(address);
        let (parsed, rest) = ReversePath::split(&format!("{reverse}{tail}")).map(|(p, r)| (p, r.to_owned())).unwrap();
        prop_assert_eq!((&parsed, rest.as_str()), (&reverse, tail.as_str()));
        let (parsed, rest) = ForwardPath::split(&format!("{forward}{tail}")).map(|(p, r)| (p, r.to_owned())).unwrap();
        prop_assert_eq!((&parsed, rest.as_str()), (&forward, tail.as_str()));
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,300}", more in any::<String>()) {
        for text in [text.as_str(), more.as_str(), &format!("<{text}>"), &format!("<\"{more}\"@x>")] {
            let _ = Domain::parse(text);
            if let Ok((path, _)) = ReversePath::split(text) {
                let printed = path.to_string();
                prop_assert_eq!(ReversePath::split(&printed), Ok((path, "")));
            }
            if let Ok(address) = Address::parse(text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }
    }

    #[test]
    fn replies_are_whole_lines(code in any::<u16>(), text in any::<String>(), long in "[a-zé\n]{0,1500}") {
        for text in [text, long] {
            let mut out = Vec::new();
            let reply = Reply::new(code, Some(EnhancedStatus(5, 1, 1)), text.clone());
            reply.write(&mut out);
            let out = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = out.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            prop_assert_eq!(lines.len(), text.split('\n').count());
            let digits = reply.code.get().to_string();
            for (index, line) in lines.iter().enumerate() {
                prop_assert!(line.len() + 2 <= 512);
                prop_assert!(line.starts_with(&digits));
                prop_assert_eq!(&line[3..4], if index + 1 == lines.len() { " " } else { "-" });
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn queue_ids_print_and_parse(at in 0_u64..1 << 45, random in any::<u64>()) {
        let id = QueueId::new(at, random);
        prop_assert_eq!(id.to_string().len(), 17);
        prop_assert_eq!(QueueId::parse(&id.to_string()), Some(id));
        prop_assert!(at + 1 == 1 << 45 || QueueId::new(at + 1, 0).to_string() > id.to_string());
    }

    #[test]
    fn xtext_reads_back(text in "\\PC{0,40}|[ -~]{0,40}") {
        prop_assert_eq!(xtext::decode(&xtext::encode(&text)), Some(text.clone()));
        for ascii in [true, false] {
            let encoded = xtext::encode_unitext(&text, ascii);
            prop_assert!(!encoded.contains([' ', '=', '+']) && (!ascii || encoded.is_ascii()));
            prop_assert_eq!(xtext::decode_unitext(&encoded), Some(text.clone()));
        }
    }

    #[test]
    fn no_parameter_panics(text in "\\PC{0,40}|[+\\\\x{};,a-fA-F0-9]{0,30}") {
        let _ = (xtext::decode(&text), Notify::parse(&text), EnvelopeId::parse(&text));
        if let Some(original) = OriginalRecipient::parse(&text) {
            prop_assert_eq!(OriginalRecipient::parse(&original.encode(false)), Some(original.clone()));
            prop_assert_eq!(OriginalRecipient::parse(&original.encode(true)), Some(original));
        }
    }
}

//! Addresses, paths and the parameters of DSN: what is read is printed so that it reads the same again.

use waxwing_mail::{
    Address, Domain, EnvelopeId, ForwardPath, Notify, OriginalRecipient, ReversePath, limits,
};

/// Addresses, domains and paths out of any octets.
pub fn addresses(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    if let Ok(address) = Address::parse(&text) {
        let printed = address.to_string();
        assert_eq!(Address::parse(&printed).as_ref(), Ok(&address), "{printed}");
        assert!(!printed.contains(['\r', '\n', '\0']), "{printed:?}");
    }
    if let Ok(domain) = Domain::parse(&text) {
        assert_eq!(Domain::parse(domain.as_str()).as_ref(), Ok(&domain));
        assert!(domain.as_str().is_ascii(), "{domain:?}");
    }
    if let Ok((path, rest)) = ReversePath::split(&text) {
        assert!(text.ends_with(rest), "{rest:?} is the end of {text:?}");
        let printed = path.to_string();
        assert_eq!(ReversePath::split(&printed), Ok((path, "")), "{printed}");
    }
    if let Ok((path, rest)) = ForwardPath::split(&text) {
        assert!(text.ends_with(rest), "{rest:?} is the end of {text:?}");
        let printed = path.to_string();
        assert_eq!(ForwardPath::split(&printed), Ok((path, "")), "{printed}");
    }
}

/// Values of NOTIFY, ENVID and ORCPT out of any octets.
pub fn parameters(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let _notify = Notify::parse(&text);
    if let Some(id) = EnvelopeId::parse(&text) {
        assert_eq!(EnvelopeId::parse(&id.encode()).as_ref(), Some(&id));
    }
    if let Some(id) = EnvelopeId::new(&text) {
        assert_eq!(EnvelopeId::parse(&id.encode()).as_ref(), Some(&id));
    }
    if let Some(original) = OriginalRecipient::parse(&text) {
        for smtputf8 in [false, true] {
            let encoded = original.encode(smtputf8);
            let read = OriginalRecipient::parse(&encoded);
            // In 7 bits it can become longer than a value may be.
            let too_long = encoded.len() > limits::ORIGINAL_RECIPIENT;
            assert!(
                read.as_ref() == Some(&original) || too_long,
                "{encoded}: {read:?}"
            );
            assert!(smtputf8 || encoded.is_ascii(), "{encoded}");
        }
    }
}

//! DANE: whether a host's certificates are those that its domain published.
//!
//! Standards: RFC 6698 §2.1 (records); RFC 7671 §5 (what they mean); RFC 7672 §3 (SMTP).
//! Invariants: bytes in, verdict out; records count only if the caller has them secure by DNSSEC (RFC 7672 §2.2).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::parse_x509_certificate;

/// Records that are looked at.
const MAX_RECORDS: usize = 32;
/// Certificates of a chain that are looked at.
const MAX_CHAIN: usize = 10;

/// A TLSA record (RFC 6698 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// 2 for a trust anchor, 3 for the host's own certificate; 0 and 1 have no use with SMTP.
    pub usage: u8,
    /// 0 for the certificate, 1 for its public key.
    pub selector: u8,
    /// 0 for the octets themselves, 1 for SHA-256, 2 for SHA-512.
    pub matching: u8,
    /// What must match.
    pub association: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaneVerdict {
    /// The host's own certificate is published (DANE-EE).
    EndEntity,
    /// The chain leads to a published trust anchor, for one of the names (DANE-TA).
    TrustAnchor,
    /// Nothing that is published matches: nothing may be delivered here.
    Mismatch,
    /// RFC 7672 §2.2: no record can be used: TLS is still demanded, but nobody says of whom.
    Unusable,
}

impl Tlsa {
    /// RFC 7672 §3.1: usages 2 and 3; what has unknown numbers, or a digest of the wrong length, is unusable.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let length = self.association.len();
        let proper = match self.matching {
            0 => length > 0,
            1 => length == 32,
            2 => length == 64,
            _ => false,
        };
        proper && matches!(self.usage, 2 | 3) && matches!(self.selector, 0 | 1)
    }

    /// Whether a certificate in DER is the one that is meant.
    fn matches(&self, certificate: &[u8]) -> bool {
        let selected = match self.selector {
            0 => Some(certificate),
            _ => parse_x509_certificate(certificate)
                .ok()
                .map(|(_, parsed)| parsed.tbs_certificate.subject_pki.raw),
        };
        let Some(selected) = selected else {
            return false;
        };
        match self.matching {
            0 => selected == self.association,
            1 => digest(&SHA256, selected).as_ref() == self.association,
            2 => digest(&SHA512, selected).as_ref() == self.association,
            _ => false,
        }
    }
}

/// The record of a certificate's own key: DANE-EE, its public key, SHA-256 (RFC 7671 §5.1), which stays as it is when the certificate is
/// renewed with the key. None if it is no certificate.
#[must_use]
pub fn own_key(certificate: &[u8]) -> Option<Tlsa> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let key = parsed.tbs_certificate.subject_pki.raw;
    Some(Tlsa {
        usage: 3,
        selector: 1,
        matching: 1,
        association: digest(&SHA256, key).as_ref().to_vec(),
    })
}

/// Holds a chain, the host's own certificate first, against records, at a time in seconds since 1970. The names are those that a certificate
/// below a trust anchor may have: the host's, and the domain's that the mail is for (RFC 7672 §3.2.2).
#[must_use]
pub fn verify(chain: &[&[u8]], names: &[&str], records: &[Tlsa], now: u64) -> DaneVerdict {
    let usable = records.iter().filter(|record| record.is_usable());
    let usable: Vec<&Tlsa> = usable.take(MAX_RECORDS).collect();
    let chain = chain.get(..MAX_CHAIN).unwrap_or(chain);
    let Some((own, above)) = chain.split_first() else {
        return DaneVerdict::Mismatch;
    };
    if usable.is_empty() {
        return DaneVerdict::Unusable;
    }
    let of = |usage: u8| usable.iter().filter(move |record| record.usage == usage);
    // RFC 7672 §3.1.1: with DANE-EE neither names nor dates count, only the key.
    if of(3).any(|record| record.matches(own)) {
        return DaneVerdict::EndEntity;
    }
    for record in of(2) {
        let published = anchor_of(record);
        let anchors = above
            .iter()
            .copied()
            .filter(|certificate| record.matches(certificate));
        if anchors
            .chain(published)
            .any(|anchor| leads_to(own, above, anchor, names, now))
        {
            return DaneVerdict::TrustAnchor;
        }
    }
    DaneVerdict::Mismatch
}

/// A whole certificate that the record itself holds (RFC 7671 §5.2.2: it need not be in the chain).
fn anchor_of(record: &Tlsa) -> Option<&[u8]> {
    let whole = record.selector == 0 && record.matching == 0;
    whole.then_some(record.association.as_slice())
}

/// RFC 7672 §3.1.2: the path from the host's certificate to the anchor holds, and one of the names is in it.
fn leads_to(own: &[u8], above: &[&[u8]], anchor: &[u8], names: &[&str], now: u64) -> bool {
    let anchor = CertificateDer::from(anchor);
    let Ok(anchor) = anchor_from_trusted_cert(&anchor) else {
        return false;
    };
    let own = CertificateDer::from(own);
    let Ok(end) = EndEntityCert::try_from(&own) else {
        return false;
    };
    let above: Vec<CertificateDer<'_>> =
        above.iter().map(|der| CertificateDer::from(*der)).collect();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
    let anchors = [anchor];
    let path = end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &above,
        time,
        KeyUsage::server_auth(),
        None,
        None,
    );
    let named = |name: &&str| {
        let name = ServerName::try_from(name.trim_end_matches('.'));
        name.is_ok_and(|name| end.verify_is_valid_for_subject_name(&name).is_ok())
    };
    path.is_ok() && names.iter().any(named)
}

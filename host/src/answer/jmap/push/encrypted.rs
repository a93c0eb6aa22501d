//! A message that only its client can read: RFC 8291 (Message Encryption for Web Push), in the form of RFC 8188 (`aes128gcm`), one record.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use waxwing_store::PushKeys;

/// RFC 8188 §2.1: octets of a record; a message is one that is shorter.
const RECORD: u32 = 4096;
/// RFC 8188 §2: what ends the last record.
const LAST: u8 = 2;

/// The message, if the keys are keys and it is short enough.
pub(super) fn seal(keys: &PushKeys, message: &[u8]) -> Option<Vec<u8>> {
    let own = PrivateKey::generate(&ECDH_P256).ok()?;
    sealed(keys, message, &own, rand::random())
}

fn sealed(keys: &PushKeys, message: &[u8], own: &PrivateKey, salt: [u8; 16]) -> Option<Vec<u8>> {
    // What is added: the octet that ends it, and the tag.
    if message.len() + 17 > RECORD as usize {
        return None;
    }
    let public = own.compute_public_key().ok()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &keys.p256dh);
    let shared = agree(own, theirs, (), |secret| Ok(secret.to_vec())).ok()?;
    // RFC 8291 §3.4.
    let prk = Salt::new(HKDF_SHA256, &keys.auth).extract(&shared);
    let info: [&[u8]; 3] = [b"WebPush: info\0", &keys.p256dh, public.as_ref()];
    let material: [u8; 32] = expanded(&prk, &info)?;
    // RFC 8188 §2.2, §2.3.
    let prk = Salt::new(HKDF_SHA256, &salt).extract(&material);
    let key: [u8; 16] = expanded(&prk, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = expanded(&prk, &[b"Content-Encoding: nonce\0"])?;
    let mut record = [message, &[LAST]].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)
        .ok()?;
    let length = u8::try_from(public.as_ref().len()).ok()?;
    let parts: [&[u8]; 5] = [
        &salt,
        &RECORD.to_be_bytes(),
        &[length],
        public.as_ref(),
        &record,
    ];
    Some(parts.concat())
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expanded<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    prk.expand(info, Length(N)).ok()?.fill(&mut octets).ok()?;
    Some(octets)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn octets(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8291() {
        let keys = PushKeys {
            p256dh: octets(
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            ),
            auth: octets("BTBZMqHH6r4Tts7J_aSIgg"),
        };
        let own = octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let own = PrivateKey::from_private_key(&ECDH_P256, &own).unwrap();
        let salt = octets("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = sealed(
            &keys,
            b"When I grow up, I want to be a watermelon",
            &own,
            salt,
        );
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(message.unwrap()), expected);
    }

    #[test]
    fn what_cannot_be_sealed() {
        let mut keys = PushKeys {
            p256dh: vec![4; 65],
            auth: vec![0; 16],
        };
        assert!(seal(&keys, b"x").is_none(), "no point of the curve");
        let other = PrivateKey::generate(&ECDH_P256).unwrap();
        keys.p256dh = other.compute_public_key().unwrap().as_ref().to_vec();
        assert!(seal(&keys, b"x").is_some());
        assert!(seal(&keys, &[0; 4080]).is_none(), "too long");
    }
}

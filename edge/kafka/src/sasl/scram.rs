//! SCRAM's client side (RFC 5802 §5, with SHA-256 of RFC 7677 or SHA-512), without channel binding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::Hmac;
use hmac::digest::{Digest, KeyInit, Mac};
use sha2::{Sha256, Sha512};

/// Iterations above this are a way to keep the client busy: Kafka's own upper bound is 16,384.
const ITERATIONS_MAX: u32 = 100_000;
/// RFC 7677 §4.
const ITERATIONS_MIN: u32 = 4_096;

/// The hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// Why the server's messages were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScramFault {
    /// A message is not of the form the RFC prescribes.
    #[error("the server's SCRAM message cannot be read")]
    Unreadable,
    /// The nonce does not continue ours: somebody replays.
    #[error("the server's nonce does not continue ours")]
    Nonce,
    /// The iteration count is out of bounds (4,096 to 100,000).
    #[error("the server asks for {0} iterations")]
    Iterations(u32),
    /// The server does not know the password either.
    #[error("the server could not prove that it knows the password")]
    ServerSignature,
}

/// The dialogue between the client's first and the server's final message.
#[derive(Debug)]
pub(crate) struct Scram {
    hash: Hash,
    password: Password,
    client_first_bare: String,
    client_nonce: String,
    expected_signature: Option<Vec<u8>>,
}

/// Keeps the password out of debug output.
struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("…")
    }
}

impl Scram {
    pub(crate) fn begin(hash: Hash, username: &str, password: &str, nonce: [u8; 16]) -> (Self, Bytes) {
        Self::begin_with(hash, username, password, STANDARD.encode(nonce))
    }

    fn begin_with(hash: Hash, username: &str, password: &str, client_nonce: String) -> (Self, Bytes) {
        // RFC 5802 §5.1: these two characters are written otherwise in names.
        let username = username.replace('=', "=3D").replace(',', "=2C");
        let client_first_bare = format!("n={username},r={client_nonce}");
        let first = Bytes::from(format!("n,,{client_first_bare}"));
        let password = Password(password.to_owned());
        (Self { hash, password, client_first_bare, client_nonce, expected_signature: None }, first)
    }

    pub(crate) fn answer(&mut self, message: &[u8]) -> Result<Option<Bytes>, ScramFault> {
        let message = std::str::from_utf8(message).map_err(|_| ScramFault::Unreadable)?;
        match self.expected_signature.take() {
            None => self.prove(message).map(Some),
            Some(expected) => {
                let signature =
                    message.strip_prefix("v=").and_then(|text| STANDARD.decode(text.trim_end()).ok());
                if signature == Some(expected) { Ok(None) } else { Err(ScramFault::ServerSignature) }
            }
        }
    }

    fn prove(&mut self, server_first: &str) -> Result<Bytes, ScramFault> {
        let field = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = field("r=").ok_or(ScramFault::Unreadable)?;
        let salt = field("s=").and_then(|text| STANDARD.decode(text).ok()).ok_or(ScramFault::Unreadable)?;
        let iterations: u32 = field("i=").and_then(|text| text.parse().ok()).ok_or(ScramFault::Unreadable)?;
        if !nonce.starts_with(&self.client_nonce) || nonce.len() == self.client_nonce.len() {
            return Err(ScramFault::Nonce);
        }
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
            return Err(ScramFault::Iterations(iterations));
        }
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.client_first_bare);
        let password = self.password.0.as_bytes();
        let (proof, signature) = match self.hash {
            Hash::Sha256 => proof::<Hmac<Sha256>, Sha256>(password, &salt, iterations, signed.as_bytes()),
            Hash::Sha512 => proof::<Hmac<Sha512>, Sha512>(password, &salt, iterations, signed.as_bytes()),
        };
        self.expected_signature = Some(signature);
        Ok(Bytes::from(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }
}

/// The client's proof and the signature the server must give (RFC 5802 §3).
fn proof<M, D>(password: &[u8], salt: &[u8], iterations: u32, signed: &[u8]) -> (Vec<u8>, Vec<u8>)
where
    M: Mac + KeyInit + Clone,
    D: Digest,
{
    let salted = salted_password::<M>(password, salt, iterations);
    let client_key = keyed::<M>(&salted, &[b"Client Key"]);
    let client_signature = keyed::<M>(&D::digest(&client_key), &[signed]);
    let proof = client_key.iter().zip(&client_signature).map(|(key, signature)| key ^ signature).collect();
    let server_key = keyed::<M>(&salted, &[b"Server Key"]);
    (proof, keyed::<M>(&server_key, &[signed]))
}

/// PBKDF2 with one block of output (RFC 5802 §2.2, `Hi`).
fn salted_password<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
    let Ok(keyed) = <M as KeyInit>::new_from_slice(password) else { return Vec::new() };
    let mut last = keyed.clone().chain_update(salt).chain_update(1u32.to_be_bytes()).finalize().into_bytes();
    let mut sum = last.to_vec();
    for _ in 1..iterations {
        last = keyed.clone().chain_update(&last).finalize().into_bytes();
        for (total, byte) in sum.iter_mut().zip(&last) {
            *total ^= byte;
        }
    }
    sum
}

/// HMAC takes a key of any length, so there is nothing to fail.
fn keyed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        Mac::update(&mut mac, part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The dialogue printed in RFC 7677 §3.
    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn rfc_dialogue() -> Scram {
        let (scram, first) =
            Scram::begin_with(Hash::Sha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(&first[..], b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        scram
    }

    #[test]
    fn the_dialogue_of_rfc_7677_is_reproduced() {
        let mut scram = rfc_dialogue();
        let proof = scram.answer(SERVER_FIRST).unwrap().unwrap();
        let expected: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(&proof[..], expected);
        assert_eq!(scram.answer(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(None));
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        let mut scram = rfc_dialogue();
        scram.answer(SERVER_FIRST).unwrap();
        let wrong = scram.answer(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(wrong, Err(ScramFault::ServerSignature));
        let mut scram = rfc_dialogue();
        scram.answer(SERVER_FIRST).unwrap();
        assert_eq!(scram.answer(b"e=invalid-proof"), Err(ScramFault::ServerSignature));
    }

    #[test]
    fn replayed_nonces_and_silly_iteration_counts_are_refused() {
        assert_eq!(
            rfc_dialogue().answer(b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
            Err(ScramFault::Nonce)
        );
        assert_eq!(
            rfc_dialogue().answer(b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaA==,i=4096"),
            Err(ScramFault::Nonce)
        );
        let many = b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaA==,i=4000000000";
        assert_eq!(rfc_dialogue().answer(many), Err(ScramFault::Iterations(4_000_000_000)));
        let few = b"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaA==,i=1";
        assert_eq!(rfc_dialogue().answer(few), Err(ScramFault::Iterations(1)));
    }

    #[test]
    fn names_with_commas_and_equals_signs_are_escaped() {
        let (_, first) = Scram::begin_with(Hash::Sha512, "a=b,c", "x", "n".to_owned());
        assert_eq!(&first[..], b"n,,n=a=3Db=2Cc,r=n");
    }
}

//! Authentication: PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), as a dialogue of byte strings.

mod scram;

use std::fmt;

use bytes::Bytes;

use scram::Scram;
pub use scram::{Hash, ScramFault};

/// How to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The password as it is: only inside TLS.
    Plain,
    /// A proof of the password, which itself never travels.
    Scram(Hash),
}

impl Mechanism {
    /// The name it has in Kafka.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram(Hash::Sha256) => "SCRAM-SHA-256",
            Self::Scram(Hash::Sha512) => "SCRAM-SHA-512",
        }
    }

    /// The mechanism of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Plain, Self::Scram(Hash::Sha256), Self::Scram(Hash::Sha512)]
            .into_iter()
            .find(|known| known.name() == name)
    }
}

/// Who authenticates, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Without the password: settings end up in logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({} as {})", self.mechanism.name(), self.username)
    }
}

/// One authentication under way.
#[derive(Debug)]
pub(crate) enum Dialogue {
    Plain,
    Scram(Scram),
}

impl Dialogue {
    /// Begins, with the first message. `nonce` must be unpredictable and used once.
    pub(crate) fn begin(credentials: &Credentials, nonce: [u8; 16]) -> (Self, Bytes) {
        match credentials.mechanism {
            Mechanism::Plain => {
                (Self::Plain, Bytes::from(format!("\0{}\0{}", credentials.username, credentials.password)))
            }
            Mechanism::Scram(hash) => {
                let (scram, first) = Scram::begin(hash, &credentials.username, &credentials.password, nonce);
                (Self::Scram(scram), first)
            }
        }
    }

    /// Takes the server's message; `Some` is the next one to send, `None` the end.
    pub(crate) fn answer(&mut self, message: &[u8]) -> Result<Option<Bytes>, ScramFault> {
        match self {
            Self::Plain => Ok(None),
            Self::Scram(scram) => scram.answer(message),
        }
    }
}

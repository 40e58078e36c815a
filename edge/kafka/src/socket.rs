//! TCP connections, for a client that owns none: what it hears of them, and what it wants done with them.
//!
//! Each is known by the number that its opener gave it. Who carries several clients renumbers on the way.

use bytes::Bytes;

/// Number of a connection, never used again.
pub type Link = u64;

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// What happens to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketNews {
    /// It is open, as far as the platform can tell; with 16 unpredictable bytes for whoever needs a nonce.
    Opened(Link, [u8; 16]),
    /// Bytes have come, in order.
    Received(Link, Bytes),
    /// It has ended, or did not open. Nothing more comes of it.
    Closed(Link),
}

impl SocketNews {
    /// Of which connection.
    pub fn link(&self) -> Link {
        match self {
            Self::Opened(link, _) | Self::Received(link, _) | Self::Closed(link) => *link,
        }
    }

    /// The same news of connection `link`.
    pub fn renumbered(self, link: Link) -> Self {
        match self {
            Self::Opened(_, nonce) => Self::Opened(link, nonce),
            Self::Received(_, bytes) => Self::Received(link, bytes),
            Self::Closed(_) => Self::Closed(link),
        }
    }
}

/// What to do with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketOrder {
    /// Open it.
    Open(Link, Address),
    /// Write these bytes after those written before.
    Send(Link, Bytes),
    /// Close it. Nothing more is said about it, and nothing about it need be said.
    Close(Link),
}

impl SocketOrder {
    /// With which connection.
    pub fn link(&self) -> Link {
        match self {
            Self::Open(link, _) | Self::Send(link, _) | Self::Close(link) => *link,
        }
    }

    /// The same order for connection `link`.
    pub fn renumbered(self, link: Link) -> Self {
        match self {
            Self::Open(_, address) => Self::Open(link, address),
            Self::Send(_, bytes) => Self::Send(link, bytes),
            Self::Close(_) => Self::Close(link),
        }
    }
}

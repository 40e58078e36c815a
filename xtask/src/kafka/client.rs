//! Questions to any broker, one connection each: what the commands have to know of a cluster, and the topics they create.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gyesan_kafka::api::{Answer, Request, create_topics, metadata};
use gyesan_kafka::connection::{Connection, Input, Output, Settings};
use gyesan_kafka::error_code::{Class, ErrorCode};
use gyesan_kafka::sasl::Credentials;

/// A controller that has just started is not there for a moment.
const CREATED_WITHIN: Duration = Duration::from_secs(10);
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// A broker, and how to be let in. TLS is not spoken here.
pub struct Client {
    /// `host:port`.
    pub address: String,
    /// `None` where the broker asks for none.
    pub credentials: Option<Credentials>,
}

/// How a topic was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It did not exist, and does now.
    Created,
    /// It has so many partitions.
    Existing(i32),
}

impl Client {
    /// For a broker that lets everybody in.
    pub fn open(address: &str) -> Self {
        Self { address: address.to_owned(), credentials: None }
    }

    /// One request on a connection of its own.
    pub fn ask(&self, request: &Request) -> Result<Answer> {
        let since = Instant::now();
        let now = || u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let address = self.address.to_socket_addrs()?.next().context("the address names no machine")?;
        let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(3))?;
        let settings = Settings { credentials: self.credentials.clone(), ..Settings::default() };
        let mut connection = Connection::new(0, Arc::new(settings));
        let mut nonce = [0; 16];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
        let mut outputs = connection.handle(now(), Input::Opened { nonce });
        let timeout_ms = u64::try_from(ANSWERED_WITHIN.as_millis())?;
        outputs.extend(
            connection.handle(now(), Input::Call { ticket: 1, request: request.clone(), timeout_ms }),
        );
        let mut bytes = vec![0; 1 << 16];
        loop {
            for output in outputs {
                match output {
                    Output::Send(bytes) => socket.write_all(&bytes)?,
                    Output::Answered { answer, .. } => return Ok(answer),
                    Output::Broken { fault, .. } => return Err(fault.into()),
                    Output::Ready => {}
                }
            }
            let left = connection.deadline().unwrap_or_default().saturating_sub(now()).max(1);
            socket.set_read_timeout(Some(Duration::from_millis(left)))?;
            let input = match socket.read(&mut bytes) {
                Ok(0) => Input::Closed,
                Ok(read) => Input::Received(bytes.get(..read).unwrap_or_default().to_vec().into()),
                Err(fault) if matches!(fault.kind(), std::io::ErrorKind::WouldBlock) => Input::Tick,
                Err(_) => Input::Closed,
            };
            outputs = connection.handle(now(), input);
        }
    }

    /// How many partitions a topic has; `None` when it does not exist or may not be seen.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>> {
        let request = Request::from(metadata::Request { topics: vec![topic.to_owned()] });
        let Answer::Metadata(answer) = self.ask(&request)? else { bail!("Kafka answered something else") };
        let found = answer.topics.iter().find(|found| found.error.is_ok());
        found.map(|found| i32::try_from(found.partitions.len()).map_err(Into::into)).transpose()
    }

    /// Creates a topic with this many partitions unless it exists.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<Found> {
        let request = Request::from(create_topics::Request {
            topic: topic.to_owned(),
            partitions,
            replication_factor: -1,
            configs: Vec::new(),
            timeout_ms: 10_000,
        });
        let since = Instant::now();
        loop {
            if let Some(existing) = self.partitions(topic)? {
                return Ok(Found::Existing(existing));
            }
            let Answer::CreateTopics(answer) = self.ask(&request)? else {
                bail!("Kafka answered something else")
            };
            match answer.error {
                ErrorCode::NONE => return Ok(Found::Created),
                ErrorCode::TOPIC_ALREADY_EXISTS if since.elapsed() < CREATED_WITHIN => {}
                error if error.class() == Class::Fatal || since.elapsed() > CREATED_WITHIN => {
                    bail!(
                        "topic {topic} does not exist and cannot be created: {error} {}",
                        answer.message.unwrap_or_default()
                    )
                }
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

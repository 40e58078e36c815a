//! A broker with a door for each security protocol, and stacks that go through one of them.

use anyhow::{Context, Result, ensure};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::stack::{Stack, free_port_pair};
use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A test authority, and the broker's certificate with its key for `localhost`: files that Kafka reads as they are.
const CERTIFICATES: &str = "\
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout srv.key -out srv.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' > ext
openssl x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out srv.pem
openssl pkcs8 -topk8 -nocrypt -in srv.key -out srv.p8
cat srv.p8 srv.pem ca.pem > server.pem
";

/// The broker. PLAINTEXT is the administrator's door.
pub struct Guarded {
    broker: Broker,
    state: PathBuf,
    authority: PathBuf,
    sasl_port: u16,
    /// TLS without SASL.
    pub tls_port: u16,
    sasl_tls_port: u16,
}

/// How a stack goes in.
#[derive(Clone, Copy)]
pub struct Access {
    /// `KAFKA_SECURITY`.
    pub protocol: &'static str,
    /// `KAFKA_SASL_MECHANISM`.
    pub mechanism: &'static str,
    /// `KAFKA_USERNAME`.
    pub user: &'static str,
    /// `KAFKA_PASSWORD`.
    pub password: &'static str,
    /// Whether the worker's runtime trusts the test authority.
    pub trusted: bool,
    /// Another door than the protocol's.
    pub port: Option<u16>,
}

impl Default for Access {
    fn default() -> Access {
        let (protocol, mechanism) = ("PLAINTEXT", "");
        Access { protocol, mechanism, user: "app", password: "app-secret", trusted: true, port: None }
    }
}

impl Guarded {
    /// Starts it with further settings.
    pub fn start(state: &Path, properties: &[&str]) -> Result<Guarded> {
        let keys = state.join("keys");
        create_dir_all(&keys)?;
        let made = Command::new("sh").args(["-ec", CERTIFICATES]).current_dir(&keys).output();
        let made = made.context("a shell cannot be run")?;
        ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        let (sasl, tls, sasl_tls) = (free_port_pair()?, free_port_pair()?, free_port_pair()?);
        let arguments = ["--sasl-port".to_owned(), sasl.to_string()];
        let mut broker = Broker::new(&state.join("broker"), &arguments)?;
        let (plain, controller) = (broker.port, broker.port + 1);
        let doors = |host: &str, inner: &str| {
            format!(
                "listeners=PLAINTEXT://127.0.0.1:{plain},{inner}SASL_PLAINTEXT://127.0.0.1:{sasl},\
                 SSL://{host}:{tls},SASL_SSL://{host}:{sasl_tls}"
            )
        };
        broker.set(&doors("127.0.0.1", &format!("CONTROLLER://127.0.0.1:{controller},")));
        broker.set(&format!("advertised.{}", doors("localhost", "")));
        broker.set(
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,\
             SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
        );
        let (listener, security) = ("listener.name.sasl_ssl", "org.apache.kafka.common.security");
        broker.set(&format!(
            "{listener}.plain.sasl.jaas.config={security}.plain.PlainLoginModule required \
             user_app=\"app-secret\";"
        ));
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            let module = format!("{security}.scram.ScramLoginModule required;");
            broker.set(&format!("{listener}.{mechanism}.sasl.jaas.config={module}"));
        }
        broker.set("ssl.keystore.type=PEM");
        broker.set(&format!("ssl.keystore.location={}", keys.join("server.pem").display()));
        for property in properties {
            broker.set(property);
        }
        broker.resume()?;
        let (state, authority) = (state.to_owned(), keys.join("ca.pem"));
        Ok(Guarded { broker, state, authority, sasl_port: sasl, tls_port: tls, sasl_tls_port: sasl_tls })
    }

    /// The administrator's door.
    pub fn address(&self) -> String {
        self.broker.address()
    }

    /// A stack that goes in so, on what an earlier one has stored.
    pub fn stack(&self, access: &Access) -> Result<Stack> {
        let (host, port) = match access.protocol {
            "SSL" => ("localhost", self.tls_port),
            "SASL_SSL" => ("localhost", self.sasl_tls_port),
            "SASL_PLAINTEXT" => ("127.0.0.1", self.sasl_port),
            _ => ("127.0.0.1", self.broker.port),
        };
        // Not by `--kafka`, which looks before it starts anything: here it is the worker that is to find out.
        let vars = [
            "EVENT_BUS=kafka".to_owned(),
            format!("KAFKA_BROKERS={host}:{}", access.port.unwrap_or(port)),
            format!("KAFKA_SECURITY={}", access.protocol),
            format!("KAFKA_SASL_MECHANISM={}", access.mechanism),
            format!("KAFKA_USERNAME={}", access.user),
            format!("KAFKA_PASSWORD={}", access.password),
        ];
        let arguments: Vec<&str> = vars.iter().flat_map(|var| ["--var", var.as_str()]).collect();
        // Each stack has a log of its own.
        let _ = std::fs::remove_file(self.state.join("worker.log"));
        let trust = [("NODE_EXTRA_CA_CERTS", self.authority.as_path())];
        let environment = if access.trusted { &trust[..] } else { &[] };
        Stack::start_in(&self.state, &arguments, environment).context("the stack does not start")
    }
}

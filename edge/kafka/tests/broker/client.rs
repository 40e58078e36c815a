//! One question, one answer, over a cluster.

use gyesan_kafka::api::{Answer, Request};
use gyesan_kafka::cluster::{Channel, Cluster, Failure, Input, Output, Target};
use gyesan_kafka::connection::{Fault, Settings};
use gyesan_kafka::socket::Address;

use crate::shell::{Sockets, now};

pub struct Client {
    cluster: Cluster,
    sockets: Sockets,
    ticket: u64,
    pub faults: Vec<Fault>,
}

impl Client {
    pub fn new(settings: Settings, address: &str) -> Self {
        let cluster = Cluster::new(settings, vec![parse(address)]);
        Self { cluster, sockets: Sockets::new(), ticket: 0, faults: Vec::new() }
    }

    /// Asks, and waits for the answer at most `timeout_ms`.
    pub fn ask(
        &mut self,
        target: Target,
        request: impl Into<Request>,
        timeout_ms: u64,
    ) -> Result<Answer, Failure> {
        self.ticket += 1;
        let ticket = self.ticket;
        let request = request.into();
        let call = Input::Call { ticket, target, channel: Channel::Prompt, request, timeout_ms };
        let mut outputs = self.cluster.handle(now(), call);
        loop {
            for output in outputs {
                match output {
                    Output::Socket(order) => self.sockets.obey(order),
                    Output::Answered { ticket: of, answer } if of == ticket => return Ok(answer),
                    Output::Failed { ticket: of, failure } if of == ticket => return Err(failure),
                    Output::LinkBroken { fault, .. } => self.faults.push(fault),
                    Output::Answered { .. } | Output::Failed { .. } | Output::TopicSeen(_) => {}
                }
            }
            let happened = self.sockets.wait(self.cluster.deadline().unwrap_or(now() + 100));
            outputs = self.cluster.handle(
                now(),
                match happened {
                    Some(news) => Input::Socket(news),
                    None => Input::Tick,
                },
            );
        }
    }

    /// Asks until the answer is not an error that passes.
    pub fn insist<T>(
        &mut self,
        target: &Target,
        request: impl Into<Request>,
        accept: impl Fn(&Answer) -> Option<T>,
    ) -> T {
        let request = request.into();
        let end = now() + 15_000;
        loop {
            let answer = self.ask(target.clone(), request.clone(), 10_000);
            if let Some(accepted) = answer.as_ref().ok().and_then(&accept) {
                return accepted;
            }
            if let Target::Leader { topic, .. } = target {
                self.cluster.distrust(now(), topic);
            }
            assert!(now() < end, "{answer:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

pub fn parse(address: &str) -> Address {
    let (host, port) = address.rsplit_once(':').unwrap();
    Address { host: host.to_owned(), port: port.parse().unwrap() }
}

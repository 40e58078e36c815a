#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::api::{init_producer_id, metadata};
use crate::sasl::Mechanism;
use crate::sim::SimCluster;

const ASK: Request = Request::InitProducerId(init_producer_id::Request);

fn opened(settings: Settings) -> (Connection, Vec<Output>) {
    let mut connection = Connection::new(1_000, Arc::new(settings));
    let outputs = connection.handle(1_000, Input::Opened { nonce: [1; 16] });
    (connection, outputs)
}

/// What the broker answers to everything that is sent.
fn answers(cluster: &mut SimCluster, outputs: &[Output]) -> Vec<u8> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send(bytes) => Some(bytes.slice(4..)),
        _ => None,
    });
    sent.flat_map(|frame| cluster.answer(1, frame).unwrap().to_vec()).collect()
}

fn ready() -> (Connection, SimCluster) {
    let mut cluster = SimCluster::new(1);
    let (mut connection, outputs) = opened(Settings::default());
    let bytes = answers(&mut cluster, &outputs);
    assert_eq!(connection.handle(1_000, Input::Received(bytes.into())), [Output::Ready]);
    (connection, cluster)
}

fn call(connection: &mut Connection, ticket: u64, timeout_ms: Millis) -> Vec<Output> {
    connection.handle(1_000, Input::Call { ticket, request: ASK, timeout_ms })
}

fn fault(outputs: &[Output]) -> Option<&Fault> {
    outputs.iter().find_map(|output| match output {
        Output::Broken { fault, .. } => Some(fault),
        _ => None,
    })
}

#[test]
fn an_answer_cut_at_any_byte_is_the_same_answer() {
    let (mut connection, mut cluster) = ready();
    let outputs = call(&mut connection, 7, 100);
    let whole = answers(&mut cluster, &outputs);
    for cut in 0..=whole.len() {
        let (mut connection, _) = ready();
        call(&mut connection, 7, 100);
        let mut seen = connection.handle(1_001, Input::Received(Bytes::copy_from_slice(&whole[..cut])));
        assert_eq!(seen.len(), usize::from(cut == whole.len()), "cut at {cut}");
        seen.extend(connection.handle(1_002, Input::Received(Bytes::copy_from_slice(&whole[cut..]))));
        assert!(matches!(&seen[..], [Output::Answered { ticket: 7, .. }]), "cut at {cut}: {seen:?}");
    }
}

#[test]
fn what_is_asked_before_the_handshake_waits_for_it() {
    let mut cluster = SimCluster::new(1);
    let (mut connection, outputs) = opened(Settings::default());
    assert_eq!(call(&mut connection, 1, 100), []);
    let bytes = answers(&mut cluster, &outputs);
    let outputs = connection.handle(1_001, Input::Received(bytes.into()));
    assert!(matches!(&outputs[..], [Output::Ready, Output::Send(_)]));
}

#[test]
fn every_wait_has_a_deadline() {
    // The socket never opens.
    let mut connection = Connection::new(1_000, Arc::default());
    assert_eq!(connection.deadline(), Some(4_000));
    assert_eq!(connection.handle(3_999, Input::Tick), []);
    assert_eq!(fault(&connection.handle(4_000, Input::Tick)), Some(&Fault::HandshakeTimeout));
    // It is refused, and that is said in other words than that it was cut.
    let mut connection = Connection::new(1_000, Arc::default());
    assert_eq!(fault(&connection.handle(1_500, Input::Closed)), Some(&Fault::NotOpened));
    let (mut connection, _) = ready();
    assert_eq!(fault(&connection.handle(1_500, Input::Closed)), Some(&Fault::Closed));
    // The broker never answers.
    let (mut connection, _) = ready();
    call(&mut connection, 1, 500);
    call(&mut connection, 2, 100);
    assert_eq!(connection.deadline(), Some(1_100));
    let outputs = connection.handle(1_100, Input::Tick);
    let wanted = Output::Broken { fault: Fault::AnswerTimeout(Api::InitProducerId), unanswered: vec![1, 2] };
    assert_eq!(outputs, [wanted]);
    assert_eq!(connection.deadline(), None);
    assert_eq!(fault(&call(&mut connection, 3, 100)), Some(&Fault::Closed));
}

#[test]
fn endless_frames_other_protocols_and_strange_answers_end_the_connection() {
    let (mut connection, _) = ready();
    let outputs = connection.handle(1_000, Input::Received(Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff])));
    assert!(matches!(fault(&outputs), Some(Fault::Frame(_))));
    let (mut connection, _) = ready();
    let outputs = connection.handle(1_000, Input::Received(Bytes::from_static(b"HTTP/1.1 400 Bad Request")));
    assert!(matches!(fault(&outputs), Some(Fault::Frame(_))));
    let (mut connection, _) = ready();
    let outputs = connection.handle(1_000, Input::Received(Bytes::from_static(&[0, 0, 0, 4, 0, 0, 0, 9])));
    assert_eq!(fault(&outputs), Some(&Fault::Correlation));
    let (mut connection, _) = ready();
    call(&mut connection, 4, 100);
    let outputs = connection.handle(1_000, Input::Received(Bytes::from_static(&[0, 0, 0, 5, 0, 0, 0, 1, 7])));
    assert!(matches!(fault(&outputs), Some(Fault::Malformed(Api::InitProducerId, _))), "{outputs:?}");
}

#[test]
fn a_broker_without_the_needed_version_is_named_as_the_reason() {
    let (mut connection, _) = opened(Settings::default());
    // Correlation, no error, one row: InitProducerId 0 to 1, throttle, no tags.
    let mut answer = vec![0, 0, 0, 0, 0, 0, 2, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut frame = (answer.len() as u32).to_be_bytes().to_vec();
    frame.append(&mut answer);
    assert_eq!(connection.handle(1_000, Input::Received(frame.into())), [Output::Ready]);
    let outputs = call(&mut connection, 1, 100);
    assert_eq!(fault(&outputs), Some(&Fault::Version { api: Api::InitProducerId }));
}

#[test]
fn an_older_broker_is_asked_again_in_version_0() {
    let (mut connection, _) = opened(Settings::default());
    let refusal = Bytes::from_static(&[0, 0, 0, 10, 0, 0, 0, 0, 0, 35, 0, 0, 0, 0]);
    let outputs = connection.handle(1_000, Input::Received(refusal));
    let [Output::Send(frame)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(frame[4..8], [0, 18, 0, 0]);
    let refusal = Bytes::from_static(&[0, 0, 0, 10, 0, 0, 0, 1, 0, 35, 0, 0, 0, 0]);
    let outputs = connection.handle(1_000, Input::Received(refusal));
    assert_eq!(fault(&outputs), Some(&Fault::Negotiation(ErrorCode::UNSUPPORTED_VERSION)));
}

fn with_password(mechanism: Mechanism) -> Settings {
    let credentials = Credentials { mechanism, username: "u".into(), password: "geheim".into() };
    Settings { credentials: Some(credentials), ..Settings::default() }
}

/// ApiVersions with the two SASL requests, then whatever `rest` says.
fn authenticating(mechanism: Mechanism) -> Connection {
    let (mut connection, _) = opened(with_password(mechanism));
    let rows = [0, 17, 0, 0, 0, 1, 0, 0, 36, 0, 0, 0, 2, 0, 0, 22, 0, 0, 0, 5, 0];
    let body = [&[0, 0, 0, 0, 0, 0, 4][..], &rows, &[0, 0, 0, 0, 0]].concat();
    let frame = [&(body.len() as u32).to_be_bytes()[..], &body].concat();
    let outputs = connection.handle(1_000, Input::Received(frame.into()));
    assert!(matches!(&outputs[..], [Output::Send(_)]), "{outputs:?}");
    connection
}

#[test]
fn plain_sends_the_password_only_after_the_mechanism_was_accepted() {
    let mut connection = authenticating(Mechanism::Plain);
    let accepted = Bytes::from_static(&[0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let outputs = connection.handle(1_000, Input::Received(accepted));
    let [Output::Send(frame)] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(frame.ends_with(b"\0u\0geheim\0"));
    // No error, no reason, no message, a session of 100 s.
    let body = [&[0, 0, 0, 2, 0, 0, 0, 0, 1][..], &100_000i64.to_be_bytes(), &[0]].concat();
    let frame = [&(body.len() as u32).to_be_bytes()[..], &body].concat();
    assert_eq!(connection.handle(2_000, Input::Received(frame.into())), [Output::Ready]);
    // The session is left before the broker ends it.
    assert_eq!(connection.deadline(), Some(92_000));
    assert_eq!(fault(&connection.handle(92_000, Input::Tick)), Some(&Fault::SessionOver));
}

#[test]
fn a_mechanism_that_is_not_offered_and_a_wrong_password_say_so() {
    let mut connection = authenticating(Mechanism::Plain);
    let refusal = b"\0\0\0\x11\0\0\0\x01\0\x21\0\0\0\x01\0\x05SCRAM";
    let outputs = connection.handle(1_000, Input::Received(Bytes::from_static(refusal)));
    assert_eq!(fault(&outputs), Some(&Fault::Mechanism { offered: vec!["SCRAM".into()] }));

    let mut connection = authenticating(Mechanism::Plain);
    let accepted = Bytes::from_static(&[0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    connection.handle(1_000, Input::Received(accepted));
    let refusal = b"\0\0\0\x15\0\0\0\x02\0\0\x3a\x03no\x01\0\0\0\0\0\0\0\0\0";
    let mut frame = refusal.to_vec();
    frame[3] = (frame.len() - 4) as u8;
    let outputs = connection.handle(1_000, Input::Received(frame.into()));
    assert_eq!(fault(&outputs), Some(&Fault::Credentials { reason: "no".into() }));
}

#[test]
fn passwords_are_in_no_debug_output() {
    let connection = authenticating(Mechanism::Plain);
    assert!(!format!("{connection:?}").contains("geheim"));
}

proptest! {
    #[test]
    fn garbage_from_the_socket_never_panics(
        garbage in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..6),
    ) {
        let (mut connection, _) = ready();
        connection.handle(1_000, Input::Call {
            ticket: 1,
            request: metadata::Request { topics: vec!["t".into()] }.into(),
            timeout_ms: 10,
        });
        for bytes in garbage {
            let mut frame = vec![0, 0, 0, bytes.len() as u8 + 4, 0, 0, 0, 1];
            frame.extend(bytes);
            connection.handle(1_000, Input::Received(frame.into()));
        }
    }
}

//! The server over real sockets: connections that are dropped or dribble, buyers who hang up, and kill -9.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KEYS: &str = "Authorization: Basic dGVzdF9nc2tfZGVtbzo=\r\n";

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gyesan-emulator"))
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("emulator ready http://").expect(&line).to_owned();
        Server { process, address }
    }

    /// Sends a request and closes after the answer; answers everything that came.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut answer = String::new();
        self.send(method, path, headers, body).read_to_string(&mut answer).unwrap();
        answer
    }

    fn fault(&self, body: &str) {
        let answer = self.call("POST", "/__emulator/faults", "", body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn authenticate(&self, order_id: &str) -> String {
        let body = format!(r#"{{"orderId":"{order_id}","amount":6500}}"#);
        let answer = self.call("POST", "/__emulator/authenticate", "", &body);
        let (_, json) = answer.split_once("\r\n\r\n").unwrap();
        let answer: serde_json::Value = serde_json::from_str(json).unwrap();
        answer["paymentKey"].as_str().unwrap().to_owned()
    }

    fn confirm(&self, key: &str, order_id: &str) -> TcpStream {
        let body = format!(r#"{{"paymentKey":"{key}","orderId":"{order_id}","amount":6500}}"#);
        let headers = format!("{KEYS}Idempotency-Key: confirm:{order_id}\r\n");
        self.send("POST", "/v1/payments/confirm", &headers, &body)
    }

    fn status(&self, key: &str) -> String {
        self.call("GET", &format!("/v1/payments/{key}"), KEYS, "")
    }
}

impl Drop for Server {
    /// SIGKILL, as the tests want it.
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn read(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder.join("state.json")
}

#[test]
fn a_dropped_connection_closes_without_a_byte() {
    let server = Server::start(&[]);
    for (mode, status) in [("drop_before", "IN_PROGRESS"), ("drop_after", "DONE")] {
        server.fault(&format!(r#"{{"path":"/v1/payments/confirm","mode":"{mode}"}}"#));
        let key = server.authenticate(mode);
        assert_eq!(read(server.confirm(&key, mode)), "");
        assert!(server.status(&key).contains(&format!("\"status\":\"{status}\"")));
        assert!(read(server.confirm(&key, mode)).contains("\"status\":\"DONE\""));
    }
}

#[test]
fn a_slow_body_has_its_head_at_once_and_its_end_late() {
    let server = Server::start(&[]);
    server.fault(r#"{"path":"/v1/payments/confirm","mode":"slow_body","delayMs":1500}"#);
    let key = server.authenticate("ord_0001");
    let started = Instant::now();
    let mut stream = server.confirm(&key, "ord_0001");
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    let rest = read(stream);
    assert!(started.elapsed() >= Duration::from_millis(1300), "{:?}", started.elapsed());
    assert!(rest.contains("\"status\":\"DONE\"") && rest.ends_with('}'));
}

#[test]
fn a_delayed_confirm_takes_effect_although_its_client_hung_up() {
    let server = Server::start(&[]);
    server.fault(r#"{"path":"/v1/payments/confirm","mode":"delay","delayMs":400}"#);
    let key = server.authenticate("ord_0001");
    drop(server.confirm(&key, "ord_0001"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(server.status(&key).contains("\"status\":\"IN_PROGRESS\""));
    assert!(read(server.confirm(&key, "ord_0001")).contains("IDEMPOTENT_REQUEST_PROCESSING"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.status(&key).contains("\"status\":\"DONE\""));
}

#[test]
fn what_was_answered_survives_kill_9() {
    let file = scratch("restart");
    // Receipt and window addresses then carry the same origin whatever the port is.
    let arguments = ["--state", file.to_str().unwrap(), "--public-origin", "http://toss.test"];
    let server = Server::start(&arguments);
    let paid = server.authenticate("ord_0001");
    let answer = read(server.confirm(&paid, "ord_0001"));
    server.fault(r#"{"path":"/v1/payments/confirm","mode":"delay","delayMs":600}"#);
    let delayed = server.authenticate("ord_0002");
    let _hanging = server.confirm(&delayed, "ord_0002");
    server.fault(r#"{"path":"/v1/payments/orders","mode":"status","status":503}"#);
    server.call("POST", "/__emulator/clock", "", r#"{"advanceMs":60000}"#);
    drop(server);

    // Twice: from the log, and then from the snapshot that the first restart made of it.
    for _ in 0..2 {
        let server = Server::start(&arguments);
        let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&read(server.confirm(&paid, "ord_0001"))), body(&answer));
        assert!(server.call("GET", "/__emulator/clock", "", "").contains("\"offsetMs\":60000"));
        assert!(server.call("GET", "/__emulator/faults", "", "").contains("\"status\":503"));
        std::thread::sleep(Duration::from_millis(800));
        assert!(server.status(&delayed).contains("\"status\":\"DONE\""), "the delayed confirm went on");
    }
}

#[test]
fn a_port_in_use_is_said_in_one_line_with_the_cure() {
    let server = Server::start(&[]);
    let port = server.address.rsplit(':').next().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gyesan-emulator")).args(["--port", port]).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, format!("gyesan-emulator: port {port} is in use; choose another with --port\n"));
}

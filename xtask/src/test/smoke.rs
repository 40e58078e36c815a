//! The worker under `npx wrangler dev`, on the state that `cargo xtask dev` made: the two ways agree on the
//! configuration, the build, the migrations and the folder.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::counts::Counts;
use super::stack::Stack;
use crate::progress::Step;
use crate::{artifacts, process, tools, workspace};

const PORT: u16 = 8795;
const ORDER: &str = "/v1/orders/ord_both_ways";
const LISTED_LIMIT: Duration = Duration::from_secs(20);
const READY_LIMIT: Duration = Duration::from_secs(120);

/// Starts both in turn on one state and asks for the same things.
pub fn wrangler_dev() -> Result<Counts> {
    artifacts::build()?;
    artifacts::build_emulator(false)?;
    let state = workspace::target().join("stacks/wrangler");
    // The stack migrates and seeds, then makes way.
    let ours = Stack::start(PORT, "wrangler")?;
    let order = "{\"items\":[{\"productId\":\"A\",\"quantity\":3}]}";
    let placed = ask(PORT, "PUT", ORDER, order)?;
    drop(ours);

    let mut counts = Counts::default();
    let mut check = |name: &str, outcome: Result<()>| match outcome {
        Ok(()) => {
            println!("wrangler: {name} … ok");
            counts.passed += 1;
        }
        Err(fault) => {
            println!("wrangler: {name} … FAILED: {fault:#}");
            counts.failed += 1;
        }
    };

    check("an order is placed under cargo xtask dev", expect(&placed, "201"));

    for database in ["CATALOGUE", "QUERY"] {
        let step = Step::begin("asking wrangler for migrations");
        let mut list = tools::wrangler();
        list.args(["d1", "migrations", "list", database, "--local", "--persist-to"]).arg(&state);
        let (_, output) = process::observe(&mut list, |line| step.doing(line))?;
        step.done();
        check(
            &format!("its migrations agree that all of {database} are applied"),
            expect(&output, "No migrations to apply"),
        );
    }

    let origin = format!("http://127.0.0.1:{PORT}");
    let mut dev = tools::wrangler();
    dev.args([
        "dev",
        "--ip",
        "127.0.0.1",
        "--port",
        &PORT.to_string(),
        "--inspector-port",
        &(PORT + 1).to_string(),
    ]);
    dev.args([
        "--show-interactive-dev-session=false",
        "--var",
        &format!("PUBLIC_ORIGIN:{origin}"),
        "--persist-to",
    ]);
    let log = workspace::target().join("stacks/wrangler.log");
    let file = std::fs::File::create(&log).context("wrangler's log cannot be made")?;
    dev.arg(&state).stdout(file.try_clone()?).stderr(file);
    let step = Step::begin("starting wrangler dev");
    let mut child = process::spawn(&mut dev)?;
    let since = Instant::now();
    let up = loop {
        if ask(PORT, "GET", "/healthz", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            break true;
        }
        if since.elapsed() > READY_LIMIT || child.try_wait()?.is_some() {
            break false;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    step.done();
    if up {
        check("it serves", Ok(()));
        check(
            "it knows the order that was placed before",
            expect(&ask(PORT, "GET", ORDER, "")?, "\"amount\":3000"),
        );
        check("it lists the order that was placed before", expect(&listed()?, "ord_both_ways"));
        check("it serves the demo shop", expect(&ask(PORT, "GET", "/demo/", "")?, "checkout.js"));
    } else {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        check("it serves", Err(anyhow::anyhow!("no answer; it said:\n{said}")));
    }
    process::end(&mut child);
    Ok(counts)
}

/// The merchant's orders; the list follows the orders by some tenths of a second.
fn listed() -> Result<String> {
    let since = Instant::now();
    loop {
        let answer = ask(PORT, "GET", "/v1/orders", "")?;
        if answer.contains("ord_both_ways") || since.elapsed() > LISTED_LIMIT {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn expect(text: &str, part: &str) -> Result<()> {
    if text.contains(part) {
        return Ok(());
    }
    bail!("`{part}` is not in:\n{text}")
}

/// A plain request of the demo merchant's server, the whole answer as text.
fn ask(port: u16, method: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // HTTP/1.0, so that the answer is not chunked and ends with the connection.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer sk_test_demo\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

//! The table of a run with Kafka.

use super::Report;
use crate::distribution::Distribution;
use crate::machine;
use crate::measure::{self, CONNECTIONS};
use crate::report::{rate, thousands};
use std::fmt::Write;

/// As Markdown: one row a measurement, what it is to be compared with, the target last.
pub fn markdown(report: &Report) -> String {
    let Report { ready, embedded, kafka, arrivals, drain, consumer, .. } = report;
    let command =
        if report.quick { "cargo xtask bench --kafka --quick" } else { "cargo xtask bench --kafka" };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "`{command}`, {}, {}, load average {} before and {} after. Apache Kafka (one broker), Miniflare as `cargo xtask dev --kafka` runs it, driver, payment provider and librdkafka on the same cores. Backlogs are the best of {} rounds, the rest of {}.\n",
        machine::today(),
        machine::processor(),
        report.load_before,
        machine::load_average(),
        report.rounds,
        measure::ROUNDS,
    );
    let _ = writeln!(text, "| what | with Kafka | beside it | target |\n|---|---|---|---|");
    let mut row = |what: &str, measured: String, beside: String, target: &str| {
        let _ = writeln!(text, "| {what} | {measured} | {beside} | {target} |");
    };
    let per_second = |number: f64| format!("{}/s", thousands(number));
    row(
        "broker ready, warm ⁵",
        format!("{:.2} s", ready.new.as_secs_f64()),
        format!("again on its folder {:.2} s", ready.again.as_secs_f64()),
        "≤ 3 s",
    );
    row(
        &format!("relay drains a backlog of {} events ¹", thousands(drain.relay.events as f64)),
        per_second(drain.relay.rate()),
        format!("librdkafka {}: {:.2} times", per_second(drain.librdkafka), drain.ratio()),
        "≥ 100,000/s, ≥ 0.5 times",
    );
    row(
        "the same beside librdkafka in lists and without headers ¹",
        String::new(),
        format!(
            "librdkafka {}: {:.2} times",
            per_second(drain.librdkafka_lists),
            drain.relay.rate() / drain.librdkafka_lists
        ),
        "",
    );
    row(
        "processor time of workerd, an event drained",
        format!("{:.1} µs", drain.relay.processor_us),
        String::new(),
        "",
    );
    row(
        "memory of workerd while it drains, at most",
        format!("{:.0} MB", drain.relay.resident_max as f64 / 1e6),
        String::new(),
        "",
    );
    row(
        &format!("committed → acknowledged at {:.0} events/s ², p50 / p99", arrivals.rate),
        pair(&arrivals.latency),
        String::new(),
        "≤ 3 / ≤ 15 ms",
    );
    row(
        &format!("confirm answered → wallet credited at {:.0}/s ³, p50 / p99", kafka.credits.rate),
        pair(&kafka.credits.credited),
        format!("embedded at {:.0}/s {}", embedded.credits.rate, pair(&embedded.credits.credited)),
        "≤ 5 / ≤ 20 ms",
    );
    row(
        &format!("backlog of {} payments credited ⁴", thousands(consumer.events as f64)),
        per_second(consumer.rate()),
        format!("{:.1} µs of workerd each", consumer.processor_us),
        "",
    );
    row(
        &format!("orders placed and paid, {CONNECTIONS} connections"),
        rate(&kafka.paid.load),
        format!(
            "embedded {}: {:.2} times",
            rate(&embedded.paid.load),
            kafka.paid.load.rate() / embedded.paid.load.rate()
        ),
        "",
    );
    row(
        "processor time of workerd, an order placed, paid and credited",
        format!("{:.2} ms", kafka.paid.processor_ms),
        format!("embedded {:.2} ms", embedded.paid.processor_ms),
        "",
    );
    let megabytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
    let parts: Vec<String> =
        report.resident.iter().map(|(name, bytes)| format!("{name} {}", megabytes(*bytes))).collect();
    let all = report.resident.iter().map(|(_, bytes)| bytes).sum();
    row(
        "memory of everything but the broker, before the backlogs",
        format!("{} MB ({})", megabytes(all), parts.join(", ")),
        String::new(),
        "",
    );
    notes(&mut text, report);
    text
}

fn notes(text: &mut String, report: &Report) {
    let _ = writeln!(
        text,
        "
¹ Events of {} bytes with key and seven headers, acks=all, in the logs of all order shards, with the readers of topics halted; from the last look at which none was acknowledged to the first at which all were, on disk. librdkafka (confluent-kafka for Python, `enable.idempotence`, `linger.ms` 5) publishes the same records while the stack is stopped: with the headers it takes a call of Python's for each record, without them it takes lists.
² Upper bound: from `ce_time`, which is read before the commit and has no parts of a millisecond, to the arrival at a consumer (librdkafka) of another process, by the same clock. Each order that is placed and paid makes three events in two topics.
³ Seen from outside, by asking for the wallet's transactions a millisecond after each answer; the last question is counted in ({:.2} ms, median).
⁴ Published before, read and credited to two sellers; the relay publishes what follows from it at the same time.
⁵ From the start of `cargo xtask kafka`, built and with Kafka's jars fetched, until the broker has answered and has the topics: in a new folder, which is formatted first.

Another client (librdkafka) then read both topics from the beginning and compared them with what the shards had committed: {}.",
        super::seeds::VALUE_BYTES,
        report.kafka.credits.question.p50_ms(),
        report.topics,
    );
}

fn pair(latency: &Distribution) -> String {
    format!("{:.2} / {:.2} ms", latency.p50_ms(), latency.p99_ms())
}

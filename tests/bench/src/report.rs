//! The table.

use crate::baseline::Baseline;
use crate::load::Load;
use crate::machine;
use crate::measure::{self, Paid, Size};
use std::fmt::Write;
use std::time::Duration;

/// Everything that was measured.
pub struct Report {
    /// From nothing running to the first order paid and credited.
    pub first_order: Duration,
    /// The parts by themselves.
    pub baseline: Baseline,
    /// By the number of orders in the store.
    pub sizes: Vec<Size>,
    /// With one shard of each kind.
    pub one_shard: Paid,
    /// The machine's load average before any of it.
    pub load_before: String,
    /// Short runs.
    pub quick: bool,
}

impl Report {
    /// As Markdown: one row a measurement, one column a size of the store, the target last.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let command = if self.quick { "cargo xtask bench --quick" } else { "cargo xtask bench" };
        let _ = writeln!(
            text,
            "`{command}`, {}, {}, load average {} before and {} after. Miniflare as `cargo xtask dev` runs it; driver and payment provider on the same cores. Rates and latencies are the best of {} rounds.\n",
            machine::today(),
            machine::processor(),
            self.load_before,
            machine::load_average(),
            measure::ROUNDS,
        );
        let mut table = Table { columns: self.sizes.iter().collect(), text };
        table.head();
        table.row("orders created, 32 connections", "≥ 4,000/s", |size| rate(&size.placed));
        for index in 0..self.sizes.first().map_or(0, |size| size.paid.len()) {
            let connections =
                self.sizes.first().and_then(|size| size.paid.get(index)).map_or(0, |paid| paid.connections);
            let target = if connections == 32 { "≥ 1,000/s" } else { "" };
            let name = format!("orders placed and paid, {connections} connections");
            table.row(&name, target, |size| {
                size.paid.get(index).map_or_else(String::new, |paid| rate(&paid.load))
            });
        }
        let of_last =
            |show: fn(&Paid) -> String| move |size: &Size| size.paid.last().map_or_else(String::new, show);
        let rest = of_last(|paid| format!("{:.0} ms", paid.drained.as_secs_f64() * 1e3));
        table.row("all of them credited, after the last answer", "", rest);
        let processor = of_last(|paid| format!("{:.2} ms", paid.processor_ms));
        table.row("processor time of workerd, an order placed, paid and credited", "", processor);
        let two = "orders with two sellers placed and paid, 32 connections";
        table.row(two, "", |size| rate(&size.paid_two_sellers.load));
        let psp = &self.baseline.psp_paced.latency;
        let pair = |p50: f64, p99: f64| format!("{p50:.2} / {p99:.2} ms");
        let confirmed = |size: &Size| pair(size.confirmed.latency.p50_ms(), size.confirmed.latency.p99_ms());
        table.row("confirm at 100/s, whole, p50 / p99", "", confirmed);
        table.row("confirm at 100/s, beside the PSP call ¹, p50 / p99", "≤ 1.5 / ≤ 5 ms", |size| {
            let latency = &size.confirmed.latency;
            pair(latency.p50_ms() - psp.p50_ms(), latency.p99_ms() - psp.p50_ms())
        });
        table.row("confirm answered → wallet credited ², p50 / p99", "≤ 1 / ≤ 5 ms", |size| {
            pair(size.credited.p50_ms(), size.credited.p99_ms())
        });
        table.row("confirm answered → order complete ², p50 / p99", "", |size| {
            pair(size.completed.p50_ms(), size.completed.p99_ms())
        });
        table.row("commits an order, alone / at 32 connections ³", "", |size| match size.commits {
            Some((alone, together)) => format!("{alone:.1} / {together:.2}"),
            None => "cannot be counted here".to_owned(),
        });
        table.row("memory of everything that runs, after the load", "≤ 300 MB", |size| {
            let megabytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
            let parts: Vec<String> =
                size.resident.iter().map(|(name, bytes)| format!("{name} {}", megabytes(*bytes))).collect();
            let all = size.resident.iter().map(|(_, bytes)| bytes).sum();
            format!("{} MB ({})", megabytes(all), parts.join(", "))
        });
        let first_order = format!("{:.2} s", self.first_order.as_secs_f64());
        table.row("all stopped → first order paid and credited", "≤ 4 s", |_| first_order.clone());
        let mut text = table.text;
        self.notes(&mut text);
        text
    }

    fn notes(&self, text: &mut String) {
        let Baseline { health, psp, psp_paced } = &self.baseline;
        let question = self.sizes.first().map_or(0.0, |size| size.question.p50_ms());
        let _ = writeln!(
            text,
            "
¹ The median of a confirmation sent straight to the payment provider at the same rate, {:.2} ms, is taken off both.
² Seen from outside, by asking; the last question is counted in ({question:.2} ms, median).
³ fsync and fdatasync of workerd, counted by perf.

With one order shard and one ledger shard instead of two and two: {} orders placed and paid at 32 connections.
By themselves in the same run, 32 connections: `GET /healthz` {}; confirmation at the payment provider {}.",
            psp_paced.latency.p50_ms(),
            rate(&self.one_shard.load),
            rate(health),
            rate(psp),
        );
        for size in &self.sizes {
            let Some(paid) = size.paid.last() else { continue };
            let _ = writeln!(
                text,
                "At {} orders an order placed costs {:.1} times, an order placed and paid {:.1} times the time of a `GET /healthz`.",
                thousands(size.orders as f64),
                health.rate() / size.placed.rate(),
                health.rate() / paid.load.rate(),
            );
        }
    }
}

struct Table<'a> {
    columns: Vec<&'a Size>,
    text: String,
}

impl Table<'_> {
    fn head(&mut self) {
        let columns: String =
            self.columns.iter().map(|size| format!(" {} orders |", thousands(size.orders as f64))).collect();
        let rules = "---|".repeat(self.columns.len() + 2);
        let _ = writeln!(self.text, "| what |{columns} target |\n|{rules}");
    }

    fn row(&mut self, what: &str, target: &str, cell: impl Fn(&Size) -> String) {
        let cells: String = self.columns.iter().map(|size| format!(" {} |", cell(size))).collect();
        let _ = writeln!(self.text, "| {what} |{cells} {target} |");
    }
}

/// `1,234/s`.
pub fn rate(load: &Load) -> String {
    format!("{}/s", thousands(load.rate()))
}

/// `1,234`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_readable() {
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(1_000.0), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }
}

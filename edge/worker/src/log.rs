//! The log: one JSON line a fact, to the console that matches its level.

use gyesan_edge::actor::LogLine;

/// Writes a line.
pub fn write(line: &LogLine) {
    let text = serde_json::to_string(line).unwrap_or_else(|e| format!("{}: {e}", line.fact));
    match line.level {
        "error" => worker::console_error!("{text}"),
        "warn" => worker::console_warn!("{text}"),
        _ => worker::console_log!("{text}"),
    }
}

/// Something is wrong, and will be tried again by itself.
pub fn warn(fact: &'static str, detail: &str) {
    of_the_shell("warn", fact, detail);
}

/// Something is wrong that an operator has to see to.
pub fn error(fact: &'static str, detail: &str) {
    of_the_shell("error", fact, detail);
}

fn of_the_shell(level: &'static str, fact: &'static str, detail: &str) {
    write(&LogLine {
        level,
        fact,
        merchant_id: String::new(),
        order_id: String::new(),
        detail: detail.to_owned(),
    });
}

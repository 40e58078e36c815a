//! Calls to the PSP: the adapter's request goes out by fetch, and whatever comes back goes to the adapter.

use crate::fetch;
use gyesan_core::toss::Answer;
use gyesan_edge::config::Config;
use gyesan_edge::psp::{CALL_LIMIT_MS, PspCall, toss};

/// Asks the PSP and waits at most [`CALL_LIMIT_MS`] for its whole answer. Everything but an answer says nothing about the charge.
pub async fn ask(config: &Config, call: &PspCall) -> Answer {
    match exchange(config, call).await {
        Ok((status, body)) => toss::parse(status, &body),
        Err(why) => Answer::Nothing { why },
    }
}

async fn exchange(config: &Config, call: &PspCall) -> Result<(u16, Vec<u8>), String> {
    let account = config.psp_of(&call.id.merchant_id).ok_or("the merchant has no account at the PSP")?;
    let request = toss::request(call, account).map_err(|e| e.to_string())?;
    fetch::exchange(&request, CALL_LIMIT_MS).await
}

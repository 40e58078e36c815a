//! What the parts can do by themselves, in the same run: the floor that the rest is compared with.

use crate::buyers::{Buyers, Cart};
use crate::load::{self, Load};
use crate::say;
use anyhow::{Result, ensure};
use gyesan_e2e::client::Client;

/// Rates of the parts.
pub struct Baseline {
    /// `GET /healthz` at 32 connections: a request through the worker that asks nobody.
    pub health: Load,
    /// Confirmations at the payment provider, without the worker, at 32 connections.
    pub psp: Load,
    /// The same at 100 a second: the round trip that every payment contains.
    pub psp_paced: Load,
}

impl Baseline {
    /// Measures them.
    ///
    /// # Errors
    /// When something does not answer as it should.
    pub fn measure(buyers: &Buyers, quick: bool) -> Result<Baseline> {
        say("the parts by themselves");
        let healthy = |client: &mut Client, _: &()| {
            ensure!(client.send("GET", "/healthz", &[], None)?.status == 200, "not healthy");
            Ok(())
        };
        let requests = vec![(); if quick { 4_000 } else { 20_000 }];
        let connect = || buyers.to_worker();
        load::closed(32, &requests, connect, healthy)?;
        let health = load::closed(32, &requests, connect, healthy)?;
        say(&format!("  GET /healthz: {:.0}/s at 32 connections", health.rate()));
        let confirm = |client: &mut Client, buyer: &_| buyers.confirm_directly(client, buyer);
        let payments = buyers.authenticated(if quick { 2_000 } else { 5_000 }, Cart::OneSeller)?;
        let psp = load::closed(32, &payments, || buyers.to_psp(), confirm)?;
        say(&format!("  confirm at the payment provider: {:.0}/s at 32 connections", psp.rate()));
        let payments = buyers.authenticated(if quick { 200 } else { 1_000 }, Cart::OneSeller)?;
        let psp_paced = load::open(100, 16, &payments, || buyers.to_psp(), confirm)?;
        say(&format!("  the same at 100/s: p50 {:.2} ms", psp_paced.latency.p50_ms()));
        Ok(Baseline { health, psp, psp_paced })
    }
}

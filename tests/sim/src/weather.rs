//! How bad a world is: each seed has its own mixture, so that some faults meet each other often and others never.

use crate::random::Random;

/// Rates per thousand, and how long it lasts.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Turns that end the process, before the commit or between it and the effects.
    pub crash: u32,
    /// Turns in which a statement fails.
    pub disk: u32,
    /// Calls between actors, and of buyers, that never arrive, and answers that are lost.
    pub lose: u32,
    /// Calls and answers that come twice.
    pub double: u32,
    /// Messages that take up to half a minute.
    pub late: u32,
    /// Requests to the PSP that never arrive, or whose answer is lost.
    pub psp_lose: u32,
    /// Requests to the PSP that arrive only after up to 50 seconds.
    pub psp_late: u32,
    /// Queries that the PSP answers with 404 although it knows the payment, soon after the authentication.
    pub psp_missing: u32,
    /// Alarms that never go off.
    pub lose_alarm: u32,
    /// Orders for which the PSP misbehaves in one of its ways.
    pub psp_fault: u32,
    /// When the faults stop, in milliseconds after the start.
    pub until_ms: i64,
}

impl Weather {
    /// Nothing goes wrong.
    pub fn fair() -> Weather {
        Weather { until_ms: 60_000, ..Weather::default() }
    }

    /// The weather of a seed: each kind of fault is absent in half of them.
    pub fn draw(random: &mut Random) -> Weather {
        let mut rate = |rates: &[u32]| if random.chance(500) { *random.pick(rates) } else { 0 };
        Weather {
            crash: rate(&[10, 50, 150]),
            disk: rate(&[20, 100]),
            lose: rate(&[20, 100, 300]),
            double: rate(&[50, 300]),
            late: rate(&[20, 200]),
            psp_lose: rate(&[50, 200, 500]),
            psp_late: rate(&[100, 400]),
            psp_missing: rate(&[100, 500]),
            lose_alarm: rate(&[100, 500]),
            psp_fault: if random.chance(800) { *random.pick(&[300, 800]) } else { 0 },
            until_ms: *random.pick(&[120_000, 300_000, 900_000, 3_000_000]),
        }
    }
}

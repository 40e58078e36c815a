//! How bad a world is: each seed has its own mixture, so that some faults meet each other often and others never.

use crate::random::Random;
use gyesan_kafka::sim::Faults;

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
    /// What happens to Kafka's brokers and on the way to them.
    pub storm: Storm,
    /// When the faults stop, in milliseconds after the start.
    pub until_ms: i64,
}

/// Rates per thousand: of a network's messages in `faults`, of the times that the weather changes in the others.
#[derive(Clone, Debug, Default)]
pub struct Storm {
    /// On the way to the brokers and back.
    pub faults: Faults,
    /// How long a Fetch that finds nothing is held at least, in milliseconds.
    pub hold_min_ms: u64,
    /// How often the weather changes, in milliseconds.
    pub every_ms: i64,
    /// A broker goes down, or comes back.
    pub broker: u32,
    /// A partition gets another leader.
    pub leader: u32,
    /// A leader refuses a batch, or says so and writes it.
    pub refusal: u32,
    /// A relay's or a subscriber's clock is set to another time.
    pub clock: u32,
    /// The brokers forget who has written what: then a batch that is sent again blindly is written again.
    pub forget: u32,
}

impl Storm {
    /// Nothing but some delay.
    pub fn fair() -> Storm {
        Storm { faults: Faults { delay_max_ms: 3, ..Faults::default() }, every_ms: 1_000, ..Storm::default() }
    }

    /// The storm of a seed. Brokers that forget come without refusals and without requests that arrive after their connection's
    /// end: both are harmless to brokers that remember alone.
    pub fn draw(random: &mut Random, until_ms: i64) -> Storm {
        let mut rate = |rates: &[u32]| if random.chance(500) { *random.pick(rates) } else { 0 };
        let mut storm = Storm {
            broker: rate(&[5, 50, 200]),
            leader: rate(&[10, 100]),
            refusal: rate(&[50, 300]),
            forget: rate(&[100, 500]),
            clock: 0,
            hold_min_ms: 0,
            every_ms: (until_ms / 300).max(1_000),
            faults: Faults {
                cut_answer: rate(&[10, 50, 150]).into(),
                cut_request: rate(&[10, 50, 150]).into(),
                silence: rate(&[2, 20]).into(),
                late_ms: rate(&[100, 2_000, 20_000]).into(),
                overtake: 0,
                delay_max_ms: (*random.pick(&[2, 10, 200])),
            },
        };
        if storm.forget > 0 {
            storm.refusal = 0;
            storm.faults.late_ms = 0;
        }
        storm.clock = if random.chance(300) { *random.pick(&[20, 100]) } else { 0 };
        // Long worlds would have too many steps otherwise.
        storm.hold_min_ms = if until_ms > 300_000 { 9_000 } else { *random.pick(&[0, 3_000, 9_000]) };
        storm
    }
}

impl Weather {
    /// Nothing goes wrong.
    pub fn fair() -> Weather {
        Weather { until_ms: 60_000, storm: Storm::fair(), ..Weather::default() }
    }

    /// The weather of a seed: each kind of fault is absent in half of them. The storm is drawn apart.
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
            storm: Storm::default(),
            until_ms: *random.pick(&[120_000, 300_000, 900_000, 3_000_000]),
        }
    }
}

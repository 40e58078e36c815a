//! Times as Toss writes them, and the source of keys.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};

fn korean(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(offset!(+9))
}

/// `2022-06-08T15:40:49+09:00`, the form of every time in a Payment.
pub fn toss_time(ms: i64) -> String {
    let format = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
    );
    korean(ms).format(format).unwrap_or_default()
}

/// `20220608154049`, as it stands inside Toss's keys.
pub fn compact_time(ms: i64) -> String {
    korean(ms).format(format_description!("[year][month][day][hour][minute][second]")).unwrap_or_default()
}

/// RFC 3339 in UTC with milliseconds, as the admin API writes it.
pub fn utc_time(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_default()
}

/// Reads RFC 3339 with any offset.
pub fn parse_time(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

/// A stream of numbers from a seed (SplitMix64): the same seed gives the same keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    seed: u64,
    drawn: u64,
}

impl Keys {
    /// The stream of this seed, from its start.
    pub fn new(seed: u64) -> Keys {
        Keys { seed, drawn: 0 }
    }

    fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        let mut mixed = self.seed.wrapping_add(self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// So many characters of `[A-Za-z0-9]`.
    pub fn letters(&mut self, count: usize) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut letters = String::with_capacity(count);
        while letters.len() < count {
            let mut number = self.draw();
            for _ in 0..10.min(count - letters.len()) {
                let index = usize::try_from(number % 62).unwrap_or_default();
                letters.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
                number /= 62;
            }
        }
        letters
    }

    /// Eight decimal digits, as an approval number has them.
    pub fn digits(&mut self) -> String {
        format!("{:08}", self.draw() % 100_000_000)
    }
}

//! What the person in front of the terminal sees while they wait: one line for a step that is not over at once, a
//! sign of life every few seconds, one line with its time when it ends. All of it on stderr: stdout belongs to results.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A step that is over before this is not worth a line.
const WORTH_SAYING: Duration = Duration::from_millis(300);
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// Says a line.
pub fn say(line: &str) {
    eprintln!("  {line}");
}

/// A step that is under way. It tells that it is alive until it is dropped or [`Step::done`].
pub struct Step {
    name: String,
    since: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ended: bool,
    announced: bool,
    doing: String,
    /// When something was last shown, so that a sign of life follows only silence.
    shown: Option<Instant>,
}

impl Step {
    /// The step begins.
    pub fn begin(name: &str) -> Self {
        let step = Self { name: name.to_owned(), since: Instant::now(), state: Arc::default() };
        let (state, name, since) = (Arc::clone(&step.state), step.name.clone(), step.since);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(100));
                let Ok(mut state) = state.lock() else { return };
                if state.ended {
                    return;
                }
                if !state.announced && since.elapsed() >= WORTH_SAYING {
                    state.announced = true;
                    eprintln!("  {name} …");
                }
                if state.shown.unwrap_or(since).elapsed() >= SIGN_OF_LIFE {
                    state.shown = Some(Instant::now());
                    let doing =
                        if state.doing.is_empty() { String::new() } else { format!(" ({})", state.doing) };
                    eprintln!("  {name} … {} s{doing}", since.elapsed().as_secs());
                }
            }
        });
        step
    }

    /// Takes a line of the step's output, to be shown with the next sign of life.
    pub fn doing(&self, line: &str) {
        let line: String = line.trim().chars().take(80).collect();
        if line.is_empty() {
            return;
        }
        if let Ok(mut state) = self.state.lock() {
            state.doing = line;
        }
    }

    /// The caller has shown a line itself.
    pub fn shown(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.shown = Some(Instant::now());
        }
    }

    /// Says how long the step took.
    pub fn done(self) {
        if self.state.lock().is_ok_and(|state| state.announced) {
            eprintln!("  {} … done in {}", self.name, seconds(self.since.elapsed()));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.lock() {
            state.ended = true;
        }
    }
}

/// `0.3 s`, `12.4 s`, `2 min 5 s`.
pub fn seconds(elapsed: Duration) -> String {
    let tenths = elapsed.as_millis() / 100;
    if tenths < 1200 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {} s", tenths / 600, tenths % 600 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(seconds(Duration::from_millis(340)), "0.3 s");
        assert_eq!(seconds(Duration::from_millis(12_449)), "12.4 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }
}

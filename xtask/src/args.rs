//! Command line arguments: `--flag`, `--option VALUE` and `--option=VALUE`, in any order.

use std::collections::VecDeque;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};

/// What is left of the command line. Each command takes what it knows and then calls [`Args::finish`].
pub struct Args {
    left: VecDeque<String>,
}

impl Args {
    /// The arguments after the program's name.
    pub fn from_command_line() -> Self {
        Self { left: std::env::args().skip(1).collect() }
    }

    #[cfg(test)]
    pub fn of(words: &[&str]) -> Self {
        Self { left: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// The first word.
    pub fn command(&mut self) -> Option<String> {
        self.left.pop_front()
    }

    /// Whether `--name` is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let found = self.left.iter().position(|word| word == name);
        found.and_then(|at| self.left.remove(at)).is_some()
    }

    /// The value of `--name`, if it is there; an error when it has none or it does not parse.
    pub fn option<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let prefix = format!("{name}=");
        let Some(at) = self.left.iter().position(|word| word == name || word.starts_with(&prefix)) else {
            return Ok(None);
        };
        let word = self.left.remove(at).unwrap_or_default();
        let value = match word.strip_prefix(&prefix) {
            Some(value) => value.to_owned(),
            None => self.left.remove(at).ok_or_else(|| anyhow!("{name} needs a value"))?,
        };
        let parsed = value.parse().map_err(|_| anyhow!("{name} cannot be `{value}`"))?;
        Ok(Some(parsed))
    }

    /// `--name` with or without a value: `None` when it is not there, `Some(None)` when it stands alone.
    pub fn option_or_flag(&mut self, name: &str) -> Result<Option<Option<String>>> {
        let at = self.left.iter().position(|word| word == name);
        let alone = at.is_some_and(|at| self.left.get(at + 1).is_none_or(|word| word.starts_with('-')));
        if alone && self.flag(name) {
            return Ok(Some(None));
        }
        Ok(self.option(name)?.map(Some))
    }

    /// Every value of `--name`.
    pub fn options<T: FromStr>(&mut self, name: &str) -> Result<Vec<T>> {
        let mut values = Vec::new();
        while let Some(value) = self.option(name)? {
            values.push(value);
        }
        Ok(values)
    }

    /// Prints `usage` and answers true when help was asked for.
    pub fn help(&mut self, usage: &str) -> bool {
        let asked = self.flag("--help") || self.flag("-h");
        if asked {
            println!("{usage}");
        }
        asked
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<()> {
        match self.left.front() {
            Some(word) => bail!("`{word}` is not an option of this command (see --help)"),
            None => Ok(()),
        }
    }

    /// What nobody took, for a program that this one starts.
    pub fn rest(self) -> Vec<String> {
        self.left.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_are_found_in_any_order_and_in_both_forms() {
        let mut args = Args::of(&["dev", "--fresh", "--port=9000", "--state", "there"]);
        assert_eq!(args.command().unwrap(), "dev");
        assert_eq!(args.option::<String>("--state").unwrap().unwrap(), "there");
        assert_eq!(args.option::<u16>("--port").unwrap(), Some(9000));
        assert!(args.flag("--fresh"));
        assert!(!args.flag("--fresh"));
        args.finish().unwrap();
    }

    #[test]
    fn what_nobody_knows_is_refused_by_name() {
        let args = Args::of(&["--potr", "1"]);
        assert!(args.finish().unwrap_err().to_string().contains("--potr"));
    }

    #[test]
    fn a_value_that_is_missing_or_malformed_is_refused() {
        assert!(Args::of(&["--port"]).option::<u16>("--port").is_err());
        assert!(Args::of(&["--port", "many"]).option::<u16>("--port").is_err());
    }

    #[test]
    fn an_option_may_come_without_its_value() {
        let kafka = |words: &[&str]| Args::of(words).option_or_flag("--kafka").unwrap();
        assert_eq!(kafka(&["--fresh"]), None);
        assert_eq!(kafka(&["--kafka", "--fresh"]), Some(None));
        assert_eq!(kafka(&["--kafka"]), Some(None));
        assert_eq!(kafka(&["--kafka", "there:9092"]), Some(Some("there:9092".to_owned())));
        assert_eq!(kafka(&["--kafka=there:9092"]), Some(Some("there:9092".to_owned())));
    }

    #[test]
    fn an_option_may_come_several_times() {
        let mut args = Args::of(&["--only", "core", "--only=edge"]);
        assert_eq!(args.options::<String>("--only").unwrap(), ["core", "edge"]);
    }
}

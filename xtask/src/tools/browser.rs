//! Chromium, its driver and a Korean font, for the suites that need them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-noto-cjk"];

/// What a suite needs of it.
pub struct Browser {
    /// Chromium's program.
    pub browser: PathBuf,
    /// ChromeDriver's program.
    pub driver: PathBuf,
}

/// Finds the browser, and on Debian as root installs it when something is missing.
pub fn ready() -> Result<Browser> {
    if let Some(found) = found() {
        return Ok(found);
    }
    let install = format!("apt-get install -y --no-install-recommends {}", PACKAGES.join(" "));
    let root = process::answer_of(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !root || on_path("apt-get").is_none() {
        bail!(
            "Chromium, ChromeDriver or a Korean font is missing: install them (on Debian: `sudo {install}`)"
        );
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run("updating the package lists", &mut apt(&["update"]))?;
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(PACKAGES);
    process::run("installing Chromium, ChromeDriver and a Korean font", &mut apt(&args))?;
    match found() {
        Some(found) => Ok(found),
        None => {
            bail!("`{install}` succeeded, and still Chromium, ChromeDriver or a Korean font is not found")
        }
    }
}

fn found() -> Option<Browser> {
    let browser =
        on_path("chromium").or_else(|| on_path("chromium-browser")).or_else(|| on_path("google-chrome"))?;
    let driver = on_path("chromedriver")?;
    let fonts = process::answer_of(Command::new("fc-list").arg(":lang=ko"))?;
    (!fonts.is_empty()).then_some(Browser { browser, driver })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

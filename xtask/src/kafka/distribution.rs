//! Apache Kafka's jars by Maven, a Java to run them, and an archive of their classes that halves the start.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::broker;
use crate::{process, workspace};

/// What is run by default.
pub const VERSION: &str = "4.3.1";
/// The oldest that is tested.
pub const OLDEST: &str = "3.9.2";
const JAVA_MAJOR_MIN: u32 = 17;
const POM: &str = include_str!("pom.xml");

/// A Kafka that can be started.
pub struct Distribution {
    /// For `java -cp`; the same in each start, or the class archive does not fit.
    pub class_path: String,
    /// The class archive, once there is one.
    pub archive: Option<PathBuf>,
}

impl Distribution {
    /// The jars of `version`, fetched if they are not in the cache.
    pub fn ready(version: &str) -> Result<Self> {
        let java = java()?;
        let home = workspace::tool_cache().join(format!("kafka-{version}"));
        let jars = home.join("lib");
        if !home.join("complete").exists() {
            fetch(version, &home, &jars)?;
        }
        let mut names: Vec<PathBuf> = std::fs::read_dir(&jars)
            .with_context(|| format!("reading {}", jars.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect();
        names.sort();
        let names: Vec<String> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let mut distribution = Self { class_path: names.join(":"), archive: None };
        let archive = home.join(format!("classes-{java}.jsa"));
        if !archive.exists() {
            distribution.dump_classes(&home, &archive)?;
        }
        distribution.archive = Some(archive);
        Ok(distribution)
    }

    /// The arguments of `java` for `main_class`, with the memory and compiler settings of a small machine.
    pub fn arguments(&self, main_class: &str) -> Vec<String> {
        let fixed = [
            "-Xms64m",
            "-Xmx320m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        if let Some(archive) = &self.archive {
            // A class that is not in the archive is loaded from its jar; a warning about it helps nobody.
            let quiet = ["-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"];
            arguments.push(format!("-XX:SharedArchiveFile={}", archive.display()));
            arguments.extend(quiet.map(str::to_owned));
        }
        arguments.extend(["-cp".to_owned(), self.class_path.clone(), main_class.to_owned()]);
        arguments
    }

    fn dump_classes(&self, home: &Path, archive: &Path) -> Result<()> {
        let step = crate::progress::Step::begin("preparing Kafka's classes");
        let folder = home.join("archive-run");
        let partial = archive.with_extension("partial");
        let port = broker::free_port()?;
        let setting =
            broker::Setting { folder: &folder, port, sasl_port: None, advertised: None, properties: &[] };
        setting.format(self)?;
        // The archive is written at the clean stop, which takes a second or two.
        setting
            .launch(self, &[format!("-XX:ArchiveClassesAtExit={}", partial.display())])?
            .stop_patiently()?;
        std::fs::rename(&partial, archive).context("Java wrote no class archive")?;
        let _ = std::fs::remove_dir_all(&folder);
        step.done();
        Ok(())
    }
}

fn fetch(version: &str, home: &Path, jars: &Path) -> Result<()> {
    maven()?;
    std::fs::create_dir_all(home)?;
    std::fs::write(home.join("pom.xml"), POM)?;
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg(format!("-Dkafka.version={version}")).arg(format!("-DoutputDirectory={}", jars.display()));
    maven.current_dir(home);
    process::run(&format!("fetching Apache Kafka {version}"), &mut maven).with_context(
        || "Kafka cannot be fetched: connect to the network, or use your own broker with `--kafka HOST:PORT`",
    )?;
    Ok(std::fs::write(home.join("complete"), "")?)
}

/// Maven, installed if there is none.
pub(super) fn maven() -> Result<()> {
    match process::answer_of(Command::new("mvn").arg("--version")) {
        Some(_) => Ok(()),
        None => install(&["maven"], "Maven"),
    }
}

/// The version of a Java that is new enough, installed if there is none.
pub(super) fn java() -> Result<String> {
    if java_version().is_none() {
        install(&["default-jre-headless"], "Java")?;
    }
    match java_version() {
        Some((version, major)) if major >= JAVA_MAJOR_MIN => Ok(version),
        Some((version, _)) => bail!("Java {version} is too old for Kafka: install {JAVA_MAJOR_MIN} or newer"),
        None => bail!("Java is missing: install {JAVA_MAJOR_MIN} or newer"),
    }
}

fn java_version() -> Option<(String, u32)> {
    let properties = Command::new("java").args(["-XshowSettings:properties", "-version"]).output().ok()?;
    let text = String::from_utf8_lossy(&properties.stderr).into_owned();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("java.version = "))?;
    Some((line.to_owned(), line.split(['.', '+', '-']).next()?.parse().ok()?))
}

/// Installs Debian packages where that can be done, and says what is missing where not.
pub(crate) fn install(packages: &[&str], what: &str) -> Result<()> {
    let cure = format!(
        "{what} is missing: run `apt-get install {}` as root, or install it in your way",
        packages.join(" ")
    );
    let root = process::answer_of(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !root || process::answer_of(Command::new("apt-get").arg("--version")).is_none() {
        bail!("{cure}");
    }
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let mut update = Command::new("apt-get");
    process::run("updating the package lists", update.arg("update"))?;
    process::run(&format!("installing {what}"), &mut apt(&["install", "-y", "--no-install-recommends"]))
        .context(cure)
}

//! A real schema registry: Apicurio from Maven Central, which speaks the REST API that Confluent's began
//! (`cargo xtask registry`). It keeps everything in memory, about 150 MB, and is ready in two to three seconds.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{broker, distribution};
use crate::args::Args;
use crate::dev::port_is_free;
use crate::{process, progress, workspace};

const USAGE: &str = "\
usage: cargo xtask registry [OPTIONS]

Runs Apicurio Registry; what it holds is gone when it stops. For SCHEMA_REGISTRY_URL take the address that it says:
cargo xtask dev --kafka --var SCHEMA_REGISTRY_URL=http://127.0.0.1:8081/apis/ccompat/v7

  --port PORT   its port on 127.0.0.1 (8081; 0 = any that is free)
  --json        for programs: one line on stdout, {\"ready\":true,\"url\":…,\"pid\":…}

Ctrl-C (SIGINT) or SIGTERM stops it.";

/// The last version with a runnable archive on Maven Central.
const VERSION: &str = "2.6.13.Final";
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Where Confluent's API is.
const API: &str = "/apis/ccompat/v7";

/// `cargo xtask registry`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let port = match args.option("--port")?.unwrap_or(8081) {
        0 => broker::free_port()?,
        port => port,
    };
    let json = args.flag("--json");
    args.finish()?;
    // Whatever has the port might answer in Apicurio's place.
    port_is_free(port)?;
    let home = ready()?;
    let mut child = start(&home, port)?;
    let url = format!("http://127.0.0.1:{port}{API}");
    if json {
        println!("{}", serde_json::json!({ "ready": true, "url": url, "pid": child.id() }));
    } else {
        progress::say(&format!("Apicurio Registry {VERSION} on {url} (pid {})", child.id()));
    }
    process::signal_is_the_ordinary_end();
    let status = child.wait().context("waiting for Apicurio")?;
    process::forget(&child);
    anyhow::ensure!(status.success(), "Apicurio ended ({status})");
    Ok(())
}

/// Its folder, fetched once per machine.
pub fn ready() -> Result<PathBuf> {
    distribution::java()?;
    let home = workspace::tool_cache().join(format!("apicurio-{VERSION}"));
    if home.join("complete").exists() {
        return Ok(home);
    }
    distribution::maven()?;
    std::fs::create_dir_all(&home)?;
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"]);
    maven.arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"));
    maven.arg(format!("-DoutputDirectory={}", home.display())).current_dir(&home);
    process::run(&format!("fetching Apicurio Registry {VERSION}"), &mut maven)
        .context("Apicurio cannot be fetched: connect to the network, or leave this suite out")?;
    let archive = home.join(format!("apicurio-registry-app-{VERSION}-all.tar.gz"));
    let mut tar = Command::new("tar");
    process::run("unpacking Apicurio Registry", tar.arg("xzf").arg(&archive).arg("-C").arg(&home))?;
    std::fs::remove_file(archive)?;
    std::fs::write(home.join("complete"), "")?;
    Ok(home)
}

fn start(home: &Path, port: u16) -> Result<Child> {
    let logs = workspace::target().join("apicurio");
    std::fs::create_dir_all(&logs)?;
    let log_path = logs.join(format!("{port}.log"));
    let log = File::create(&log_path)?;
    let mut java = process::bound_to_us(Path::new("java"));
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=127.0.0.1"]);
    java.arg(format!("-Dquarkus.http.port={port}")).arg("-jar");
    java.arg(home.join(format!("apicurio-registry-app-{VERSION}-runner.jar"))).current_dir(&logs);
    java.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = process::spawn(&mut java)?;
    let since = Instant::now();
    while !answers(port) {
        if let Some(status) = child.try_wait()? {
            process::forget(&child);
            bail!("Apicurio ended at once ({status}); its log is {}", log_path.display());
        }
        if since.elapsed() > READY_WITHIN {
            process::end(&mut child);
            bail!("Apicurio did not answer on port {port} within {} s", READY_WITHIN.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(child)
}

fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request =
            format!("GET {API}/subjects HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_in_use_is_named_before_anything_is_fetched_or_started() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let fault = run(Args::of(&["--port", &port])).unwrap_err().to_string();
        assert!(fault.contains(&port) && fault.contains("--port"), "{fault}");
    }
}

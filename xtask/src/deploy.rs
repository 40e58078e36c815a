//! `cargo xtask deploy`: the steps to Cloudflare with wrangler, in order, none of them hidden.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::args::Args;
use crate::wrangler::{Wrangler, vars_of};
use crate::{artifacts, process, tools, workspace};

const USAGE: &str = "\
usage: cargo xtask deploy [--dry-run]

Builds, applies the databases' migrations and deploys the section [env.production] of wrangler.toml.
--dry-run does everything that needs neither an account nor the network, and prints the steps.";

const STEPS: &str = "\
  The first deployment, step by step:

  1. npx wrangler login                                      (or CLOUDFLARE_API_TOKEN in the environment)
  2. npx wrangler d1 create gyesan-catalogue
     npx wrangler d1 create gyesan-query                     and put the ids into [env.production] of wrangler.toml
  3. In the same section: PUBLIC_ORIGIN, DEFAULT_MERCHANT, TOSS_CLIENT_KEY, and the shard counts, which can never be changed later
  4. npx wrangler secret put TOSS_SECRET_KEY --env production
     openssl rand -hex 32 | npx wrangler secret put TOKEN_KEY --env production
     and where they ask for them, Kafka's KAFKA_USERNAME and KAFKA_PASSWORD, the schema registry's
     SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD
  5. cargo xtask deploy
       npx wrangler d1 migrations apply CATALOGUE --env production --remote
       npx wrangler d1 migrations apply QUERY --env production --remote
       npx wrangler deploy --env production
  6. Put your merchant, its hashed keys, sellers and products into the catalogue; edge/seed/demo.sql shows how:
       npx wrangler d1 execute CATALOGUE --env production --remote --file YOUR.sql

  Every later deployment is step 5 alone.";

const SECRETS: [&str; 2] = ["TOSS_SECRET_KEY", "TOKEN_KEY"];
const KAFKA_SECRETS: [&str; 2] = ["KAFKA_USERNAME", "KAFKA_PASSWORD"];
/// Both are set, or neither is.
const REGISTRY_SECRETS: [&str; 2] = ["SCHEMA_REGISTRY_USERNAME", "SCHEMA_REGISTRY_PASSWORD"];

/// `cargo xtask deploy`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let dry = args.flag("--dry-run");
    args.finish()?;
    let wrangler = Wrangler::read()?;
    let open = placeholders(&wrangler)?;
    let production = vars_of(wrangler.environment("production")?);
    if dry {
        return dry_run(&open);
    }
    if !open.is_empty() {
        println!("{STEPS}\n");
        bail!("[env.production] of wrangler.toml still has its placeholders: {}", open.join(", "));
    }
    artifacts::build()?;
    secrets_are_set(&production)?;
    for database in ["CATALOGUE", "QUERY"] {
        by_hand(&["d1", "migrations", "apply", database, "--env", "production", "--remote"])?;
    }
    by_hand(&["deploy", "--env", "production"])
}

fn dry_run(open: &[String]) -> Result<()> {
    artifacts::build()?;
    let folder = workspace::path("build/deploy");
    let mut deploy = tools::wrangler();
    deploy.args(["deploy", "--dry-run", "--env", "production", "--outdir"]).arg(&folder);
    let (status, output) = process::observe(&mut deploy, |line| println!("  {line}"))?;
    ensure!(status.success(), "wrangler refused the configuration:\n{output}");
    println!("\n{STEPS}\n");
    if !open.is_empty() {
        println!("  Still to be replaced in [env.production]: {}", open.join(", "));
    }
    Ok(())
}

/// The names in `[env.production]` whose values were not replaced yet.
fn placeholders(wrangler: &Wrangler) -> Result<Vec<String>> {
    let production = wrangler.environment("production")?;
    let mut open: Vec<String> = vars_of(production)
        .into_iter()
        .filter(|(_, value)| value.contains("REPLACE-"))
        .map(|(name, _)| name)
        .collect();
    let databases =
        production.get("d1_databases").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    for database in databases {
        let id = database.get("database_id").and_then(toml::Value::as_str).unwrap_or("REPLACE-");
        if id.contains("REPLACE-") {
            let binding = database.get("binding").and_then(toml::Value::as_str).unwrap_or_default();
            open.push(format!("database_id of {binding}"));
        }
    }
    Ok(open)
}

fn secrets_are_set(production: &BTreeMap<String, String>) -> Result<()> {
    let mut list = tools::wrangler();
    list.args(["secret", "list", "--env", "production"]);
    let (status, output) = process::observe(&mut list, |_| ())?;
    ensure!(status.success(), "the secrets cannot be listed:\n{output}");
    match missing_secret(production, &output) {
        Some(secret) => {
            bail!("{secret} is not set: npx wrangler secret put {secret} --env production")
        }
        None => Ok(()),
    }
}

/// The first secret that the variables ask for and wrangler's list does not have.
fn missing_secret(production: &BTreeMap<String, String>, list: &str) -> Option<&'static str> {
    let is_set = |secret: &str| list.contains(&format!("\"{secret}\""));
    let says = |name: &str, part: &str| production.get(name).is_some_and(|value| value.contains(part));
    let mut wanted = SECRETS.to_vec();
    if says("EVENT_BUS", "kafka") {
        if says("KAFKA_SECURITY", "SASL") {
            wanted.extend(KAFKA_SECRETS);
        }
        if production.contains_key("SCHEMA_REGISTRY_URL") && REGISTRY_SECRETS.into_iter().any(is_set) {
            wanted.extend(REGISTRY_SECRETS);
        }
    }
    wanted.into_iter().find(|secret| !is_set(secret))
}

/// A step of wrangler's that may ask something: it keeps the terminal.
fn by_hand(args: &[&str]) -> Result<()> {
    println!("  npx wrangler {}", args.join(" "));
    let mut command = tools::npm_program("wrangler");
    let status = command.args(args).status().context("wrangler cannot be started")?;
    ensure!(status.success(), "`npx wrangler {}` failed ({status})", args.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn production_sets_every_variable_that_development_sets() {
        let wrangler = Wrangler::read().unwrap();
        let production = vars_of(wrangler.environment("production").unwrap());
        for name in wrangler.vars().keys() {
            assert!(production.contains_key(name), "{name} is not in [env.production.vars]");
        }
    }

    #[test]
    fn the_secrets_that_the_variables_ask_for_are_missed_by_name() {
        let missing = |vars: &[(&str, &str)], set: &[&str]| {
            let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            missing_secret(&vars, &serde_json::to_string(set).unwrap())
        };
        let usual = ["TOSS_SECRET_KEY", "TOKEN_KEY"];
        assert_eq!(missing(&[], &usual), None);
        assert_eq!(missing(&[], &["TOSS_SECRET_KEY"]), Some("TOKEN_KEY"));
        let kafka = [
            ("EVENT_BUS", "kafka"),
            ("KAFKA_SECURITY", "SASL_SSL"),
            ("SCHEMA_REGISTRY_URL", "https://registry"),
        ];
        assert_eq!(missing(&kafka, &usual), Some("KAFKA_USERNAME"));
        let with_kafka = [&usual[..], &KAFKA_SECRETS[..]].concat();
        assert_eq!(missing(&kafka, &with_kafka), None);
        let half = [&with_kafka[..], &["SCHEMA_REGISTRY_USERNAME"]].concat();
        assert_eq!(missing(&kafka, &half), Some("SCHEMA_REGISTRY_PASSWORD"));
    }

    #[test]
    fn the_template_names_what_must_be_replaced() {
        let open = placeholders(&Wrangler::read().unwrap()).unwrap();
        assert_eq!(
            open,
            [
                "DEFAULT_MERCHANT",
                "PUBLIC_ORIGIN",
                "TOSS_CLIENT_KEY",
                "database_id of CATALOGUE",
                "database_id of QUERY",
            ]
        );
    }
}

//! `cargo xtask deploy`: the steps to Cloudflare with wrangler, in order, none of them hidden.

use anyhow::{Context, Result, bail, ensure};

use crate::args::Args;
use crate::wrangler::{Wrangler, vars_of};
use crate::{artifacts, process, tools, workspace};

const USAGE: &str = "\
usage: cargo xtask deploy [--dry-run]

Builds, applies the catalogue's migrations and deploys the section [env.production] of wrangler.toml.
--dry-run does everything that needs neither an account nor the network, and prints the steps.";

const STEPS: &str = "\
  The first deployment, step by step:

  1. npx wrangler login                                      (or CLOUDFLARE_API_TOKEN in the environment)
  2. npx wrangler d1 create gyesan-catalogue                 and put the id into [env.production] of wrangler.toml
  3. In the same section: PUBLIC_ORIGIN, DEFAULT_MERCHANT, TOSS_CLIENT_KEY, and the shard counts, which can never be changed later
  4. npx wrangler secret put TOSS_SECRET_KEY --env production
     openssl rand -hex 32 | npx wrangler secret put TOKEN_KEY --env production
  5. cargo xtask deploy
       npx wrangler d1 migrations apply CATALOGUE --env production --remote
       npx wrangler deploy --env production
  6. Put your merchant, its hashed keys, sellers and products into the catalogue; edge/seed/demo.sql shows how:
       npx wrangler d1 execute CATALOGUE --env production --remote --file YOUR.sql

  Every later deployment is step 5 alone.";

const SECRETS: [&str; 2] = ["TOSS_SECRET_KEY", "TOKEN_KEY"];

/// `cargo xtask deploy`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let dry = args.flag("--dry-run");
    args.finish()?;
    let open = placeholders(&Wrangler::read()?)?;
    if dry {
        return dry_run(&open);
    }
    if !open.is_empty() {
        println!("{STEPS}\n");
        bail!("[env.production] of wrangler.toml still has its placeholders: {}", open.join(", "));
    }
    artifacts::build()?;
    secrets_are_set()?;
    by_hand(&["d1", "migrations", "apply", "CATALOGUE", "--env", "production", "--remote"])?;
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
            open.push("database_id".to_owned());
        }
    }
    Ok(open)
}

fn secrets_are_set() -> Result<()> {
    let mut list = tools::wrangler();
    list.args(["secret", "list", "--env", "production"]);
    let (status, output) = process::observe(&mut list, |_| ())?;
    ensure!(status.success(), "the secrets cannot be listed:\n{output}");
    for secret in SECRETS {
        ensure!(
            output.contains(&format!("\"{secret}\"")),
            "{secret} is not set: npx wrangler secret put {secret} --env production"
        );
    }
    Ok(())
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
    fn the_template_names_what_must_be_replaced() {
        let open = placeholders(&Wrangler::read().unwrap()).unwrap();
        assert_eq!(open, ["DEFAULT_MERCHANT", "PUBLIC_ORIGIN", "TOSS_CLIENT_KEY", "database_id"]);
    }
}

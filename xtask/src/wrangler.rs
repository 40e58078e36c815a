//! `wrangler.toml` and `.dev.vars`, read into the description that `xtask/runtime/miniflare.mjs` takes. The file
//! stays the only place where bindings and variables are named.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use toml::Table;

use crate::{stamp, workspace};

/// Pauses of V8 of 12–30 ms instead of 50–150 ms; see `xtask/runtime/patched.mjs`. With 1 MB, what a payment in flight holds
/// grows old before it is garbage, and waits for a full collection: 350 MB after 6,000 orders instead of 156 MB.
/// The budget lets V8 optimise a function of the worker earlier: the first thousand orders cost a third less.
const V8_FLAGS: [&str; 3] =
    ["--max-semi-space-size=2", "--min-semi-space-size=2", "--wasm-tiering-budget=100000"];

const SEED: &str = "edge/seed/demo.sql";
/// The database that it is for.
const SEEDED: &str = "CATALOGUE";

/// `wrangler.toml` of the workspace.
pub struct Wrangler {
    table: Table,
}

/// What one local run decides itself.
pub struct Run {
    /// Port of the worker on 127.0.0.1.
    pub port: u16,
    /// Wrangler's state folder; the databases lie in its `v3`.
    pub state: PathBuf,
    /// Variables and secrets of this run, over those of the files.
    pub vars: BTreeMap<String, String>,
    /// File for the worker's log lines; standard error if there is none.
    pub log: Option<PathBuf>,
}

impl Wrangler {
    /// Reads the workspace's file.
    pub fn read() -> Result<Self> {
        let path = workspace::path("wrangler.toml");
        let text = std::fs::read_to_string(&path).context("wrangler.toml cannot be read")?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(Self { table: text.parse::<Table>().context("wrangler.toml is not TOML")? })
    }

    /// The variables of development.
    pub fn vars(&self) -> BTreeMap<String, String> {
        vars_of(&self.table)
    }

    /// The section of an environment.
    pub fn environment(&self, name: &str) -> Result<&Table> {
        let section = self.table.get("env").and_then(|env| env.get(name)).and_then(toml::Value::as_table);
        section.ok_or_else(|| anyhow!("wrangler.toml has no [env.{name}]"))
    }

    /// The description for the runtime script.
    pub fn describe(&self, run: &Run) -> Result<Value> {
        let text = |key: &str| -> Result<&str> {
            let value = self.table.get(key).and_then(toml::Value::as_str);
            value.ok_or_else(|| anyhow!("wrangler.toml: `{key}` is missing"))
        };
        let main = workspace::path(text("main")?);
        let folder = main.parent().ok_or_else(|| anyhow!("wrangler.toml: `main` has no folder"))?;
        let list =
            |value: Option<&toml::Value>| value.and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let strings = |value: Option<&toml::Value>| -> Vec<String> {
            list(value).iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect()
        };

        let mut databases = Vec::new();
        for database in list(self.table.get("d1_databases")) {
            let field = |key: &str| database.get(key).and_then(toml::Value::as_str);
            let folder = workspace::path(field("migrations_dir").unwrap_or("migrations"));
            databases.push(json!({
                "binding": field("binding"),
                "id": field("preview_database_id").or(field("database_id")),
                "migrations": migrations_in(&folder)?,
                "seed": if field("binding") == Some(SEEDED) { Some(seed()?) } else { None },
            }));
        }
        let objects = self.table.get("durable_objects").and_then(|objects| objects.get("bindings"));
        let objects: Vec<Value> = list(objects)
            .iter()
            .map(|object| {
                let field = |key: &str| object.get(key).and_then(toml::Value::as_str);
                json!({ "binding": field("name"), "className": field("class_name") })
            })
            .collect();
        let assets = self.table.get("assets").map(|assets| {
            let field = |key: &str| assets.get(key).and_then(toml::Value::as_str);
            json!({
                "directory": workspace::path(field("directory").unwrap_or("public")),
                "binding": field("binding").unwrap_or("ASSETS"),
                "htmlHandling": field("html_handling").unwrap_or("auto-trailing-slash"),
                "notFoundHandling": field("not_found_handling").unwrap_or("none"),
            })
        });
        Ok(json!({
            "name": text("name")?,
            "compatibilityDate": text("compatibility_date")?,
            "compatibilityFlags": strings(self.table.get("compatibility_flags")),
            "modulesRoot": folder,
            "vars": run.vars,
            "databases": databases,
            "durableObjects": objects,
            "assets": assets,
            "crons": strings(self.table.get("triggers").and_then(|triggers| triggers.get("crons"))),
            "port": run.port,
            "state": run.state.join("v3"),
            "log": run.log,
            "v8Flags": V8_FLAGS,
        }))
    }
}

/// The variables of a section. They are all texts: the worker parses them.
pub fn vars_of(section: &Table) -> BTreeMap<String, String> {
    let vars = section.get("vars").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    vars.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

/// The numbered `.sql` files of a folder, in order. The order is that of their names.
fn migrations_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    Ok(files)
}

fn seed() -> Result<PathBuf> {
    let path = workspace::path(SEED);
    if !path.exists() {
        return Err(anyhow!("{SEED} is missing: the demo shop has no catalogue without it"));
    }
    Ok(path)
}

/// The secrets of development. The file is made from its example, with a random key, when there is none.
pub fn secrets() -> Result<BTreeMap<String, String>> {
    let path = workspace::path(".dev.vars");
    if !path.exists() {
        let example = std::fs::read_to_string(workspace::path(".dev.vars.example"))
            .context(".dev.vars.example cannot be read")?;
        let made = example.replace("REPLACED-BY-64-RANDOM-HEXADECIMAL-DIGITS", &random_key()?);
        stamp::write_file(&path, made.as_bytes())?;
    }
    Ok(parse_secrets(&std::fs::read_to_string(&path).context(".dev.vars cannot be read")?))
}

fn random_key() -> Result<String> {
    let mut bytes = [0_u8; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("no random bytes")?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn parse_secrets(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            (name.trim().to_owned(), bare.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const SMALL: &str = r#"
        name = "shop"
        main = "build/worker/index.js"
        compatibility_date = "2026-04-20"
        [assets]
        directory = "build/public"
        binding = "FILES"
        [triggers]
        crons = ["*/1 * * * *"]
        [durable_objects]
        bindings = [{ name = "ORDER_SHARD", class_name = "OrderShard" }]
        [vars]
        ORDER_SHARDS = "2"
        [env.production.vars]
        ORDER_SHARDS = "64"
    "#;

    fn run() -> Run {
        let vars = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        Run { port: 9000, state: PathBuf::from("state"), vars, log: None }
    }

    #[test]
    fn the_description_names_every_binding() {
        let description = Wrangler::parse(SMALL).unwrap().describe(&run()).unwrap();
        assert_eq!(description["name"], "shop");
        assert_eq!(description["port"], 9000);
        assert_eq!(description["vars"]["A"], "b");
        assert_eq!(description["durableObjects"][0]["binding"], "ORDER_SHARD");
        assert_eq!(description["durableObjects"][0]["className"], "OrderShard");
        assert_eq!(description["assets"]["binding"], "FILES");
        assert_eq!(description["crons"][0], "*/1 * * * *");
        assert_eq!(description["state"], "state/v3");
        assert!(description["modulesRoot"].as_str().unwrap().ends_with("build/worker"));
    }

    #[test]
    fn environments_have_their_own_variables() {
        let wrangler = Wrangler::parse(SMALL).unwrap();
        assert_eq!(wrangler.vars()["ORDER_SHARDS"], "2");
        assert_eq!(vars_of(wrangler.environment("production").unwrap())["ORDER_SHARDS"], "64");
        assert!(wrangler.environment("staging").is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = Wrangler::parse("name = \"x\"").unwrap().describe(&run()).unwrap_err();
        assert!(fault.to_string().contains("`main`"));
    }

    #[test]
    fn the_workspaces_own_file_parses() {
        let wrangler = Wrangler::read().unwrap();
        assert_eq!(wrangler.vars()["ORDER_SHARDS"], "2");
        wrangler.environment("production").unwrap();
    }

    #[test]
    fn secrets_may_be_quoted_and_commented() {
        let secrets = parse_secrets("# A=1\nB=\"x=y\"\nC = z\n\n");
        assert_eq!(secrets.len(), 2);
        assert_eq!(secrets["B"], "x=y");
        assert_eq!(secrets["C"], "z");
    }

    #[test]
    fn random_keys_are_64_hexadecimal_digits_and_differ() {
        let (one, two) = (random_key().unwrap(), random_key().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }
}

//! What one isolate of the runtime holds, for requests and objects alike: the parsed configuration and the bindings.

use crate::bindings::{Fetcher, Namespace, Stub, message};
use gyesan_edge::config::Config;
use gyesan_edge::http::State;
use gyesan_edge::topology::Target;
use js_sys::Reflect;
use std::cell::OnceCell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use worker::{D1Database, Env};

/// Configuration and bindings.
pub struct Isolate {
    /// The variables of `wrangler.toml` and the secrets, parsed.
    pub config: Config,
    /// What the routes remember between requests.
    pub state: State,
    /// The catalogue's database.
    pub catalogue: D1Database,
    /// The read models' database.
    pub query: D1Database,
    /// The static files.
    pub assets: Fetcher,
    order_shards: Namespace,
    ledger_shards: Namespace,
    consumers: Namespace,
    relays: Namespace,
}

thread_local! {
    static ISOLATE: OnceCell<Rc<Isolate>> = const { OnceCell::new() };
}

impl Isolate {
    /// The isolate's one instance, made at the first call.
    ///
    /// # Errors
    /// What is wrong with the configuration, in one sentence for the operator.
    pub fn of(env: &Env) -> Result<Rc<Isolate>, String> {
        ISOLATE.with(|cell| match cell.get() {
            Some(isolate) => Ok(Rc::clone(isolate)),
            None => {
                let isolate = Rc::new(Isolate::read(env)?);
                Ok(Rc::clone(cell.get_or_init(|| isolate)))
            }
        })
    }

    fn read(env: &Env) -> Result<Isolate, String> {
        Ok(Isolate {
            config: Config::from_lookup(|name| property(env, name).ok()?.as_string())
                .map_err(|e| e.to_string())?,
            state: State::default(),
            catalogue: env.d1("CATALOGUE").map_err(|e| e.to_string())?,
            query: env.d1("QUERY").map_err(|e| e.to_string())?,
            assets: binding(env, "ASSETS")?,
            order_shards: binding(env, "ORDER_SHARD")?,
            ledger_shards: binding(env, "LEDGER_SHARD")?,
            consumers: binding(env, "CONSUMER")?,
            relays: binding(env, "RELAY")?,
        })
    }

    /// A stub of an actor's object.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn stub(&self, target: Target) -> Result<Stub, String> {
        let namespace = match target {
            Target::Order(_) => &self.order_shards,
            Target::Ledger(_) => &self.ledger_shards,
            Target::Consumer(..) | Target::Subscriber(..) => &self.consumers,
            Target::Relay(_) => &self.relays,
        };
        namespace.get_by_name(&target.name()).map_err(|e| message(&e))
    }
}

fn property(env: &Env, name: &str) -> Result<JsValue, String> {
    Reflect::get(env, &JsValue::from_str(name)).map_err(|e| message(&e))
}

fn binding<T: JsCast>(env: &Env, name: &str) -> Result<T, String> {
    let value = property(env, name)?;
    if value.is_undefined() {
        return Err(format!("the binding {name} is missing in wrangler.toml"));
    }
    Ok(value.unchecked_into())
}

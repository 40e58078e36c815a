//! One request while it is being answered: what it says, who asks, and the way to the actors.

use super::State;
use super::limits::Limits;
use super::problem::Problem;
use super::router::Endpoint;
use super::trace::Trace;
use super::url::Query;
use crate::actor::{CallFault, LogLine};
use crate::auth::{self, Access, Caller, StatusToken};
use crate::command::{Command, Reply};
use crate::config::Config;
use crate::ports::Ports;
use crate::topology::Target;
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::problem::{Code, Language};
use http::{HeaderMap, Request, header};
use serde_json::Value;

/// How long a shard may take to answer anything but a confirmation, in milliseconds.
pub const CALL_LIMIT_MS: u32 = 5_000;
/// Calls that were lost before the limit are made again so many times. A shard that was restarted loses what was under way,
/// and every command is idempotent.
const REPEATS_MAX: u32 = 2;
/// Bytes of a body, at most.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// Characters of a request id that are echoed, at most.
const REQUEST_ID_MAX: usize = 128;

/// One request.
pub struct Context<'a, P> {
    /// The world.
    pub ports: &'a P,
    /// The deployment.
    pub config: &'a Config,
    /// What this isolate remembers.
    pub state: &'a State,
    /// The request.
    pub request: &'a Request<Vec<u8>>,
    /// Its query.
    pub query: Query,
    /// Its segments that stand for `{…}` in the route.
    pub params: Vec<(&'static str, String)>,
    /// The trace it belongs to.
    pub trace: Trace,
    /// `X-Request-Id`: the caller's, or ours.
    pub request_id: String,
    /// For people who read the answer.
    pub language: Language,
}

impl<'a, P: Ports> Context<'a, P> {
    /// Reads what every request has.
    pub fn new(
        ports: &'a P,
        config: &'a Config,
        state: &'a State,
        request: &'a Request<Vec<u8>>,
    ) -> Context<'a, P> {
        let headers = request.headers();
        let id = text(headers, "x-request-id").filter(|id| {
            (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
        });
        Context {
            ports,
            config,
            state,
            request,
            query: Query::parse(request.uri().query().unwrap_or_default()),
            params: Vec::new(),
            trace: Trace::of(headers, ports.random(), ports.random()),
            request_id: id
                .map_or_else(|| gyesan_core::id::ulid("req_", ports.now().0, ports.random()), str::to_owned),
            language: Language::from_tags(text(headers, "accept-language").unwrap_or_default()),
        }
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        text(self.request.headers(), name)
    }

    /// A segment of the path.
    pub fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    }

    /// Refuses query parameters that the route does not know.
    ///
    /// # Errors
    /// `UNKNOWN_FIELD`, naming it.
    pub fn only_parameters(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.names().find(|name| !known.contains(name)) {
            Some(name) => {
                Err(Problem::with(Code::UnknownField, format!("the query parameter `{name}` is not known")))
            }
            None => Ok(()),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 415 without a JSON content type, 400 `MALFORMED_JSON` with the position.
    pub fn json(&self) -> Result<Value, Problem> {
        let content_type = self.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type != "application/json" {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        serde_json::from_slice(self.request.body())
            .map_err(|error| Problem::with(Code::MalformedJson, error.to_string()))
    }

    /// Refuses a body above 64 KiB, also one that the shell stopped reading.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE`.
    pub fn check_size(&self) -> Result<(), Problem> {
        let announced =
            self.header(header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<usize>().ok());
        if self.request.body().len() > BODY_MAX_BYTES
            || announced.is_some_and(|length| length > BODY_MAX_BYTES)
        {
            return Err(Problem::new(Code::BodyTooLarge));
        }
        Ok(())
    }

    /// Who asks:
    /// 1. read the credentials; callers without a secret are limited by address;
    /// 2. find the key, or verify the token;
    /// 3. limit by key;
    /// 4. is this kind of caller accepted here?
    /// 5. does the request come from a page that may use these credentials?
    ///
    /// # Errors
    /// 401 `UNAUTHORIZED`, 403 `FORBIDDEN`, 403 `ORIGIN_NOT_ALLOWED`, 429 `RATE_LIMITED`.
    pub async fn authenticate(&self, endpoint: &Endpoint) -> Result<Caller, Problem> {
        // 1
        let authorization = self.header(header::AUTHORIZATION.as_str());
        let scheme_and_credential = authorization.and_then(|value| value.split_once(' '));
        let credential = scheme_and_credential
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, credential)| credential.trim());
        if !credential.is_some_and(|c| c.starts_with("sk_") || c.starts_with("op_")) {
            self.limit_address()?;
        }
        // 2
        let caller = match credential {
            Some(credential) if StatusToken::is_one(credential) => self.token_holder(credential),
            Some(credential) => self.key_holder(credential).await?,
            None => None,
        };
        let Some(caller) = caller else {
            if credential.is_some_and(|c| c.starts_with("sk_") || c.starts_with("op_")) {
                self.limit_address()?;
            }
            return Err(Problem::new(Code::Unauthorized));
        };
        // 3
        self.take(&caller.holder(), self.config.rate_limits.per_key)?;
        // 4
        if !endpoint.access.allows(caller.kind()) {
            return Err(Problem::new(Code::Forbidden));
        }
        // 5
        self.check_origin(&caller).await?;
        Ok(caller)
    }

    fn token_holder(&self, credential: &str) -> Option<Caller> {
        let token = StatusToken::read(credential, &self.config.token_key, self.ports.now())?;
        Some(Caller::Token { merchant_id: token.merchant_id, order_id: token.order_id })
    }

    async fn key_holder(&self, credential: &str) -> Result<Option<Caller>, Problem> {
        let digest = auth::digest(credential);
        let found = self.state.catalogue.key(self.ports, &digest).await;
        let Some(key) = found.inspect_err(|error| self.catalogue_failed(error))? else { return Ok(None) };
        if key.revoked_at.is_some_and(|at| self.ports.now() >= at) {
            return Ok(None);
        }
        let holder = auth::holder_name(&digest);
        let kind = auth::access_of(key.kind);
        Ok(match &key.merchant {
            Some(merchant) if kind == Access::PUBLISHABLE => {
                Some(Caller::Publishable { merchant: merchant.clone(), holder })
            }
            Some(merchant) if kind == Access::SECRET => {
                Some(Caller::Secret { merchant: merchant.clone(), holder })
            }
            None if kind == Access::OPERATOR => Some(Caller::Operator { holder }),
            _ => None,
        })
    }

    /// What lives in a browser is good on the merchant's pages only. Browsers send `Origin` with every cross-origin request, so
    /// one without comes from our own pages or from no page at all, where there is no other site to protect the buyer from.
    async fn check_origin(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(origin) = self.header(header::ORIGIN.as_str()) else { return Ok(()) };
        let allowed = match caller {
            Caller::Publishable { merchant, .. } => {
                merchant.origins.iter().any(|known| known == origin)
                    || merchant.id == self.config.default_merchant && self.config.is_own_origin(origin)
            }
            Caller::Token { merchant_id, .. } => {
                // The result page is ours for every merchant.
                self.config.is_own_origin(origin) || self.merchant_has_origin(merchant_id, origin).await?
            }
            Caller::Secret { .. } | Caller::Operator { .. } => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(Problem::with(Code::OriginNotAllowed, format!("the origin is {origin}")))
        }
    }

    async fn merchant_has_origin(&self, merchant_id: &MerchantId, origin: &str) -> Result<bool, Problem> {
        let merchant = self.state.catalogue.merchant(self.ports, merchant_id).await;
        let merchant = merchant.inspect_err(|error| self.catalogue_failed(error))?;
        Ok(merchant.is_some_and(|merchant| merchant.origins.iter().any(|known| known == origin)))
    }

    /// Takes one request from the bucket of the caller's address, as far as the platform tells it.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn limit_address(&self) -> Result<(), Problem> {
        match self.header("cf-connecting-ip") {
            Some(address) => self.take(&format!("address {address}"), self.config.rate_limits.per_address),
            None => Ok(()),
        }
    }

    fn take(&self, caller: &str, per_second: u32) -> Result<(), Problem> {
        let limits: &Limits = &self.state.limits;
        limits
            .take(caller, per_second, self.ports.now())
            .map_err(|seconds| Problem { retry_after_s: Some(seconds), ..Problem::new(Code::RateLimited) })
    }

    /// Asks an actor; a call that was lost early is made again.
    ///
    /// # Errors
    /// The actor's rejection, or that no answer came in time.
    pub async fn call(&self, target: Target, command: Command, limit_ms: u32) -> Result<Reply, CallFault> {
        let begun = self.ports.now();
        let mut repeats = 0;
        loop {
            let spent = u32::try_from(self.ports.now().ms_since(begun)).unwrap_or(0);
            let left = limit_ms.saturating_sub(spent).max(1);
            let result = self.ports.call(target, command.clone(), Some(&self.trace.parent), left).await;
            let spent = u32::try_from(self.ports.now().ms_since(begun)).unwrap_or(0);
            if result != Err(CallFault::Lost) || repeats >= REPEATS_MAX || spent.saturating_mul(2) >= limit_ms
            {
                return result;
            }
            repeats += 1;
        }
    }

    /// The shard of an order.
    pub fn order_shard(&self, merchant_id: &MerchantId, order_id: &OrderId) -> Target {
        self.config.topology.order_shard(merchant_id, order_id)
    }

    /// Writes a fact to the log.
    pub fn log(
        &self,
        level: &'static str,
        fact: &'static str,
        merchant_id: &str,
        order_id: &str,
        detail: String,
    ) {
        self.ports.log(LogLine {
            level,
            fact,
            merchant_id: merchant_id.to_owned(),
            order_id: order_id.to_owned(),
            detail: format!("{detail} traceId={} requestId={}", self.trace.trace_id, self.request_id),
        });
    }

    /// Notes that the catalogue could not be read.
    pub fn catalogue_failed(&self, error: &crate::sql::SqlError) {
        self.log("error", "catalogue.failed", "", "", error.to_string());
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

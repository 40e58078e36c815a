//! The HTTP side: one request in, one response out, through the ports. Which route does what stands in [`router`].
//!
//! Nothing here decides about payments: routes check what comes in, ask the actors, and put the answer into words.

mod checkout;
mod consumers;
mod context;
mod dead_letters;
pub mod fields;
mod files;
mod headers;
mod health;
mod idempotency;
mod limits;
mod ops;
mod order_list;
mod order_request;
mod orders;
mod outbox;
mod payments;
pub mod problem;
pub mod router;
mod trace;
mod trial_balance;
pub mod url;
mod wallets;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::ports::Ports;
use context::Context;
use gyesan_core::problem::Code;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use limits::Limits;
use problem::Problem;
use router::{Endpoint, Found, Route};

/// What one isolate remembers between requests; everything in it can be lost at any time.
#[derive(Default)]
pub struct State {
    catalogue: Catalogue,
    limits: Limits,
}

/// A response, or why there is none.
type Answer = Result<Response<Vec<u8>>, Problem>;

/// How long a browser may keep the answer to a preflight, in seconds: the most that Chromium takes.
const PREFLIGHT_MAX_AGE_S: &str = "7200";

/// Answers one request. `state` belongs to the isolate and is shared by its requests.
pub async fn handle<P: Ports>(
    ports: &P,
    config: &Config,
    state: &State,
    request: Request<Vec<u8>>,
) -> Response<Vec<u8>> {
    let mut context = Context::new(ports, config, state, &request);
    let found = router::find(request.method(), request.uri().path());
    let for_pages = found.is_for_pages();
    let answer = match found {
        found if *request.method() == Method::OPTIONS => context.limit_address().map(|()| preflight(&found)),
        Found::Endpoint(endpoint, params) => {
            context.params = params;
            route(&context, endpoint).await
        }
        Found::OtherMethods(others) => {
            Err(Problem { allow: Some(allow(&others)), ..Problem::new(Code::MethodNotAllowed) })
        }
        Found::Nothing => Err(Problem::new(Code::NotFound)),
    };
    let limited = matches!(&answer, Err(problem) if problem.code == Code::RateLimited);
    let cross_origin = if for_pages { cross_origin(&context, limited).await } else { None };
    let mut response = answer.unwrap_or_else(|problem| {
        if problem.code.status() >= 500 {
            context.log("error", "request.failed", "", "", format!("{} {problem:?}", request.uri().path()));
        }
        problem.response(context.language, &context.trace.trace_id)
    });
    finish(&context, &mut response, cross_origin);
    response
}

async fn route<P: Ports>(context: &Context<'_, P>, endpoint: Endpoint) -> Answer {
    context.check_size()?;
    match endpoint.route {
        Route::CheckoutConfig => checkout::config(context, &endpoint).await,
        Route::Quote => checkout::quote(context, &endpoint).await,
        Route::PlaceOrder => orders::place(context, &endpoint).await,
        Route::ListOrders => order_list::list(context, &endpoint).await,
        Route::ViewOrder => orders::view(context, &endpoint).await,
        Route::ConfirmPayment => payments::confirm(context, &endpoint).await,
        Route::PaymentSuccess => Ok(payments::success(context).await),
        Route::PaymentFail => Ok(payments::fail(context).await),
        Route::Wallet => wallets::wallet(context, &endpoint).await,
        Route::WalletTransactions => wallets::transactions(context, &endpoint).await,
        Route::OpsOutbox => outbox::show(context, &endpoint).await,
        Route::OpsRepublish => outbox::republish(context, &endpoint).await,
        Route::OpsResumeRelay => outbox::resume_relay(context, &endpoint).await,
        Route::OpsConsumers => consumers::list(context, &endpoint).await,
        Route::OpsPause => consumers::pause(context, &endpoint).await,
        Route::OpsResume => consumers::resume(context, &endpoint).await,
        Route::OpsRebuild => consumers::rebuild(context, &endpoint).await,
        Route::OpsDeadLetters => dead_letters::list(context, &endpoint).await,
        Route::OpsReplay => dead_letters::replay(context, &endpoint).await,
        Route::OpsEvents => ops::events(context, &endpoint).await,
        Route::OpsUnresolved => ops::unresolved(context, &endpoint).await,
        Route::OpsRecheck => ops::recheck(context, &endpoint).await,
        Route::OpsTrialBalance => trial_balance::trial_balance(context, &endpoint).await,
        Route::Health => health::health(context.config.topology.bus),
        Route::Ready => health::ready(context).await,
        Route::ResultPage => files::result_page(context).await,
        Route::Site => files::file(context).await,
    }
}

/// The page's origin, when its scripts may read the answer: it is a merchant's or ours. Whether it is the right merchant's is
/// seen when the key is. A caller above its limits is looked up in memory only.
async fn cross_origin<P: Ports>(context: &Context<'_, P>, limited: bool) -> Option<String> {
    let origin = context.header(header::ORIGIN.as_str())?;
    let catalogue = &context.state.catalogue;
    let known = context.config.is_own_origin(origin)
        || catalogue.remembers_origin(origin, context.ports.now())
        || !limited && catalogue.is_known_origin(context.ports, origin).await.unwrap_or(false);
    known.then(|| origin.to_owned())
}

fn preflight(found: &Found) -> Response<Vec<u8>> {
    let methods = match found {
        Found::Endpoint(endpoint, _) => allow(&[endpoint]),
        Found::OtherMethods(others) => allow(others),
        Found::Nothing => "OPTIONS".to_owned(),
    };
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers::set(headers, header::ALLOW, &methods);
    // Without Access-Control-Allow-Origin, which only known origins get, these mean nothing to a browser.
    headers::set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &methods);
    let asked_for =
        "Authorization, Content-Type, Idempotency-Key, Accept-Language, X-Request-Id, traceparent";
    headers::set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, asked_for);
    headers::set(headers, header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S);
    response
}

/// What every response carries.
fn finish<P: Ports>(
    context: &Context<'_, P>,
    response: &mut Response<Vec<u8>>,
    cross_origin: Option<String>,
) {
    let headers = response.headers_mut();
    headers::secure(headers, context.config);
    headers::set(headers, header::HeaderName::from_static("x-request-id"), &context.request_id);
    if let Some(origin) = cross_origin {
        headers::set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, &origin);
        headers::set(
            headers,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Idempotency-Replayed, X-Request-Id, Retry-After",
        );
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if *context.request.method() == Method::HEAD {
        let length = response.body().len();
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response.body_mut().clear();
    }
}

fn allow(endpoints: &[&Endpoint]) -> String {
    let mut methods: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// A response without a body.
fn empty(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

/// A JSON response; not to be kept by anybody.
fn json<T: serde::Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| Problem::with(Code::Internal, error.to_string()))?;
    Ok(json_bytes(status, body))
}

fn json_bytes(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The shard answered something that is no answer to what it was asked.
fn misunderstood() -> Problem {
    Problem::with(Code::Internal, "a shard gave an answer to another question")
}

//! Every route on one screen, grouped by who calls it.

use crate::auth::Access;
use crate::http::url;
use http::Method;

/// What a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the table below says what each is")]
pub enum Route {
    CheckoutConfig,
    Quote,
    PlaceOrder,
    ListOrders,
    ViewOrder,
    ConfirmPayment,
    PaymentSuccess,
    PaymentFail,
    Wallet,
    WalletTransactions,
    OpsOutbox,
    OpsRepublish,
    OpsResumeRelay,
    OpsConsumers,
    OpsPause,
    OpsResume,
    OpsRebuild,
    OpsDeadLetters,
    OpsReplay,
    OpsEvents,
    OpsUnresolved,
    OpsRecheck,
    OpsTrialBalance,
    Health,
    Ready,
    ResultPage,
    Site,
}

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The method; HEAD is answered like GET, without a body.
    pub method: &'static str,
    /// The path; `{…}` stands for one segment.
    pub path: &'static str,
    /// What it is about.
    pub route: Route,
    /// Who may call it.
    pub access: Access,
    /// Whether pages of other origins may call it (CORS).
    pub cross_origin: bool,
}

const PK_SK: Access = Access::PUBLISHABLE.or(Access::SECRET);
const SK_TOKEN: Access = Access::SECRET.or(Access::TOKEN);

/// All of them.
pub const ENDPOINTS: &[Endpoint] = &[
    // The widget, on a merchant's page
    across("GET", "/v1/checkout/config", Route::CheckoutConfig, Access::PUBLISHABLE),
    across("POST", "/v1/quotes", Route::Quote, PK_SK),
    across("PUT", "/v1/orders/{orderId}", Route::PlaceOrder, PK_SK),
    across("GET", "/v1/orders/{orderId}", Route::ViewOrder, SK_TOKEN),
    across("POST", "/v1/payments/confirm", Route::ConfirmPayment, SK_TOKEN),
    // The buyer's browser, sent back by the PSP
    here("GET", "/payments/success", Route::PaymentSuccess, Access::OPEN),
    here("GET", "/payments/{merchantId}/success", Route::PaymentSuccess, Access::OPEN),
    here("GET", "/payments/fail", Route::PaymentFail, Access::OPEN),
    here("GET", "/payments/{merchantId}/fail", Route::PaymentFail, Access::OPEN),
    here("GET", "/checkout/result", Route::ResultPage, Access::OPEN),
    // A merchant's server
    here("GET", "/v1/orders", Route::ListOrders, Access::SECRET),
    here("GET", "/v1/wallets/{sellerId}", Route::Wallet, Access::SECRET),
    here("GET", "/v1/wallets/{sellerId}/transactions", Route::WalletTransactions, Access::SECRET),
    // The deployment's operator
    here("GET", "/v1/ops/outbox", Route::OpsOutbox, Access::OPERATOR),
    here("POST", "/v1/ops/outbox/republish", Route::OpsRepublish, Access::OPERATOR),
    here("POST", "/v1/ops/relays/{relay}/resume", Route::OpsResumeRelay, Access::OPERATOR),
    here("GET", "/v1/ops/consumers", Route::OpsConsumers, Access::OPERATOR),
    here("POST", "/v1/ops/consumers/{consumer}/{partition}/pause", Route::OpsPause, Access::OPERATOR),
    here("POST", "/v1/ops/consumers/{consumer}/{partition}/resume", Route::OpsResume, Access::OPERATOR),
    here("POST", "/v1/ops/consumers/{consumer}/rebuild", Route::OpsRebuild, Access::OPERATOR),
    here("GET", "/v1/ops/dead-letters", Route::OpsDeadLetters, Access::OPERATOR),
    here("POST", "/v1/ops/dead-letters/{deadLetterId}/replay", Route::OpsReplay, Access::OPERATOR),
    here("GET", "/v1/ops/events", Route::OpsEvents, Access::OPERATOR),
    here("GET", "/v1/ops/unresolved", Route::OpsUnresolved, Access::OPERATOR),
    here("POST", "/v1/ops/orders/{orderId}/recheck", Route::OpsRecheck, Access::OPERATOR),
    here("GET", "/v1/ops/ledger/trial-balance", Route::OpsTrialBalance, Access::OPERATOR),
    // Whoever watches the deployment
    here("GET", "/healthz", Route::Health, Access::OPEN),
    here("GET", "/readyz", Route::Ready, Access::OPEN),
];

/// Everything else that is read is a file of the site.
const SITE: Endpoint = here("GET", "/{file}", Route::Site, Access::OPEN);

const fn across(method: &'static str, path: &'static str, route: Route, access: Access) -> Endpoint {
    Endpoint { method, path, route, access, cross_origin: true }
}

const fn here(method: &'static str, path: &'static str, route: Route, access: Access) -> Endpoint {
    Endpoint { method, path, route, access, cross_origin: false }
}

/// What a method and path lead to.
#[derive(Debug)]
pub enum Found {
    /// An endpoint, with the segments that stand for `{…}`, percent-decoded, by name.
    Endpoint(Endpoint, Vec<(&'static str, String)>),
    /// The path exists, the method does not: these do.
    OtherMethods(Vec<&'static Endpoint>),
    /// There is nothing.
    Nothing,
}

impl Found {
    /// Whether pages of other origins may call what was found.
    pub fn is_for_pages(&self) -> bool {
        match self {
            Found::Endpoint(endpoint, _) => endpoint.cross_origin,
            Found::OtherMethods(others) => others.iter().any(|endpoint| endpoint.cross_origin),
            Found::Nothing => false,
        }
    }
}

/// Finds the endpoint of a request.
pub fn find(method: &Method, path: &str) -> Found {
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut others = Vec::new();
    for endpoint in ENDPOINTS {
        let Some(params) = matches(endpoint.path, path) else { continue };
        if endpoint.method == wanted {
            return Found::Endpoint(*endpoint, params);
        }
        others.push(endpoint);
    }
    let api = path == "/v1"
        || path.starts_with("/v1/")
        || path.starts_with("/payments/")
        || path.starts_with("/webhooks/");
    match (others.is_empty(), api, wanted) {
        (false, _, _) => Found::OtherMethods(others),
        (true, true, _) => Found::Nothing,
        (true, false, "GET") => Found::Endpoint(SITE, Vec::new()),
        (true, false, _) => Found::OtherMethods(vec![&SITE]),
    }
}

fn matches(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(name), Some(segment)) => {
                match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) if !segment.is_empty() => params.push((name, url::decoded(segment)?)),
                    _ if name == segment => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Route, find};
    use http::Method;

    fn route(method: Method, path: &str) -> Option<Route> {
        match find(&method, path) {
            Found::Endpoint(endpoint, _) => Some(endpoint.route),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_where_they_should() {
        assert_eq!(route(Method::GET, "/v1/orders/ord_1"), Some(Route::ViewOrder));
        assert_eq!(route(Method::HEAD, "/v1/orders/ord_1"), Some(Route::ViewOrder));
        assert_eq!(route(Method::GET, "/payments/success"), Some(Route::PaymentSuccess));
        assert_eq!(route(Method::GET, "/payments/demo/success"), Some(Route::PaymentSuccess));
        assert_eq!(route(Method::GET, "/demo/"), Some(Route::Site));
        assert_eq!(route(Method::GET, "/v1/orders/"), None);
        assert_eq!(route(Method::GET, "/v1/nothing"), None);
        assert!(
            matches!(find(&Method::DELETE, "/v1/orders/ord_1"), Found::OtherMethods(others) if others.len() == 2)
        );
        assert!(matches!(find(&Method::POST, "/index.html"), Found::OtherMethods(_)));
    }

    #[test]
    fn a_segment_is_decoded_once() {
        let Found::Endpoint(_, params) = find(&Method::GET, "/v1/wallets/A%252F%20b") else { unreachable!() };
        assert_eq!(params, [("sellerId", "A%2F b".to_owned())]);
    }
}

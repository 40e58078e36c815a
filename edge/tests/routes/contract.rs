//! What every route has in common: problems, methods, ids, traces, security headers.

use crate::client::{OP, PK, SK, cart};
use crate::world::World;
use gyesan_edge::http::router::ENDPOINTS;
use serde_json::json;

#[test]
fn a_problem_says_what_is_wrong_in_the_callers_language() {
    let world = World::new();
    let ask = |language: &str| {
        let body = json!({"items": []});
        world.write("PUT", "/v1/orders/ord_lang_1", PK, &[("accept-language", language)], &body)
    };
    let answer = ask("en-US,en;q=0.9,ko;q=0.8");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:gyesan:problem:ORDER_EMPTY");
    assert_eq!(problem["title"], "The order has no items.");
    assert_eq!((&problem["status"], &problem["code"]), (&json!(422), &json!("ORDER_EMPTY")));
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/items", "code": "ORDER_EMPTY", "detail": "The order has no items."}])
    );
    assert_eq!(problem["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(answer.header("content-language"), "en");
    assert_eq!(ask("ko").json()["title"], "주문에 상품이 없습니다.");
    assert_eq!(ask("ja").json()["title"], "주문에 상품이 없습니다.");
}

#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let world = World::new();
    for (method, path, allow) in [
        ("DELETE", "/v1/orders/ord_1", "PUT, GET, HEAD, OPTIONS"),
        ("GET", "/v1/quotes", "POST, OPTIONS"),
        ("POST", "/payments/success", "GET, HEAD, OPTIONS"),
        ("PATCH", "/healthz", "GET, HEAD, OPTIONS"),
        ("POST", "/demo/", "GET, HEAD, OPTIONS"),
    ] {
        let answer = world.request(method, path, &[], Vec::new());
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{method} {path}");
        assert_eq!(answer.header("allow"), allow);
    }
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/orders/", "/payments/a/b/success", "/webhooks/toss"] {
        assert_eq!(world.request("GET", path, &[], Vec::new()).code(), "NOT_FOUND", "{path}");
    }
}

#[test]
fn the_request_id_and_the_trace_go_on() {
    let world = World::new();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = world.write(
        "PUT",
        "/v1/orders/ord_trace1",
        PK,
        &[("x-request-id", "abc-1"), ("traceparent", trace)],
        &cart(),
    );
    assert_eq!(answer.header("x-request-id"), "abc-1");
    let events = world.get("/v1/ops/events?orderId=ord_trace1", OP).json();
    let stored = events["items"][0]["trace"].as_str().unwrap();
    assert!(stored.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && stored != trace, "{stored}");
    let refused = world.request("GET", "/v1/orders/x", &[("traceparent", trace)], Vec::new());
    assert_eq!(refused.json()["traceId"], "0af7651916cd43dd8448eb211c80319c");
    for bad in ["", "a b", &"x".repeat(129)] {
        let answer = world.request("GET", "/healthz", &[("x-request-id", bad)], Vec::new());
        assert!(answer.header("x-request-id").starts_with("req_"));
    }
}

#[test]
fn every_answer_has_the_security_headers() {
    let world = World::with(&[("PUBLIC_ORIGIN", "https://pay.example")]);
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace(['{', '}'], "");
        let answer = world.request(endpoint.method, &path, &[], Vec::new());
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("strict-transport-security").contains("max-age="), "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[test]
fn head_is_get_without_a_body() {
    let world = World::new();
    let get = world.request("GET", "/healthz", &[], Vec::new());
    let head = world.request("HEAD", "/healthz", &[], Vec::new());
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
}

#[test]
fn answers_with_data_are_kept_by_nobody() {
    let world = World::new();
    let token = world.order("ord_cache1");
    for (path, key) in
        [("/v1/orders/ord_cache1", token.as_str()), ("/v1/wallets/A", SK), ("/v1/ops/outbox", OP)]
    {
        assert_eq!(world.get(path, key).header("cache-control"), "no-store", "{path}");
    }
}

#[test]
fn health_says_which_version_runs() {
    let world = World::new();
    let answer = world.request("GET", "/healthz", &[], Vec::new());
    assert_eq!(
        answer.json(),
        json!({"ok": true, "version": env!("CARGO_PKG_VERSION"), "eventBus": "embedded"})
    );
    assert_eq!(
        world.request("GET", "/readyz", &[], Vec::new()).json(),
        json!({"ok": true, "catalogue": true, "shards": 4})
    );
    world.catalogue_down.set(true);
    assert_eq!(world.request("GET", "/readyz", &[], Vec::new()).status, 503);
    assert_eq!(world.request("GET", "/healthz", &[], Vec::new()).status, 200);
}

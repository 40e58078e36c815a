//! Who may do what: keys, tokens, origins, merchants apart, limits.

use crate::client::{OP, PK, SK, cart};
use crate::world::World;
use gyesan_edge::http::router::ENDPOINTS;
use serde_json::json;

/// A request to an endpoint with every `{…}` filled in.
fn path_of(pattern: &str) -> String {
    let names = [
        ("{orderId}", "ord_access"),
        ("{sellerId}", "A"),
        ("{merchantId}", "demo"),
        ("{consumer}", "wallets"),
        ("{partition}", "0"),
        ("{deadLetterId}", "wallets:0:1"),
        ("{relay}", "relay-0"),
    ];
    names.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[test]
fn every_route_that_is_not_open_refuses_bad_credentials() {
    let world = World::new();
    let closed = ENDPOINTS.iter().filter(|endpoint| endpoint.path.starts_with("/v1/"));
    for endpoint in closed {
        let path = path_of(endpoint.path);
        for headers in [
            &[][..],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic cGtfdGVzdF9kZW1v")],
            &[("authorization", "Bearer pk_test_nobody")],
            &[("authorization", "Bearer st_00000000.demo.ord_access.9999999999.AAAA")],
        ] {
            let answer = world.request(endpoint.method, &path, headers, Vec::new());
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "UNAUTHORIZED"),
                "{} {path} {headers:?}",
                endpoint.method
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[test]
fn each_kind_of_key_opens_its_own_routes_only() {
    let world = World::new();
    let token = world.order("ord_access");
    let kinds = [
        (PK, gyesan_edge::auth::Access::PUBLISHABLE),
        (SK, gyesan_edge::auth::Access::SECRET),
        (token.as_str(), gyesan_edge::auth::Access::TOKEN),
        (OP, gyesan_edge::auth::Access::OPERATOR),
    ];
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path.starts_with("/v1/")) {
        for (key, kind) in kinds {
            let authorization = format!("Bearer {key}");
            let answer = world.request(
                endpoint.method,
                &path_of(endpoint.path),
                &[("authorization", &authorization)],
                Vec::new(),
            );
            let refused = answer.status == 403 && answer.code() == "FORBIDDEN";
            assert_eq!(
                refused,
                !endpoint.access.allows(kind),
                "{} {} with {key}: {}",
                endpoint.method,
                endpoint.path,
                answer.text
            );
        }
    }
}

#[test]
fn another_merchants_order_does_not_exist() {
    let world = World::new();
    let token = world.order("ord_mine_1");
    let read = world.get("/v1/orders/ord_mine_1", "sk_test_other");
    assert_eq!((read.status, read.code().as_str()), (404, "ORDER_NOT_FOUND"));
    let confirmed = world.confirm("sk_test_other", "k1", "pay_1", "ord_mine_1", 6500);
    assert_eq!((confirmed.status, confirmed.code().as_str()), (404, "ORDER_NOT_FOUND"));
    // A token is good for its own order only.
    world.order("ord_mine_2");
    assert_eq!(world.get("/v1/orders/ord_mine_2", &token).code(), "ORDER_NOT_FOUND");
    assert_eq!(world.confirm(&token, "k1", "pay_1", "ord_mine_2", 6500).code(), "ORDER_NOT_FOUND");
    assert!(world.charges.borrow().is_empty());
}

#[test]
fn prices_and_wallets_of_two_merchants_are_apart() {
    let world = World::new();
    let body = json!({"items": [{"productId": "A", "quantity": 1}]});
    assert_eq!(world.write("POST", "/v1/quotes", PK, &[], &body).json()["amount"], 1000);
    assert_eq!(world.write("POST", "/v1/quotes", "pk_test_other", &[], &body).json()["amount"], 9000);
    let theirs = json!({"items": [{"productId": "D", "quantity": 1}]});
    assert_eq!(world.write("POST", "/v1/quotes", "pk_test_other", &[], &theirs).code(), "PRODUCT_NOT_FOUND");
    world.order("ord_wallet");
    world.come_back("ord_wallet", "pay_1", "6500");
    assert_eq!(world.get("/v1/wallets/A", SK).json()["balance"], 2000);
    assert_eq!(world.get("/v1/wallets/A", "sk_test_other").json()["balance"], 0);
    assert_eq!(world.get("/v1/wallets/B", "sk_test_other").status, 404);
}

#[test]
fn a_merchant_without_an_account_at_the_psp_charges_nobody() {
    let world = World::new();
    let body = json!({"items": [{"productId": "A", "quantity": 1}]});
    let answer = world.write("PUT", "/v1/orders/ord_other1", "pk_test_other", &[], &body);
    assert_eq!((answer.status, answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(world.orders_stored(), 0);
}

#[test]
fn a_publishable_key_works_on_its_merchants_pages_only() {
    let world = World::new();
    let config = |origin: &str| {
        world.request(
            "GET",
            "/v1/checkout/config",
            &[("authorization", "Bearer pk_test_demo"), ("origin", origin)],
            Vec::new(),
        )
    };
    for origin in ["http://127.0.0.1:8787", "http://localhost:8787"] {
        let answer = config(origin);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origin));
        assert!(answer.headers.get_all("vary").iter().any(|value| value == "Origin"));
        assert!(answer.header("access-control-expose-headers").contains("Idempotency-Replayed"));
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:8787.evil.example"] {
        let answer = config(origin);
        assert_eq!((answer.status, answer.code().as_str()), (403, "ORIGIN_NOT_ALLOWED"));
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    // Another merchant's page may read why it is refused.
    let answer = config("https://other.example");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, "https://other.example"));
}

#[test]
fn a_token_works_on_its_merchants_pages_and_ours() {
    let world = World::new();
    let token = world.order("ord_token1");
    let authorization = format!("Bearer {token}");
    let view = |origin: &str| {
        world
            .request(
                "GET",
                "/v1/orders/ord_token1",
                &[("authorization", &authorization), ("origin", origin)],
                Vec::new(),
            )
            .status
    };
    assert_eq!(view("http://127.0.0.1:8787"), 200);
    assert_eq!(view("https://other.example"), 403);
}

#[test]
fn our_own_pages_work_on_any_port() {
    let world = World::with(&[("PUBLIC_ORIGIN", "http://127.0.0.1:9999")]);
    let headers = [("authorization", "Bearer pk_test_demo"), ("origin", "http://localhost:9999")];
    assert_eq!(world.request("GET", "/v1/checkout/config", &headers, Vec::new()).status, 200);
}

#[test]
fn a_preflight_is_answered_for_known_origins() {
    let world = World::new();
    let ask = |path: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        world.request("OPTIONS", path, &headers, Vec::new())
    };
    let answer = ask("/v1/orders/ord_1", "http://127.0.0.1:8787");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "http://127.0.0.1:8787");
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert!(answer.header("access-control-allow-methods").contains("PUT"));
    assert!(answer.header("access-control-allow-headers").contains("Idempotency-Key"));
    assert_eq!(ask("/v1/orders/ord_1", "https://evil.example").header("access-control-allow-origin"), "");
    assert_eq!(ask("/v1/wallets/A", "http://127.0.0.1:8787").header("access-control-allow-origin"), "");
    assert_eq!(ask("/v1/ops/outbox", "http://127.0.0.1:8787").header("access-control-allow-origin"), "");
}

#[test]
fn a_revoked_key_stops_within_half_a_minute() {
    let world = World::new();
    assert_eq!(world.get("/v1/wallets/A", SK).status, 200);
    world.catalogue.execute_all("UPDATE api_keys SET revoked_at = 1 WHERE kind = 'sk'").unwrap();
    world.pass(30_000);
    assert_eq!(world.get("/v1/wallets/A", SK).status, 401);
}

#[test]
fn a_token_lives_for_a_day() {
    let world = World::new();
    let token = world.order("ord_day_01");
    world.pass(24 * 3_600_000 - 1_000);
    assert_eq!(world.get("/v1/orders/ord_day_01", &token).status, 200);
    world.pass(2_000);
    assert_eq!(world.get("/v1/orders/ord_day_01", &token).status, 401);
}

#[test]
fn a_flood_is_told_to_come_again() {
    let world = World::with(&[("RATE_LIMIT_PER_KEY", "5"), ("RATE_LIMIT_PER_ADDRESS", "3")]);
    let statuses: Vec<u16> = (0..11).map(|_| world.get("/v1/wallets/A", SK).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10);
    let answer = world.get("/v1/wallets/A", SK);
    assert_eq!(
        (answer.status, answer.code().as_str(), answer.header("retry-after")),
        (429, "RATE_LIMITED", "1")
    );
    world.pass(1_000);
    assert_eq!(world.get("/v1/wallets/A", SK).status, 200);
    // Guessing keys is limited by address.
    let guess = || {
        let headers = [("authorization", "Bearer sk_test_guess"), ("cf-connecting-ip", "192.0.2.7")];
        world.request("GET", "/v1/wallets/A", &headers, Vec::new()).status
    };
    let statuses: Vec<u16> = (0..7).map(|_| guess()).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429]);
}

#[test]
fn keys_are_stored_as_digests_only() {
    let seed = include_str!("../../seed/demo.sql");
    let rows: String = seed.lines().filter(|line| !line.starts_with("--")).collect();
    for key in [PK, SK, OP] {
        assert!(!rows.contains(key) && rows.contains(&gyesan_edge::auth::digest(key)));
    }
}

#[test]
fn a_placed_order_can_be_read_by_its_token_and_by_the_secret_key_only() {
    let world = World::new();
    let token = world.order("ord_read_1");
    assert_eq!(world.get("/v1/orders/ord_read_1", &token).status, 200);
    assert_eq!(world.get("/v1/orders/ord_read_1", SK).status, 200);
    assert_eq!(world.get("/v1/orders/ord_read_1", PK).code(), "FORBIDDEN");
    let body = json!({"items": cart()["items"], "buyer": {"name": "김토스", "phone": "01012345678"}});
    world.put_order("ord_read_1", &body);
    // What a link can read holds nothing personal.
    let text = world.get("/v1/orders/ord_read_1", &token).text;
    assert!(!text.contains("김토스") && !text.contains("01012345678"));
}

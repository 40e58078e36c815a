//! The site's files.

use crate::world::World;

#[test]
fn our_pages_load_nothing_from_elsewhere_and_are_framed_by_nobody() {
    let world = World::with(&[("TOSS_SDK_URL", "http://127.0.0.1:8788/v2/standard")]);
    for path in ["/", "/demo/", "/checkout/result?orderId=o&token=t"] {
        let answer = world.request("GET", path, &[], Vec::new());
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("script-src 'self' http://127.0.0.1:8788 'wasm-unsafe-eval';"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("'unsafe-eval'") && !policy.contains("script-src 'self' 'unsafe-inline'"),
            "{policy}"
        );
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin-allow-popups");
    }
    let real = World::new().request("GET", "/", &[], Vec::new());
    assert!(real.header("content-security-policy").contains("frame-src https://*.tosspayments.com"));
}

#[test]
fn the_result_page_gives_its_token_to_nobody() {
    let answer = World::new().request("GET", "/checkout/result?orderId=o&token=t", &[], Vec::new());
    assert_eq!(answer.text, "/checkout/result.html");
    assert_eq!(
        (answer.header("referrer-policy"), answer.header("cache-control")),
        ("no-referrer", "no-store")
    );
}

#[test]
fn files_are_kept_as_long_as_their_names_allow() {
    let world = World::new();
    let loader = world.request("GET", "/checkout.js", &[("origin", "https://shop.example")], Vec::new());
    assert_eq!(loader.header("access-control-allow-origin"), "*");
    assert!(loader.header("cache-control").contains("max-age=300"));
    let asset = world.request("GET", "/assets/gyesan-abc.js", &[], Vec::new());
    assert!(asset.header("cache-control").contains("immutable"));
    assert_eq!(asset.header("cross-origin-resource-policy"), "cross-origin");
    let tag = loader.header("etag");
    let again = world.request("GET", "/checkout.js", &[("if-none-match", tag)], Vec::new());
    assert_eq!((again.status, again.text.as_str()), (304, ""));
}

#[test]
fn paths_stay_within_the_site() {
    let world = World::new();
    for path in [
        "/nothing.html",
        "/../secret",
        "/demo/..%2f..%2fsecret",
        "/%2e%2e/secret",
        "/a%00b",
        "/a%5Cb",
        "/%ff",
    ] {
        assert_eq!(world.request("GET", path, &[], Vec::new()).status, 404, "{path}");
    }
    let folder = world.request("GET", "/demo", &[], Vec::new());
    assert_eq!((folder.status, folder.header("location")), (308, "/demo/"));
    // A path that begins with two slashes would be another host in a Location.
    assert_ne!(world.request("GET", "//evil.example/demo", &[], Vec::new()).status, 308);
}

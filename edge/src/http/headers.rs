//! Headers that do not depend on the route: security, and the policies of our own pages.

use crate::config::{Config, origin_of};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Set on every response.
pub fn secure(headers: &mut HeaderMap, config: &Config) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Only the origin leaves with a link, and nothing on the way down from https.
    if !headers.contains_key(header::REFERRER_POLICY) {
        set(headers, header::REFERRER_POLICY, "strict-origin");
    }
    if config.public_origin.starts_with("https://") {
        set(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}

/// Set on our own HTML pages: the shop demo, the result page.
pub fn page(headers: &mut HeaderMap, config: &Config) {
    set(headers, header::CONTENT_SECURITY_POLICY, &content_security_policy(config));
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    // Toss opens card and bank windows as popups and talks to them (`toss.md` §2.2).
    set(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups");
    set(headers, HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
}

/// What our pages may load and talk to: themselves and the PSP's SDK.
fn content_security_policy(config: &Config) -> String {
    let psp = psp_sources(&config.toss.sdk_url);
    [
        "default-src 'none'".to_owned(),
        "base-uri 'none'".to_owned(),
        "object-src 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
        format!("script-src 'self' {psp} 'wasm-unsafe-eval'"),
        // The PSP's SDK writes the styles of its own elements into the page; ours are all files.
        format!("style-src 'self' {psp} 'unsafe-inline'"),
        format!("connect-src 'self' {psp}"),
        format!("frame-src {psp}"),
        format!("form-action 'self' {psp}"),
        // Product images are the merchant's, wherever they lie.
        format!("img-src 'self' data: https: {psp}"),
        "font-src 'self'".to_owned(),
        "manifest-src 'self'".to_owned(),
    ]
    .join("; ")
}

/// The origins of the PSP: for Toss itself all of its hosts, for a stand-in the one that serves the SDK.
fn psp_sources(sdk_url: &str) -> String {
    match origin_of(sdk_url) {
        Some(origin) if origin.ends_with(".tosspayments.com") => "https://*.tosspayments.com".to_owned(),
        Some(origin) => origin,
        None => String::new(),
    }
}

/// Sets a header whose value is ours; one that cannot stand in a header is left out.
pub fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

//! The site's files: our pages, the loader, its assets.

use super::context::Context;
use super::problem::Problem;
use super::{Answer, empty, headers, url};
use crate::auth;
use crate::ports::{Ports, SiteFile};
use gyesan_core::problem::Code;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};

/// Names carry the digest of their content, so a name's content never changes.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Embedded by merchants under a fixed name: short, so that a new version arrives.
const SHORT: &str = "public, max-age=300, stale-while-revalidate=86400";
/// Asked about each time, and answered with 304 when nothing has changed.
const REVALIDATE: &str = "no-cache";

/// `GET /checkout/result`: the page that says how a payment ended. Its URL has a token in it.
///
/// # Errors
/// 404 when the site has no such page.
pub async fn result_page<P: Ports>(context: &Context<'_, P>) -> Answer {
    let Some(file) = context.ports.file("/checkout/result.html").await else {
        return Err(Problem::new(Code::NotFound));
    };
    let mut response = serve(context, "/checkout/result.html", file);
    let headers = response.headers_mut();
    headers::set(headers, header::CACHE_CONTROL, "no-store");
    headers::set(headers, header::REFERRER_POLICY, "no-referrer");
    headers::set(headers, HeaderName::from_static("x-robots-tag"), "noindex");
    Ok(response)
}

/// Every other path that is read: the file of that name; a folder's `index.html`.
///
/// # Errors
/// 404.
pub async fn file<P: Ports>(context: &Context<'_, P>) -> Answer {
    let given = context.request.uri().path();
    let decoded = url::decoded(given).ok_or_else(|| Problem::new(Code::NotFound))?;
    let sound = decoded.starts_with('/')
        && !decoded.contains(['\\', '\0'])
        && decoded.split('/').all(|segment| segment != ".." && segment != ".");
    if !sound {
        return Err(Problem::new(Code::NotFound));
    }
    let path = if decoded.ends_with('/') { format!("{decoded}index.html") } else { decoded };
    if let Some(file) = context.ports.file(&path).await {
        return Ok(serve(context, &path, file));
    }
    // A folder without its slash: relative links on the page would go wrong, so the browser is sent to it.
    let is_name = path.rsplit('/').next().is_some_and(|name| !name.contains('.'));
    if is_name && context.ports.file(&format!("{path}/index.html")).await.is_some() {
        let mut response = empty(StatusCode::PERMANENT_REDIRECT);
        headers::set(response.headers_mut(), header::LOCATION, &format!("{given}/"));
        return Ok(response);
    }
    Err(Problem::new(Code::NotFound))
}

fn serve<P: Ports>(context: &Context<'_, P>, path: &str, file: SiteFile) -> Response<Vec<u8>> {
    let mut response = Response::new(file.bytes);
    let is_page = file.content_type.starts_with("text/html");
    let headers = response.headers_mut();
    headers::set(headers, header::CONTENT_TYPE, &file.content_type);
    if is_page {
        headers::page(headers, context.config);
    }
    let keep = match path {
        "/checkout.js" => SHORT,
        path if path.starts_with("/assets/") => IMMUTABLE,
        _ => REVALIDATE,
    };
    headers::set(headers, header::CACHE_CONTROL, keep);
    if path == "/checkout.js" || path.starts_with("/assets/") {
        embeddable(headers);
    }
    if keep != IMMUTABLE {
        let digest = auth::digest(&String::from_utf8_lossy(response.body()));
        let tag = format!("\"{}\"", auth::holder_name(&digest));
        let known = context.header(header::IF_NONE_MATCH.as_str());
        if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.body_mut().clear();
        }
        headers::set(response.headers_mut(), header::ETAG, &tag);
    }
    response
}

/// Merchants' pages load these from their own origins, also with integrity checks and as modules, which need CORS.
fn embeddable(headers: &mut HeaderMap) {
    headers::set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    headers::set(headers, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
}

//! The OpenAPI document and the router name the same routes.

use gyesan_edge::http::router::ENDPOINTS;
use std::collections::BTreeSet;

/// `METHOD path` of every operation: paths stand two blanks deep below `paths:`, methods four.
fn documented() -> BTreeSet<String> {
    let document = include_str!("../../../docs/openapi.yaml");
    let body = document.split_once("\npaths:\n").unwrap().1;
    let mut found = BTreeSet::new();
    let mut path = String::new();
    for line in body.lines().take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let name = line.trim().trim_end_matches(':');
        match line.len() - line.trim_start().len() {
            2 if name.starts_with('/') => path = name.to_owned(),
            4 if ["get", "put", "post", "delete", "patch"].contains(&name) => {
                found.insert(format!("{} {path}", name.to_uppercase()));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let routes: BTreeSet<String> =
        ENDPOINTS.iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    assert_eq!(documented(), routes);
}

#[test]
fn every_problem_code_is_documented() {
    let document = include_str!("../../../docs/openapi.yaml");
    for code in gyesan_core::problem::Code::ALL {
        assert!(document.contains(&format!("- {}\n", code.as_str())), "{} is missing", code.as_str());
    }
}

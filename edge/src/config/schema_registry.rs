//! The schema registry's part of the configuration: where it is, and who is let in.

use super::{ConfigFault, Vars, fault};

const URL: &str = "SCHEMA_REGISTRY_URL";
const USERNAME: &str = "SCHEMA_REGISTRY_USERNAME";
const PASSWORD: &str = "SCHEMA_REGISTRY_PASSWORD";

/// A registry with Confluent's REST API.
#[derive(Clone, PartialEq, Eq)]
pub struct SchemaRegistry {
    /// `SCHEMA_REGISTRY_URL`, without a trailing slash.
    pub url: String,
    /// `SCHEMA_REGISTRY_USERNAME` and `SCHEMA_REGISTRY_PASSWORD`, for Basic authentication: secret.
    pub credentials: Option<(String, String)>,
}

impl<F: Fn(&str) -> Option<String>> Vars<F> {
    /// The registry, if there is one.
    pub(super) fn schema_registry(&self) -> Result<Option<SchemaRegistry>, ConfigFault> {
        let Some(given) = self.text(URL) else { return Ok(None) };
        // The address is shown in logs and stored beside the ids; its text is not repeated here either.
        if given.contains('@') {
            return fault(URL, format!("must not hold a user or a password: set {USERNAME} and {PASSWORD}"));
        }
        let url = self.url(URL, None)?;
        let credentials = match (self.text(USERNAME), self.text(PASSWORD)) {
            (None, None) => None,
            (Some(username), Some(password)) => Some((username, password)),
            (Some(_), None) => {
                return fault(PASSWORD, format!("is not set, but {USERNAME} is: set both or neither"));
            }
            (None, Some(_)) => {
                return fault(USERNAME, format!("is not set, but {PASSWORD} is: set both or neither"));
            }
        };
        // The first colon ends the user (RFC 7617).
        if credentials.as_ref().is_some_and(|(username, _)| username.contains(':')) {
            return fault(USERNAME, "must not contain a colon");
        }
        Ok(Some(SchemaRegistry { url, credentials }))
    }
}

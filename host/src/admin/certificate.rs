//! What administrators see of certificates that the server gets by itself, and do about them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failure;
use crate::acme::Acme;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum CertificateRequest {
    /// How far each name is.
    List,
    /// Orders now: of one name, or of all that lack a certificate.
    Order { name: Option<String> },
}

/// Does it; the answer is how far each name is then.
pub(super) async fn execute(acme: &Acme, request: CertificateRequest) -> Result<Value, Failure> {
    if let CertificateRequest::Order { name } = request {
        let name = name.map(|name| name.to_ascii_lowercase());
        let found = acme.order(name.as_deref()).await;
        if let (false, Some(name)) = (found, name) {
            return Err(Failure::data(format!(
                "no certificate is wanted for {name}: `waxwing certificate list` tells for which names, and acme.names adds others"
            )));
        }
    }
    Ok(acme.status())
}

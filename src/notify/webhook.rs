//! Any webhook: the facts as JSON, signed where there is a secret.
//!
//! The signature is `sha256=` and HMAC-SHA256, in hex, of the time in `x-standdown-time`, a full
//! stop, and the body: a receiver that checks both takes nothing that somebody else made, or kept.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Delivered, Undelivered, http};
use crate::clock;
use crate::document::hex;
use crate::journal::Message;

pub(super) async fn send(
    url: &str,
    secret: Option<&str>,
    message: &Message,
    body: &Value,
) -> Result<Delivered, Undelivered> {
    let mut headers = vec![("idempotency-key", message.key())];
    if let Some(secret) = secret {
        let time = clock::now().timestamp().to_string();
        headers.push((
            "x-standdown-signature",
            sign(secret, &time, &body.to_string()),
        ));
        headers.push(("x-standdown-time", time));
    }
    http::post(url, body, &headers).await
}

fn sign(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| unreachable!("a key may have any length"));
    mac.update(format!("{time}.{body}").as_bytes());
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn a_signature_is_what_openssl_says() {
        // printf '1.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            sign("key", "1", "{}"),
            "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
        );
    }
}

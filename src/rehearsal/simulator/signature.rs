//! Whose a request is, and whether its signature still holds.
//!
//! What a request carries in its headers is believed but for its age, as every SDK signs it well;
//! a presigned one is made by hand, and its signature is computed anew.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::HeaderMap;
use hyper::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::wire::Failure;
use super::world::World;
use crate::document::hex;
use crate::rehearsal::scenario::Caller;

/// How old a signature may be, in seconds of scenario time.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
const LIFE: f64 = 300.0;

/// Who sent a request, where the scenario knows its access key.
pub(super) fn caller<'a>(world: &'a World, head: &Parts) -> Result<Option<&'a Caller>, Failure> {
    let query = pairs(head.uri.query().unwrap_or_default());
    let Some(signature) = query.get("X-Amz-Signature") else {
        signed_lately(world, text(&head.headers, "x-amz-date"), LIFE)?;
        let key = text(&head.headers, "authorization")
            .and_then(|text| text.split_once("Credential="))
            .and_then(|(_, rest)| rest.split('/').next());
        return Ok(key.and_then(|key| known(world, key)));
    };
    let part = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let life = part("X-Amz-Expires").parse().unwrap_or(0.0);
    signed_lately(world, Some(part("X-Amz-Date")), life)?;
    let (key, scope) = part("X-Amz-Credential").split_once('/').unwrap_or_default();
    let caller = known(world, key).ok_or_else(|| {
        Failure::new(
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        )
    })?;
    let wanted = sign(head, &query, &caller.secret, scope);
    if wanted.as_deref() == Some(signature) {
        return Ok(Some(caller));
    }
    Err(Failure::new(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided",
    ))
}

fn known<'a>(world: &'a World, key: &str) -> Option<&'a Caller> {
    world.scenario.callers.iter().find(|one| one.key == key)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The signature of a GET without a body; none when a signed header is missing.
fn sign(
    head: &Parts,
    query: &BTreeMap<String, String>,
    secret: &str,
    scope: &str,
) -> Option<String> {
    let canonical: Vec<String> = query
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let names = query.get("X-Amz-SignedHeaders")?;
    let headers: String = names
        .split(';')
        .map(|name| Some(format!("{name}:{}\n", text(&head.headers, name)?.trim())))
        .collect::<Option<_>>()?;
    let request = format!(
        "{}\n{}\n{}\n{headers}\n{names}\n{}",
        head.method,
        head.uri.path(),
        canonical.join("&"),
        hex(&Sha256::digest(b""))
    );
    let signed = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        query.get("X-Amz-Date")?,
        hex(&Sha256::digest(request))
    );
    let first = format!("AWS4{secret}").into_bytes();
    let key = scope.split('/').fold(first, |key, part| mac(&key, part));
    Some(hex(&mac(&key, &signed)))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("a key may have any length"));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Everything but the unreserved characters of RFC 3986 is encoded.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn signed_lately(world: &World, date: Option<&str>, life: f64) -> Result<(), Failure> {
    let Some(signed) =
        date.and_then(|date| chrono::NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").ok())
    else {
        return Ok(());
    };
    let now = there(world);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let age = (now - signed.and_utc()).num_milliseconds() as f64 / 1000.0;
    // The signature tells whole seconds.
    if age.abs() <= life / world.speed + 1.0 {
        // (a scenario's skew is real time, and so is what a signature tells)
        return Ok(());
    }
    Err(Failure::new(
        "InvalidSignatureException",
        format!(
            "Signature expired: {date} is now earlier than {now}",
            date = date.unwrap_or_default()
        ),
    ))
}

/// This AWS's clock, in real time.
pub(super) fn there(world: &World) -> chrono::DateTime<chrono::Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "a skew is at most days")]
    let skew = (world.scenario.skew * 1000.0) as i64;
    chrono::Utc::now() + chrono::Duration::milliseconds(skew)
}

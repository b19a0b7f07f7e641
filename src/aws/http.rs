//! How requests leave: over TLS, through a proxy where the environment names one, and trusting
//! what `AWS_CA_BUNDLE` says, as the AWS CLI does.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// A client that others share. A rehearsal goes nowhere but to its simulator.
pub(super) fn client(rehearsal: bool) -> Result<SharedHttpClient, String> {
    let proxy = if rehearsal {
        ProxyConfig::disabled()
    } else {
        ProxyConfig::from_env()
    };
    let trusted = if rehearsal { None } else { trusted()? };
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut connector = Connector::builder().proxy_config(proxy.clone());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            let mut connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
            if let Some(context) = &trusted {
                connector = connector.tls_context(context.clone());
            }
            connector.build()
        }),
    )
}

/// The certificates of `AWS_CA_BUNDLE`; this machine's own unless it is set.
fn trusted() -> Result<Option<TlsContext>, String> {
    let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let shown = std::path::Path::new(&path).display().to_string();
    let bytes = std::fs::read(&path).map_err(|error| {
        format!("AWS_CA_BUNDLE={shown} cannot be read ({error}); set it to a file, or unset it")
    })?;
    if !bytes
        .windows(27)
        .any(|part| part == b"-----BEGIN CERTIFICATE-----")
    {
        return Err(format!(
            "AWS_CA_BUNDLE={shown} holds no certificate; set it to a PEM file, or unset it"
        ));
    }
    let store = TrustStore::empty().with_pem_certificate(bytes);
    let context = TlsContext::builder().with_trust_store(store).build();
    context
        .map(Some)
        .map_err(|error| format!("AWS_CA_BUNDLE={shown} cannot be used: {error}"))
}

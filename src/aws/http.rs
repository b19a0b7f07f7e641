//! How requests leave: over TLS, through a proxy where the environment names one, and trusting the
//! certificates that are configured, as the AWS CLI does.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::certificates::Certificates;
use super::machine::Found;

/// Where requests go.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    /// To a simulator on this machine.
    Simulator,
    /// To AWS; with a file of certificates to trust, where one is configured.
    Aws(Option<&'a Found>),
}

/// A client that others share.
pub(super) fn client(to: To<'_>) -> Result<SharedHttpClient, String> {
    let (proxy, trusted) = match to {
        To::Simulator => (ProxyConfig::disabled(), None),
        To::Aws(bundle) => (proxy()?, bundle.map(trusted).transpose()?),
    };
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

/// The proxy of the environment. The AWS CLI knows of no `ALL_PROXY`, and no HTTP client here speaks
/// SOCKS: where it is set, only what is said for a scheme counts.
fn proxy() -> Result<ProxyConfig, String> {
    let set = |names: [&str; 2]| {
        let values = names.into_iter().filter_map(|name| {
            let value = std::env::var(name).ok()?;
            (!value.trim().is_empty()).then(|| value.trim().to_owned())
        });
        values.into_iter().next()
    };
    if set(["ALL_PROXY", "all_proxy"]).is_none() {
        return Ok(ProxyConfig::from_env());
    }
    let wrong = |name: &str, error: String| format!("{name} is no proxy ({error})");
    let proxy = match (
        set(["HTTPS_PROXY", "https_proxy"]),
        set(["HTTP_PROXY", "http_proxy"]),
    ) {
        (Some(url), _) => {
            ProxyConfig::https(url).map_err(|error| wrong("HTTPS_PROXY", error.to_string()))?
        }
        (None, Some(url)) => {
            ProxyConfig::http(url).map_err(|error| wrong("HTTP_PROXY", error.to_string()))?
        }
        (None, None) => ProxyConfig::disabled(),
    };
    Ok(match set(["NO_PROXY", "no_proxy"]) {
        Some(rules) => proxy.no_proxy(rules),
        None => proxy,
    })
}

/// The certificates of a file.
fn trusted(bundle: &Found) -> Result<TlsContext, String> {
    let Certificates { pem, said } = Certificates::read(bundle)?;
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|error| format!("{said} cannot be used: {error}"))
}

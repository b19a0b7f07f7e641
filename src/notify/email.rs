//! E-mail, through an SMTP server (RFC 5321). Each recipient gets a verdict of its own.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use tokio::time::timeout;
use url::Url;

use crate::aws::{Certificates, untrusted};

use super::words::Words;
use super::{Delivered, Left, PATIENCE, Undelivered};
use crate::document::sha256;
use crate::journal::Message;

/// A mail server, and how this host introduces itself there.
pub(super) struct Server<'a> {
    /// Its URL.
    pub url: &'a str,
    /// Who logs in, with what password.
    pub login: Option<(&'a str, &'a str)>,
    /// The name that EHLO says; a fully qualified name or an address unless given.
    pub hello: Option<&'a str>,
}

/// Sends a message to every recipient that takes it.
///
/// # Errors
/// When none of them has taken it.
pub(super) async fn send(
    server: &Server<'_>,
    (from, to): (&str, &[String]),
    message: &Message,
    words: &Words,
) -> Result<Delivered, Undelivered> {
    // What is left of an earlier try goes to those alone who did not get it.
    let only: Option<Vec<String>> = message.facts["recipients"].as_array().map(|all| {
        all.iter()
            .filter_map(|one| one.as_str())
            .map(str::to_owned)
            .collect()
    });
    let to = only.as_deref().unwrap_or(to);
    let mail = mail(from, to, message, words)?.formatted();
    let sender = address(from)?;
    let recipients: Vec<(&String, Address)> = to
        .iter()
        .map(|one| Ok((one, address(one)?)))
        .collect::<Result<_, Undelivered>>()?;
    timeout(PATIENCE, talk(server, sender, recipients, &mail))
        .await
        .map_err(|_| {
            Undelivered::now(format!(
                "the mail server did not answer within {PATIENCE:?}"
            ))
        })?
}

async fn talk(
    server: &Server<'_>,
    from: Address,
    to: Vec<(&String, Address)>,
    mail: &[u8],
) -> Result<Delivered, Undelivered> {
    // Whatever the server says before the first recipient is about this host or its configuration,
    // and no verdict on the message: it may be mended, and the message is kept.
    let fault = |what: &str| {
        let what = what.to_owned();
        move |error: Error| Undelivered::fault(format!("the mail server: {what}: {}", said(&error)))
    };
    let mut connection = connect(server).await?;
    if let Some((user, password)) = server.login {
        let credentials = Credentials::new(user.to_owned(), password.to_owned());
        connection
            .auth(DEFAULT_MECHANISMS, &credentials)
            .await
            .map_err(fault("it refused the login"))?;
    }
    let eight_bit = !mail.is_ascii()
        && connection
            .server_info()
            .supports_feature(Extension::EightBitMime);
    let options = if eight_bit {
        vec![MailParameter::Body(MailBodyParameter::EightBitMime)]
    } else {
        Vec::new()
    };
    connection
        .command(MailFrom::new(Some(from), options))
        .await
        .map_err(fault("it refused the sender"))?;
    let mut taken = 0_usize;
    let mut left: Vec<Left> = Vec::new();
    for (name, address) in to {
        match connection.command(Rcpt::new(address, Vec::new())).await {
            Ok(_) => taken += 1,
            Err(error) => left.push(Left {
                recipient: name.clone(),
                error: refused(name, &error),
            }),
        }
    }
    if taken == 0 {
        // Nothing was sent; the first one says why.
        let mut all = left.into_iter();
        let first = all.next().map(|one| one.error);
        let mut error = first.unwrap_or_else(|| Undelivered::ever("the channel has no recipients"));
        for other in all {
            error.lasting &= other.error.lasting;
            error.why = format!("{}; {}", error.why, other.error.why);
        }
        drop(connection.quit().await);
        return Err(error);
    }
    connection
        .command(Data)
        .await
        .map_err(|error| content(&error))?;
    let answer = connection
        .message(mail)
        .await
        .map_err(|error| content(&error))?;
    drop(connection.quit().await);
    let code = answer.code();
    let text = answer.message().next().unwrap_or_default().to_owned();
    Ok(Delivered {
        answer: format!("{code} {text}"),
        note: None,
        left,
    })
}

/// What the server thinks of the message itself.
fn content(error: &Error) -> Undelivered {
    let why = format!("the mail server: {}", said(error));
    if error.is_permanent() {
        Undelivered::ever(why)
    } else {
        Undelivered::now(why)
    }
}

/// A verdict on a recipient. A server that relays for nobody, or wants a login, speaks of this host.
fn refused(recipient: &str, error: &Error) -> Undelivered {
    let text = said(error);
    let why = format!("the mail server refused {recipient}: {text}");
    let lower = text.to_lowercase();
    let about_host = [
        "relay",
        "authenticat",
        "5.7.",
        "helo",
        "ehlo",
        "blocked",
        "spamhaus",
    ]
    .iter()
    .any(|word| lower.contains(word))
        || error.status().is_some_and(|code| code.to_string() == "530");
    match (error.is_permanent(), about_host) {
        (true, true) => Undelivered::fault(why),
        (true, false) => Undelivered::ever(why),
        (false, _) => Undelivered::now(why),
    }
}

fn said(error: &Error) -> String {
    let text: String = error
        .to_string()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match std::error::Error::source(error) {
        Some(source) if !text.contains(&source.to_string()) => format!("{text} ({source})"),
        _ => text,
    }
}

/// Connects, as the URL says: `smtps://` is TLS from the beginning, `?tls=required` STARTTLS,
/// `?tls=opportunistic` STARTTLS where the server has it.
async fn connect(server: &Server<'_>) -> Result<AsyncSmtpConnection, Undelivered> {
    // The error of a wrong URL would repeat it, and it may hold a password.
    let wrong = || Undelivered::ever("the channel's server is no smtp:// or smtps:// URL");
    let url = Url::parse(server.url).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let tls = url
        .query_pairs()
        .find(|(name, _)| name == "tls")
        .map(|(_, value)| value.into_owned());
    let (wrapped, usual) = match (url.scheme(), tls.as_deref()) {
        ("smtps", _) => (true, SUBMISSIONS_PORT),
        ("smtp", Some("required" | "opportunistic")) => (false, SUBMISSION_PORT),
        ("smtp", _) => (false, SMTP_PORT),
        _ => return Err(wrong()),
    };
    let port = url.port().unwrap_or(usual);
    let fault = |why: String| Undelivered::fault(format!("the mail server {host}: {why}"));
    let parameters = || {
        let mut parameters = TlsParameters::builder(bare.to_owned());
        if let Some(Certificates { pem, said: from }) = Certificates::configured().map_err(fault)? {
            let trusted = Certificate::from_pem(&pem);
            let trusted = trusted
                .map_err(|error| fault(format!("{from} cannot be used: {}", said(&error))))?;
            parameters = parameters.add_root_certificate(trusted);
        }
        parameters.build().map_err(|error| fault(said(&error)))
    };
    let hello = hello(server.hello, (bare, port)).await;
    let cannot = |error: Error| {
        let why = format!("the mail server {host}: {}", said(&error));
        if error.is_response() || error.status().is_some() {
            Undelivered::fault(format!(
                "{why}; it was greeted as {hello}: set `hello` of the channel to a name that it accepts"
            ))
        } else {
            let help = untrusted(&why).map_or_else(String::new, |help| format!(": {help}"));
            Undelivered::now(format!("{why}{help}"))
        }
    };
    let implicit = if wrapped { Some(parameters()?) } else { None };
    let mut connection =
        AsyncSmtpConnection::connect_tokio1((bare, port), Some(PATIENCE), &hello, implicit, None)
            .await
            .map_err(cannot)?;
    let required = tls.as_deref() == Some("required");
    let offered = tls.as_deref() == Some("opportunistic") && connection.can_starttls();
    if !wrapped && (required || offered) {
        connection
            .starttls(parameters()?, &hello)
            .await
            .map_err(cannot)?;
    }
    Ok(connection)
}

/// How this host introduces itself: the configured name, its own where that is fully qualified, or
/// its address as a literal (RFC 5321, 4.1.3).
async fn hello(configured: Option<&str>, server: (&str, u16)) -> ClientId {
    if let Some(name) = configured {
        return ClientId::Domain(name.to_owned());
    }
    let own = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| is_qualified(name));
    if let Some(name) = own {
        return ClientId::Domain(name);
    }
    let addresses = tokio::net::lookup_host(server).await;
    let address = addresses.ok().and_then(|mut all| all.next());
    match address.and_then(local) {
        Some(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Some(IpAddr::V6(address)) => ClientId::Ipv6(address),
        None => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
    }
}

fn is_qualified(name: &str) -> bool {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.len() > 1 && labels.iter().all(|label| !label.is_empty())
}

/// The address of this host from which a server is reached. Connecting a UDP socket sends nothing.
fn local(server: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn address(text: &str) -> Result<Address, Undelivered> {
    text.parse::<Mailbox>()
        .map(|mailbox| mailbox.email)
        .map_err(|error| Undelivered::ever(format!("{text:?} is no address: {error}")))
}

fn mail(from: &str, to: &[String], message: &Message, words: &Words) -> Result<Mail, Undelivered> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| Undelivered::ever(format!("{text:?} is no address: {error}")))
    };
    let thread = format!("<{}@standdown>", message.incident);
    // Two channels, or two texts, are two mails.
    let text = format!("{}\n{}", words.title, words.lines.join("\n"));
    let key = sha256(&format!("{}\n{}\n{text}", message.key(), message.channel));
    let mut mail = Mail::builder()
        .from(mailbox(from)?)
        .subject(one_line(&words.title))
        // One that was sent twice is one mail; all of an incident are one thread.
        .message_id(Some(format!("<{key}@standdown>")))
        .in_reply_to(thread.clone())
        .references(thread);
    for one in to {
        mail = mail.to(mailbox(one)?);
    }
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    mail.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{}\n\n{}\n", words.title, words.lines.join("\n")))
        .map_err(|error| Undelivered::ever(format!("the mail cannot be written: {error}")))
}

/// A subject is one line: what comes from outside begins no header.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::is_qualified;

    #[test]
    fn a_name_without_a_dot_is_not_qualified() {
        assert!(is_qualified("bastion.example.com"));
        assert!(!is_qualified("bastion") && !is_qualified("bastion.") && !is_qualified(""));
    }
}

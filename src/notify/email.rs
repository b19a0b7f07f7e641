//! E-mail, through an SMTP server.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::time::timeout;

use super::words::Words;
use super::{PATIENCE, Undelivered};
use crate::document::sha256;
use crate::journal::Message;

/// Sends a message. `server` is where to, and who logs in with what password.
pub(super) async fn send(
    (server, login): (&str, Option<(&str, &str)>),
    (from, to): (&str, &[String]),
    message: &Message,
    words: &Words,
) -> Result<(), Undelivered> {
    let mail = mail(from, to, message, words)?;
    // The error of a wrong URL would repeat it, and it may hold a password.
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(server)
        .map_err(|_| Undelivered::ever("the channel's server is no smtp:// or smtps:// URL"))?
        .timeout(Some(PATIENCE));
    if let Some((user, password)) = login {
        transport = transport.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    let transport = transport.build();
    let sent = timeout(PATIENCE, transport.send(mail)).await;
    let sent = sent.map_err(|_| {
        Undelivered::now(format!(
            "the mail server did not answer within {PATIENCE:?}"
        ))
    })?;
    sent.map(drop).map_err(|error| {
        let why = format!("the mail server: {error}");
        // What is refused for good stays refused: RFC 5321, 4.2.1.
        if error.is_permanent() {
            Undelivered::ever(why)
        } else {
            Undelivered::now(why)
        }
    })
}

fn mail(from: &str, to: &[String], message: &Message, words: &Words) -> Result<Mail, Undelivered> {
    let address = |text: &str| {
        text.parse::<Mailbox>()
            .map_err(|error| Undelivered::ever(format!("{text:?} is no address: {error}")))
    };
    let thread = format!("<{}@standdown>", message.incident);
    let key = sha256(&message.key());
    let mut mail = Mail::builder()
        .from(address(from)?)
        .subject(one_line(&words.title))
        // One that was sent twice is one mail; all of an incident are one thread.
        .message_id(Some(format!("<{key}@standdown>")))
        .in_reply_to(thread.clone())
        .references(thread);
    for one in to {
        mail = mail.to(address(one)?);
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

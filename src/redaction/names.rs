//! What secrets are called: one list for the fields of JSON, the names in a text and the options of
//! a command line.
//!
//! A name is a secret's when it contains one of [`WORDS`] or ends in one of [`ENDS`], unless its end
//! says that it tells something about a secret: `DB_PASSWORD_ARN`.

use std::ops::Range;

/// Words that mean a secret wherever they stand in a name. A blank stands where a separator may.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "passcode",
    "pswd",
    "kennwort",
    "secret",
    "secret key",
    "authentication key",
    "credential",
    "api key",
    "access key",
    "private key",
    "auth key",
    "account key",
    "encryption key",
    "signing key",
    "shared key",
    "master key",
    "license key",
    "routing key",
    "integration key",
    "redis auth",
    "require pass",
    "master auth",
];
/// Words that mean a secret as the end of a name only.
const ENDS: &[&str] = &["token", "pwd", "pass", "pw", "psk"];
/// Whose password it is, where a name is written without separators: `dbpass`.
const OWNERS: &[&str] = &[
    "db", "user", "admin", "root", "bind", "smtp", "mail", "ldap", "ftp", "proxy", "sql", "mysql",
    "pg", "redis", "master", "auth", "login", "my",
];
/// Names that are a secret's as a whole.
const WHOLE: &[&str] = &["auth", "authorization"];
/// Ends of a name that tells something about a secret instead of holding it.
const ABOUT: &[&str] = &[
    "age",
    "arn",
    "attempts",
    "changed",
    "count",
    "date",
    "days",
    "enabled",
    "exists",
    "expired",
    "expires",
    "expiration",
    "expiry",
    "field",
    "file",
    "format",
    "id",
    "key ref",
    "label",
    "last used",
    "length",
    "limit",
    "manager",
    "max",
    "min",
    "name",
    "path",
    "policy",
    "process",
    "provider",
    "ref",
    "required",
    "reset",
    "rotation",
    "size",
    "source",
    "status",
    "store",
    "ttl",
    "type",
    "used",
    "version",
];
/// Ends of the names of hosts, files and classes, which `:` or `=` may follow as well.
const OTHERS: &[&str] = &[
    "client",
    "com",
    "config",
    "controller",
    "encoder",
    "error",
    "exception",
    "factory",
    "failure",
    "filter",
    "go",
    "handler",
    "helper",
    "io",
    "java",
    "js",
    "json",
    "kt",
    "net",
    "org",
    "php",
    "py",
    "rb",
    "rs",
    "scala",
    "service",
    "test",
    "tests",
    "toml",
    "ts",
    "util",
    "utils",
    "validator",
    "xml",
    "yaml",
    "yml",
];
/// Tokens that are no secrets: they mark a place in a list, or one call among repeated ones.
const MARKS: &[&str] = &[
    "next",
    "continuation",
    "page",
    "pagination",
    "client",
    "request",
    "sync",
    "lock",
    "forward",
    "backward",
    "starting",
    "idempotency",
    "unexpected",
    "invalid",
];

/// The words of a name in small letters: `MasterUserPassword`, `DB_PASSWORD` and `db.password` are
/// written in words.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_uppercase()
                        && letters.get(at + 1).is_some_and(|next| next.is_lowercase())
            });
        if begins || !letter.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_ascii_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A word of a list, as it stands in a name whose separators were left out.
fn joined(word: &str) -> String {
    word.replace(' ', "")
}

/// Whether the end of a name tells something about a secret.
fn is_about(end: &str) -> bool {
    let end = end.strip_prefix('s').unwrap_or(end);
    ABOUT.iter().any(|about| joined(about) == end)
}

/// Tells whether a field of that name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let plain = words.concat();
    let Some(last) = words.last() else {
        return false;
    };
    if WHOLE.contains(&plain.as_str()) {
        return true;
    }
    if ABOUT.contains(&last.as_str()) || OTHERS.contains(&last.as_str()) {
        return false;
    }
    let end = |word: &&str| {
        let word = joined(word);
        plain.rfind(&word).map(|at| at + word.len())
    };
    if let Some(end) = WORDS.iter().filter_map(end).max() {
        return !is_about(&plain[end..]);
    }
    let Some(front) = ENDS.iter().find_map(|end| plain.strip_suffix(end)) else {
        return false;
    };
    if plain.ends_with("token") {
        return !MARKS.iter().any(|mark| front.ends_with(mark));
    }
    ENDS.contains(&last.as_str()) || plain.ends_with("pwd") || OWNERS.contains(&front)
}

/// Whether a name is also a plain word of reports, as in `pass: 5`: a number under it is no secret.
pub(super) fn is_weak(name: &str) -> bool {
    ["pass", "pw"]
        .iter()
        .any(|weak| name.eq_ignore_ascii_case(weak))
}

/// Whether a name that a rule found in a text is one of a secret, and what stands under it may be
/// one. The rule finds the end of the name; its beginning is looked for here.
pub(super) fn holds(text: &str, name: Range<usize>, value: &str) -> bool {
    let of_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let before = &text[..name.start];
    let front: usize = before.chars().rev().take_while(of_name).count();
    let whole = &text[name.start - front..name.end];
    let is_number = value.parse::<f64>().is_ok();
    is_secret(whole) && !(is_weak(whole) && is_number)
}

/// What stands after a name: in quotes, or up to what ends a value.
const VALUE: &str =
    r#"(?:\\{1,4}"([^"\\\n]+)|"((?:\\.|[^"\\\n])+)|'((?:''|[^'\n])+)|([^\s"',;&)}\]\\]+))"#;
/// A quotation mark, also within a JSON text.
const QUOTE: &str = r#"(?:\\{0,4}"|')"#;
/// Options and names of servers' files that a blank separates from the secret.
const DIRECTIVES: &str = "requirepass|masterauth|masterpass|rootpw|bindpw|auth-pass|auth-user-pass";

/// The rules over names in a text. The group `name` holds the name and is not masked.
pub(super) fn rules() -> Vec<String> {
    let separated = |word: &&str| word.replace(' ', "[ _-]?");
    let core = WORDS.iter().map(separated).collect::<Vec<_>>().join("|");
    let ends = ENDS.join("|");
    let core = format!("(?i:(?:{core})[a-z0-9_.-]*|(?:{ends}))");
    let name = format!("(?P<name>{core})");
    // The same, without what is also a plain word of reports.
    let clear = format!(
        "(?P<name>{}|(?i:[a-z0-9_-](?:pass|pw)))",
        core.replace("|pass|pw", "")
    );
    // The whole name, between quotation marks or blanks.
    let whole = format!(r"(?P<name>[A-Za-z0-9_./ -]*{core})");
    let named = "(?i:name|key|parametername|parameterkey)";
    let valued = "(?i:value|parametervalue)";
    vec![
        // `secret=x`, `"secret": "x"`, `secret: x`; and `secret:x`, but for what follows a colon, as
        // in the ARN of a secret.
        format!(
            r#"{name}(?:\\{{0,4}}["'])?(?:\s?:\s?[A-Za-z_<>&\[\]]{{2,20}})?\s{{0,3}}(?:=>|:=|=)\s{{0,3}}{VALUE}"#
        ),
        format!(r#"{name}\\{{0,4}}["']\s{{0,3}}:\s{{0,3}}{VALUE}"#),
        format!(r"{clear}\s{{0,3}}:\s{{1,3}}{VALUE}"),
        format!(r"(?:^|[^A-Za-z0-9_.:-])[A-Za-z0-9_.-]*?{name}:{VALUE}"),
        format!(r#"(?im)^\s*(?:-\s+)?{name}[ \t]*:[ \t]+["']?([^\s"']*[a-z][^\s"']*)["']?[ \t]*$"#),
        // `--password x`
        format!(
            r#"(?:^|\s)--?[A-Za-z0-9_-]*?{name}(?:=|\s+)("[^"\n]*"|'[^'\n]*'|[^\s"'-][^\s"']*)"#
        ),
        // `"name": "DB_PASSWORD", "value": "x"`, also the other way round and in YAML.
        format!(
            r"{QUOTE}{named}{QUOTE}\s*:\s*{QUOTE}{whole}{QUOTE}\s*,[^{{}}]*?{QUOTE}{valued}{QUOTE}\s*:\s*{VALUE}"
        ),
        format!(
            r"{QUOTE}{valued}{QUOTE}\s*:\s*{VALUE}{QUOTE}?\s*,[^{{}}]*?{QUOTE}{named}{QUOTE}\s*:\s*{QUOTE}{whole}{QUOTE}"
        ),
        format!(
            r#"(?m)^[ \t-]*{named}[ \t]*:[ \t]*["']?{whole}["']?[ \t]*\r?\n(?:[ \t]*[a-z]+:.*\n)?[ \t-]*{valued}[ \t]*:[ \t]*{VALUE}"#
        ),
        // `<add key="DbPassword" value="x"/>`, `<entry name="password">x</entry>`
        format!(
            r"<[^<>\s]+\s[^<>]*?\b(?i:key|name)\s*=\s*{QUOTE}{whole}{QUOTE}[^<>]*?\b{valued}\s*=\s*{VALUE}"
        ),
        format!(
            r"<[^<>\s]+\s[^<>]*?\b{valued}\s*=\s*{VALUE}{QUOTE}?[^<>]*?\b(?i:key|name)\s*=\s*{QUOTE}{whole}{QUOTE}"
        ),
        format!(
            r"<[^<>\s]+\s[^<>]*?\b(?i:key|name)\s*=\s*{QUOTE}{whole}{QUOTE}[^<>]*>\s*(?:<{valued}>\s*)?([^<\s][^<]*)<"
        ),
        // The cells of a table.
        format!(r"(?m)(?:^|\t){whole}\t+([^\t\n]+)"),
        format!(r"\|[ \t]*{whole}[ \t]*\|[ \t]*([^|\n]*[^|\s])"),
        // `SET password "x"`; what is called `secret "orders"` is no secret itself.
        r#"(?i)(?:passw(?:or)?d|passphrase|pwd)\s{1,3}(?:"([^"\n]{3,})"|'([^'\n]{3,})')"#
            .to_owned(),
        r"(?i)\b(?:create|alter)\s+(?:user|role)\b[^;\n]*?\bpassword\s+('[^'\n]*'|[^\s;]+)"
            .to_owned(),
        // `requirepass x`
        format!(r#"(?i)\b(?:{DIRECTIVES})\s+("[^"\n]*"|'[^'\n]*'|[^\s"']+)"#),
    ]
}

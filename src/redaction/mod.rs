//! Redaction at the door: secrets are masked before anything is written or shown.
//!
//! A table of rules over text, and a walk over JSON that knows which fields hold secrets. It
//! would rather mask too much than too little: whoever needs the value can read it where it
//! came from. It must run before text is cut, split or taken apart, and never after.

mod json;
mod names;
mod rules;

pub use names::is_secret;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::{Match, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// A pattern of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// A regular expression. What its groups match is masked; without groups, the whole match is.
    pub expression: String,
}

/// A pattern is not a regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// Masks secrets. Clones share the compiled rules.
#[derive(Debug, Clone)]
pub struct Redactor {
    own: Arc<Table>,
}

/// How large a compiled rule, or all of them as a set, may become, in bytes.
const LARGEST: usize = 64 << 20;
/// How much a thread keeps of what it found out about the set while it read, in bytes.
const KEPT: usize = 4 << 20;

/// Compiled rules: the set says which of them can match at all.
#[derive(Debug)]
struct Table {
    set: RegexSet,
    rules: Vec<Rule>,
}

/// A rule, compiled when something matches it for the first time: most never do.
#[derive(Debug)]
struct Rule {
    expression: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Rule {
    /// None when it is too large by itself.
    fn compiled(&self) -> Option<&Regex> {
        let compile = || {
            let builder = &mut RegexBuilder::new(&self.expression);
            builder.size_limit(LARGEST).build().ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// The rules of every console, compiled when the first text is masked.
static STANDARD: LazyLock<Table> = LazyLock::new(|| {
    let all = rules::RULES.iter().map(|rule| (*rule).to_owned());
    // A boundary of Unicode words makes the search ten to a hundred times slower in a text that is not
    // all ASCII. What these rules look for is.
    let all = all
        .chain(names::rules())
        .map(|rule| rule.replace(r"\b", r"(?-u:\b)"));
    Table::compile(all.collect())
        .unwrap_or_else(|error| unreachable!("a rule is not a regular expression: {error}"))
});

impl Table {
    fn compile(expressions: Vec<String>) -> Result<Self, regex::Error> {
        let set = RegexSetBuilder::new(&expressions)
            .size_limit(LARGEST)
            .dfa_size_limit(KEPT)
            .build()?;
        let rule = |expression| Rule {
            expression,
            compiled: OnceLock::new(),
        };
        Ok(Self {
            set,
            rules: expressions.into_iter().map(rule).collect(),
        })
    }

    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        for index in self.set.matches(text) {
            // Where nothing can say what is secret, everything is.
            let Some(rule) = self.rules[index].compiled() else {
                found.push(0..text.len());
                continue;
            };
            let mut from = 0;
            while let Some(captures) = rule.captures_at(text, from) {
                let Some(whole) = captures.get(0) else { break };
                let name = captures.name("name").map(|name| name.range());
                let is_value = |group: &Match<'_>| Some(group.range()) != name;
                let mut groups = captures
                    .iter()
                    .skip(1)
                    .flatten()
                    .filter(is_value)
                    .peekable();
                if let (Some(name), Some(value)) = (name.clone(), groups.peek())
                    && !names::holds(text, name.clone(), value.as_str())
                {
                    from = name.end.max(next(text, from));
                    continue;
                }
                let mut end = whole.end();
                if groups.peek().is_none() {
                    found.push(whole.range());
                }
                for group in groups {
                    found.push(group.range());
                    end = group.end();
                }
                // What follows the secret may begin the next one.
                from = if end > from { end } else { next(text, from) };
                if from >= text.len() {
                    break;
                }
            }
        }
    }
}

/// The next character's place.
fn next(text: &str, from: usize) -> usize {
    from + text[from..].chars().next().map_or(1, char::len_utf8)
}

impl Default for Redactor {
    fn default() -> Self {
        Self {
            own: Arc::new(Table {
                set: RegexSet::empty(),
                rules: Vec::new(),
            }),
        }
    }
}

impl Redactor {
    /// Adds the configuration's patterns to the standard ones.
    ///
    /// # Errors
    /// When one is not a regular expression.
    pub fn with(patterns: &[Pattern]) -> Result<Self, PatternError> {
        let all = patterns.iter().map(|pattern| pattern.expression.clone());
        let own = Table::compile(all.collect()).map_err(|error| PatternError(error.to_string()))?;
        Ok(Self { own: Arc::new(own) })
    }

    /// Masks some values as well, wherever they stand. Without values it is the same.
    ///
    /// # Errors
    /// When the values are too long to look for.
    pub fn hiding(&self, values: &[String]) -> Result<Self, regex::Error> {
        let known = self.own.rules.iter().map(|rule| rule.expression.clone());
        let mut all: Vec<String> = known.collect();
        // What is shorter than four characters would mask half of any output.
        let long = |text: &&str| text.len() >= 4;
        for value in values {
            // Programs print a line of a key, or a secret without the blanks around it.
            let parts = value.lines().map(str::trim).filter(long);
            let whole = Some(value.as_str()).filter(long);
            all.extend(
                whole
                    .into_iter()
                    .chain(parts)
                    .map(|part| part.chars().map(spellings).collect()),
            );
        }
        let own = Arc::new(Table::compile(all)?);
        Ok(Self { own })
    }

    /// Whether a text as a whole is what a rule of ours masks.
    fn is_own(&self, text: &str) -> bool {
        let mut found = Vec::new();
        self.own.find(text, &mut found);
        found.contains(&(0..text.len()))
    }

    /// Masks the secrets in a text.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = Vec::new();
        STANDARD.find(text, &mut found);
        self.own.find(text, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|range| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for range in merged(found) {
            // Masking what is masked already would change it at each reading.
            let inner = &text[range.clone()];
            if inner.is_empty() || inner == MASK {
                continue;
            }
            out.push_str(&text[done..range.start]);
            out.push_str(MASK);
            done = range.end;
        }
        out.push_str(&text[done..]);
        Cow::Owned(out)
    }

    /// Masks the secrets in a text that is kept.
    #[must_use]
    pub fn owned(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(masked) => masked,
        }
    }

    /// Begins to mask texts that follow each other, such as the lines of a log.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines {
            redactor: self.clone(),
            inside: false,
        }
    }
}

/// A letter as it stands, and as the writers of other notations spell it: JSON, also inside of a
/// JSON text (`/` as `\/`, others as `\u00e4`), HTML (`&quot;`) and URLs (`%22`).
fn spellings(letter: char) -> String {
    let plain = regex::escape(letter.encode_utf8(&mut [0; 4]));
    if letter.is_ascii_alphanumeric() {
        return plain;
    }
    let mut units = [0; 2];
    let mut unicode = String::new();
    for unit in letter.encode_utf16(&mut units) {
        unicode += &[r"\\{1,4}u", &format!("{unit:04x}")].concat();
    }
    let mut bytes = [0; 4];
    let mut percent = String::new();
    for byte in letter.encode_utf8(&mut bytes).bytes() {
        percent += &["%", &format!("{byte:02x}")].concat();
    }
    let short = match letter {
        '\t' => r"\\{1,4}t".to_owned(),
        '\n' => r"\\{1,4}n".to_owned(),
        '\r' => r"\\{1,4}r".to_owned(),
        '\\' => r"\\{1,8}".to_owned(),
        '"' => r#"(?:\\{0,4}"|&quot;|&#34;)"#.to_owned(),
        '\'' => r"(?:\\?'|&#39;|&#x27;|&apos;)".to_owned(),
        '&' => "&(?:amp;)?".to_owned(),
        '<' => "(?:<|&lt;)".to_owned(),
        '>' => "(?:>|&gt;)".to_owned(),
        ' ' => r"(?: |\+)".to_owned(),
        _ => format!(r"\\{{0,4}}{plain}"),
    };
    format!("(?:{plain}|{short}|(?i:{unicode}|{percent}))")
}

/// Joins ranges that overlap or touch; they come in order.
fn merged(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// Masks texts that follow each other: a private key that was logged line by line stays masked
/// until its end.
#[derive(Debug)]
pub struct Lines {
    redactor: Redactor,
    inside: bool,
}

impl Lines {
    /// Masks the next text.
    pub fn next(&mut self, text: &str) -> String {
        let ends = text.rfind(rules::KEY_ENDS);
        let begins = text
            .rfind(rules::KEY_BEGINS)
            .filter(|at| rules::is_private(&text[*at..]));
        let was_inside = self.inside;
        self.inside = match (begins, ends) {
            (Some(begins), Some(ends)) => begins > ends,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => was_inside && !looks_done(text),
        };
        if !was_inside {
            return self.redactor.text(text).into_owned();
        }
        let first_end = text.find(rules::KEY_ENDS);
        match first_end {
            Some(at) => format!("{MASK}{}", self.redactor.text(&text[at..])),
            None if !self.inside => self.redactor.text(text).into_owned(),
            None => MASK.to_owned(),
        }
    }
}

/// A key whose end never came: a line with spaces and no base64 is something else.
fn looks_done(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.contains(' ')
        && !text.split(' ').any(|word| word.len() >= 40)
        && !text.contains(':')
}

#[cfg(test)]
mod tests;

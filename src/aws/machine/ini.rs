//! The AWS CLI's configuration files, read as the AWS CLI reads them: with Python's `configparser`.
//!
//! <https://docs.python.org/3/library/configparser.html#supported-ini-file-structure>: a key is divided
//! from its value by `=` or `:`; a comment fills a whole line; a line that is indented further than its
//! key goes on with the value; keys are compared in lower case. Here a byte order mark is passed over,
//! which the AWS CLI does not do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A value, and the line on which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The value. One that spans lines has them all, and begins with a line break where nothing stands
    /// behind its key.
    pub text: String,
    /// The line of its key, from 1.
    pub line: usize,
}

/// A section, in order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What stands in its brackets.
    pub header: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its values, by key in lower case.
    pub values: BTreeMap<String, Value>,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}, line {line}, column {column}: {why}", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub why: String,
}

/// The largest file that is read, in bytes. A file of ten thousand profiles is smaller.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// Reads a file.
///
/// # Errors
/// When the AWS CLI could not read it either.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Section>, Unreadable> {
    let wrong = |line: usize, column: usize, why: String| Unreadable {
        path: path.to_owned(),
        line,
        column,
        why,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() > LARGEST {
        return Err(wrong(1, 1, format!("it is larger than {LARGEST} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let column = before.len() - start.map_or(0, |at| at + 1) + 1;
        let why = "this is not text in UTF-8; save the file as UTF-8".to_owned();
        wrong(line, column, why)
    })?;
    let mut reader = Reader::default();
    for (index, line) in lines(text).enumerate() {
        reader
            .line(index + 1, line)
            .map_err(|(column, why)| wrong(index + 1, column, why))?;
    }
    Ok(reader.finish())
}

/// The lines of a text: they end with LF, CR LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let wide = if text[end..].starts_with("\r\n") {
            2
        } else {
            1
        };
        rest = Some(&text[end + wide..]);
        Some(&text[..end])
    })
}

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    /// The key whose value the next lines may go on with.
    open: Option<String>,
    /// How far the latest key is indented.
    indent: usize,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), (usize, String)> {
        let content = line.trim();
        if content.is_empty() {
            // A blank line belongs to a value that goes on after it.
            if let Some(value) = self.value() {
                value.text.push('\n');
            }
            return Ok(());
        }
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if self.open.is_some() && indent > self.indent {
            if let Some(value) = self.value() {
                value.text.push('\n');
                value.text.push_str(content);
            }
            return Ok(());
        }
        let column = indent + 1;
        if let Some(inside) = content.strip_prefix('[')
            && let Some((header, _)) = inside.rsplit_once(']')
            && !header.is_empty()
        {
            self.begin(header, number);
            self.indent = indent;
            return Ok(());
        }
        let Some(section) = self.sections.last_mut() else {
            let why = "a section such as [default] or [profile NAME] has to stand before this line";
            return Err((column, why.to_owned()));
        };
        let Some(end) = content.find(['=', ':']) else {
            let why = format!(
                "{content:?} is no KEY = VALUE; complete it, or make it a comment with `#`"
            );
            return Err((column, why));
        };
        let key = content[..end].trim().to_lowercase();
        if key.is_empty() {
            return Err((column, "there is no key before this value".to_owned()));
        }
        let text = content[end + 1..].trim().to_owned();
        let value = Value { text, line: number };
        section.values.insert(key.clone(), value);
        self.open = Some(key);
        self.indent = indent;
        Ok(())
    }

    /// A section that stands in a file twice is one.
    fn begin(&mut self, header: &str, line: usize) {
        self.open = None;
        let known = self.sections.iter().position(|one| one.header == header);
        let section = match known {
            Some(at) => self.sections.remove(at),
            None => Section {
                header: header.to_owned(),
                line,
                values: BTreeMap::new(),
            },
        };
        self.sections.push(section);
    }

    fn value(&mut self) -> Option<&mut Value> {
        let key = self.open.as_ref()?;
        self.sections.last_mut()?.values.get_mut(key)
    }

    fn finish(mut self) -> Vec<Section> {
        for value in self
            .sections
            .iter_mut()
            .flat_map(|section| section.values.values_mut())
        {
            let end = value.text.trim_end().len();
            value.text.truncate(end);
        }
        self.sections
    }
}

/// The values of a section inside a value, as those of a service: `\n  endpoint_url = …`.
#[must_use]
pub fn nested(text: &str) -> Option<Vec<(String, String)>> {
    let lines = text.strip_prefix('\n')?.lines();
    lines
        .map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Section> {
        parse(Path::new("config"), text.as_bytes()).unwrap()
    }

    fn value<'a>(sections: &'a [Section], header: &str, key: &str) -> Option<&'a str> {
        let section = sections.iter().find(|one| one.header == header)?;
        section.values.get(key).map(|value| value.text.as_str())
    }

    #[test]
    fn what_the_aws_cli_reads_is_read() {
        for text in [
            "[profile ops]\nregion = eu-central-1\nk = v",
            "[profile ops]\n    region = eu-central-1\n    k = v",
            "[profile ops]\nregion = eu-central-1\n  # main region\nk = v",
            "\u{feff}[profile ops]\nregion = eu-central-1\nk = v",
            "[profile ops]\r\nregion = eu-central-1\r\nk = v\r\n",
            "[profile ops] ; note\nregion: eu-central-1\nk:v",
            "; first\n[profile ops]\n\n\nRegion=eu-central-1\n\n\nK   =   v",
            "[profile ops]\nregion = eu-central-1\n[profile other]\nx = y\n[profile ops]\nk = v",
            "  [profile ops]\nregion = eu-central-1\nk = v",
        ] {
            let sections = read(text);
            let found = |key| value(&sections, "profile ops", key);
            assert_eq!(found("region"), Some("eu-central-1"), "{text:?}");
            assert_eq!(found("k"), Some("v"), "{text:?}");
        }
    }

    #[test]
    fn a_value_keeps_what_the_aws_cli_keeps_of_it() {
        let sections = read("[default]\nregion = eu-central-1   ; the main one\nurl = http://x#y");
        let found = |key| value(&sections, "default", key);
        assert_eq!(found("region"), Some("eu-central-1   ; the main one"));
        assert_eq!(found("url"), Some("http://x#y"));
    }

    #[test]
    fn what_is_indented_further_goes_on() {
        let sections = read(
            "[services dev]\ns3 =\n  endpoint_url = http://a\n  x = y\nssm =\n  endpoint_url = http://b\n",
        );
        let s3 = value(&sections, "services dev", "s3").unwrap();
        assert_eq!(
            nested(s3).unwrap(),
            [
                ("endpoint_url".to_owned(), "http://a".to_owned()),
                ("x".to_owned(), "y".to_owned())
            ]
        );
        let ssm = value(&sections, "services dev", "ssm").unwrap();
        assert_eq!(nested(ssm).unwrap().len(), 1);
        assert_eq!(nested("plain"), None);
    }

    #[test]
    fn what_nobody_can_read_has_its_place() {
        let wrong = |text: &[u8]| parse(Path::new("/c"), text).unwrap_err();
        let words = wrong(b"[profile ops]\nregion = x\njust words\n");
        assert_eq!((words.line, words.column), (3, 1));
        assert!(
            words
                .to_string()
                .starts_with("/c, line 3, column 1: \"just words\"")
        );
        assert_eq!(wrong(b"region = x\n").line, 1);
        let latin = wrong(b"[default]\nx = Z\xfcrich\n");
        assert_eq!((latin.line, latin.column), (2, 6));
        assert_eq!(wrong(b"[default]\n= x\n").line, 2);
    }
}

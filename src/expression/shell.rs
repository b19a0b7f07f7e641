//! Where in a script a quoted value stays one word.
//!
//! Values in shell lines are quoted as one word each. That holds where the shell reads words; it
//! does not hold inside quotes, comments, here-documents and the like. This reads a script as far
//! as it must to know, and trusts no place that it does not understand.

use super::template::Part;
use super::{Expression, Template};

/// A line of a script.
#[derive(Debug, Clone, Copy)]
pub enum ShellLine<'a> {
    /// Without values.
    Text(&'a str),
    /// With values.
    Template(&'a Template),
}

/// What makes everything behind it unsafe: the reader here does not follow it.
const BEYOND: [(&str, &str); 8] = [
    ("<<", "a here-document"),
    ("$'", "a `$'…'` string"),
    ("$\"", "a `$\"…\"` string"),
    ("((", "an arithmetic expression"),
    ("$[", "an arithmetic expression"),
    ("@'", "a here-string"),
    ("@\"", "a here-string"),
    ("<#", "a comment"),
];

/// Where a reader of a script stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    quote: Option<char>,
    comment: bool,
    escaped: bool,
    /// The character before.
    before: Option<char>,
    /// What was met that this reader does not follow.
    beyond: Option<&'static str>,
}

impl Place {
    fn read(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let met = BEYOND.iter().find(|(mark, _)| rest.starts_with(mark));
            if let (Some((_, what)), None | Some('"'), false) = (met, self.quote, self.comment) {
                self.beyond.get_or_insert(what);
            }
            if self.quote == Some('"') && (rest.starts_with("$(") || c == '`') {
                self.beyond.get_or_insert("a command inside quotes");
            }
            self.step(c);
            rest = &rest[c.len_utf8()..];
        }
    }

    fn step(&mut self, c: char) {
        let begins_word = self
            .before
            .is_none_or(|before| " \t\n".contains(before) || ";&|()".contains(before));
        match (self.quote, c) {
            (_, '\n') if self.comment => self.comment = false,
            _ if self.comment => {}
            _ if self.escaped => self.escaped = false,
            (None | Some('"'), '\\') => self.escaped = true,
            (None, '#') if begins_word => self.comment = true,
            (None, '\'' | '"' | '`') => self.quote = Some(c),
            (Some(quote), c) if c == quote => self.quote = None,
            _ => {}
        }
        self.before = Some(c);
    }

    /// Why a value must not stand here.
    fn unsafe_here(self) -> Option<&'static str> {
        match self.quote {
            _ if self.beyond.is_some() => self.beyond,
            Some(_) => Some("quotes"),
            None if self.comment => Some("a comment"),
            None if self.escaped => Some("the reach of a backslash"),
            None if self.before == Some('$') => Some("the reach of a `$`"),
            None => None,
        }
    }
}

/// Finds the first value of a script that the shell might not take as one word: its line, and
/// behind or inside what it stands.
#[must_use]
pub fn unsafe_value<'a>(
    lines: impl IntoIterator<Item = ShellLine<'a>>,
) -> Option<(usize, &'a Expression, &'static str)> {
    let mut place = Place::default();
    for (number, line) in lines.into_iter().enumerate() {
        match line {
            ShellLine::Text(text) => place.read(text),
            ShellLine::Template(template) => {
                for part in &template.parts {
                    match part {
                        Part::Text(text) => place.read(text),
                        Part::Value(expression) => {
                            if let Some(why) = place.unsafe_here() {
                                return Some((number, expression, why));
                            }
                            place.before = Some('\'');
                        }
                    }
                }
            }
        }
        place.read("\n");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(lines: &[&str]) -> Option<&'static str> {
        let all: Vec<Template> = lines
            .iter()
            .map(|line| Template::compile(line).unwrap())
            .collect();
        unsafe_value(all.iter().map(ShellLine::Template)).map(|(_, _, why)| why)
    }

    #[test]
    fn a_value_is_one_word_where_words_are_read() {
        for lines in [
            &["grep {{ x }} 'f'"][..],
            &["a 'b' {{ x }} \"c\"", "d={{ x }}"],
            &["echo \\' {{ x }}"],
            &["echo it\\'s", "# it's a comment", "ps {{ x }}"],
            &["echo a#'b' {{ x }}; kill {{ y }}"],
            &["x=$(cat {{ x }})"],
            &["awk '", "{ print }", "' {{ x }}"],
        ] {
            assert_eq!(why(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_value_anywhere_else_is_found() {
        for lines in [
            &["grep '{{ x }}' f"][..],
            &["echo \"a {{ x }}\""],
            &["`{{ x }}`"],
            &["cat <<EOF", "{{ x }}", "EOF"],
            &["awk '", "/{{ x }}/ { print }", "' f"],
            &["echo \\{{ x }}"],
            &["echo ${{ x }}"],
            &["# {{ x }}"],
            &["true; # {{ x }}"],
            &["echo \"$(echo \"{{ x }}\")\""],
            &["echo \"`echo \"{{ x }}\"`\""],
            &["echo $'it\\'s' {{ x }}"],
            &["echo $(( {{ x }} ))"],
            &["Write-Output @\"", "say \"hi", "{{ x }}", "\"@"],
            &["<#", "{{ x }}", "#>"],
            &["echo 'a", "{{ x }}"],
        ] {
            assert!(why(lines).is_some(), "{lines:?}");
        }
    }
}

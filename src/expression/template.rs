//! Text with `{{ expression }}` in it.

use std::ops::Range;

use super::{CompileError, EvaluateError, Expression, Scope, show, to_json};

/// How a value is written into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// Not at all, and a template that is one expression keeps its value's type.
    Typed,
    /// Not at all: it becomes text that no shell will read.
    Text,
    /// As one word of a POSIX shell.
    Posix,
    /// As one single-quoted string of `PowerShell`.
    PowerShell,
}

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    Value(Expression),
}

/// Why a template could not be written out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An expression in it has no value.
    #[error("`{expression}` has no value: {source}")]
    Evaluate {
        /// The expression.
        expression: String,
        /// Why.
        source: EvaluateError,
    },
    /// A value contains `{{`, which Systems Manager would expand.
    #[error("`{0}` contains {{{{, which Systems Manager would expand; it is not passed on")]
    Braces(String),
    /// A value cannot be quoted for a shell (it holds a NUL character).
    #[error("`{0}` holds a NUL character and cannot be quoted for a shell")]
    Unquotable(String),
}

impl Template {
    /// Compiles a text; expressions stand between `{{` and `}}`.
    ///
    /// # Errors
    /// When a `{{` is not closed, or an expression does not compile. The span is in the text.
    pub fn compile(source: &str) -> Result<Self, CompileError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(open) = source[at..].find("{{").map(|found| at + found) {
            if open > at {
                parts.push(Part::Text(source[at..open].to_owned()));
            }
            let Some(close) = closing(source, open + 2) else {
                return Err(CompileError {
                    message: "this `{{` is never closed; write `}}` after the expression".into(),
                    span: open..open + 2,
                });
            };
            let inner = &source[open + 2..close];
            let shift = |span: Range<usize>| open + 2 + span.start..open + 2 + span.end;
            let expression = Expression::compile(inner).map_err(|error| CompileError {
                span: shift(error.span),
                message: error.message,
            })?;
            parts.push(Part::Value(expression));
            at = close + 2;
        }
        if at < source.len() {
            parts.push(Part::Text(source[at..].to_owned()));
        }
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(expression) => Some(expression),
            Part::Text(_) => None,
        })
    }

    /// Writes it as text, for people. Unknown values show as `‹name›`.
    #[must_use]
    pub fn show(&self, scope: &Scope) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Value(expression) => expression.evaluate(scope).map_or_else(
                    |_| format!("‹{}›", expression.source().trim()),
                    |value| show(&value),
                ),
            })
            .collect()
    }

    /// Writes it as a statement; nothing where any value in it is unknown: half a statement is none.
    #[must_use]
    pub fn state(&self, scope: &Scope) -> Option<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Value(expression) => expression.evaluate(scope).ok().map(|value| show(&value)),
        };
        self.parts.iter().map(part).collect()
    }

    /// Writes it as text, without what is unknown.
    #[must_use]
    pub fn known(&self, scope: &Scope) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(expression) => expression
                .evaluate(scope)
                .ok()
                .filter(|value| !matches!(value, cel::Value::Null))
                .map_or_else(String::new, |value| show(&value)),
        };
        self.parts.iter().map(part).collect()
    }

    /// Fills it for a receiver that reads JSON: a template that is one expression keeps its value's
    /// type. What is not known is `null`, and nothing within a text.
    #[must_use]
    pub fn fill(&self, scope: &Scope) -> serde_json::Value {
        if let [Part::Value(expression)] = self.parts.as_slice() {
            let value = expression.evaluate(scope);
            return value.map_or(serde_json::Value::Null, |value| to_json(&value));
        }
        let text = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(expression) => expression
                .evaluate(scope)
                .map_or_else(|_| String::new(), |value| show(&value)),
        });
        text.collect::<String>().into()
    }

    /// Writes it as a command to copy into a POSIX shell: every value is one quoted word, without
    /// control characters. Unknown values show as `‹name›`.
    #[must_use]
    pub fn command(&self, scope: &Scope) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Value(expression) => {
                    let name = || format!("‹{}›", expression.source().trim());
                    expression.evaluate(scope).map_or_else(
                        |_| name(),
                        |value| {
                            let text: String = written(&value)
                                .chars()
                                .filter(|c| !c.is_control())
                                .collect();
                            quote(expression, &text, Quoting::Posix).unwrap_or_else(|_| name())
                        },
                    )
                }
            })
            .collect()
    }

    /// Writes it as a value for a machine: a template that is one expression keeps its type.
    ///
    /// # Errors
    /// When an expression has no value, or the value may not be passed on.
    pub fn render(
        &self,
        scope: &Scope,
        quoting: Quoting,
    ) -> Result<serde_json::Value, RenderError> {
        if let ([Part::Value(expression)], Quoting::Typed) = (self.parts.as_slice(), quoting) {
            let value = to_json(&evaluate(expression, scope)?);
            refuse_braces(expression, &value)?;
            return Ok(value);
        }
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(expression) => {
                    let value = evaluate(expression, scope)?;
                    refuse_braces(expression, &to_json(&value))?;
                    out.push_str(&quote(expression, &written(&value), quoting)?);
                }
            }
        }
        if out.contains("{{") {
            // A brace of the text and a brace of a value can meet.
            return Err(RenderError::Braces(self.source.clone()));
        }
        Ok(out.into())
    }
}

/// Finds the `}}` that ends an expression, passing over string literals and map literals.
fn closing(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut at, mut quote, mut depth) = (from, None, 0_usize);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn evaluate(expression: &Expression, scope: &Scope) -> Result<cel::Value, RenderError> {
    expression
        .evaluate(scope)
        .map_err(|source| RenderError::Evaluate {
            expression: expression.source().trim().to_owned(),
            source,
        })
}

fn refuse_braces(expression: &Expression, value: &serde_json::Value) -> Result<(), RenderError> {
    let found = match value {
        serde_json::Value::String(text) => text.contains("{{"),
        serde_json::Value::Array(items) => items
            .iter()
            .any(|item| refuse_braces(expression, item).is_err()),
        serde_json::Value::Object(entries) => entries
            .iter()
            .any(|(key, item)| key.contains("{{") || refuse_braces(expression, item).is_err()),
        _ => false,
    };
    if found {
        return Err(RenderError::Braces(expression.source().trim().to_owned()));
    }
    Ok(())
}

/// A value as a machine reads it: text bare, everything else as JSON, with every digit.
fn written(value: &cel::Value) -> String {
    match value {
        cel::Value::String(text) => text.to_string(),
        other => to_json(other).to_string(),
    }
}

fn quote(expression: &Expression, text: &str, quoting: Quoting) -> Result<String, RenderError> {
    let unquotable = || RenderError::Unquotable(expression.source().trim().to_owned());
    match quoting {
        Quoting::Typed | Quoting::Text => Ok(text.to_owned()),
        Quoting::Posix => shlex::try_quote(text)
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| unquotable()),
        // https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
        Quoting::PowerShell if text.contains('\0') => Err(unquotable()),
        // PowerShell takes the typographic quotes for single quotes as well.
        Quoting::PowerShell => Ok(format!(
            "'{}'",
            text.chars()
                .flat_map(|c| {
                    let twice = matches!(c, '\'' | '\u{2018}'..='\u{201b}');
                    std::iter::repeat_n(c, if twice { 2 } else { 1 })
                })
                .collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let mut scope = Scope::default();
        scope.set_json(
            "inputs",
            &json!({"id": "i-1; rm -rf /", "n": 3, "list": ["a", "b"], "ssm": "{{ssm:x}}"}),
        );
        scope
    }

    #[test]
    fn a_lone_expression_keeps_its_type() {
        let template = Template::compile("{{ inputs.list }}").unwrap();
        assert_eq!(
            template.render(&scope(), Quoting::Typed).unwrap(),
            json!(["a", "b"])
        );
    }

    #[test]
    fn a_number_in_a_text_keeps_every_digit() {
        let mut scope = Scope::default();
        scope.set_json("x", &json!({"n": 97.123_456, "i": 7}));
        let render = |text: &str| {
            Template::compile(text)
                .unwrap()
                .render(&scope, Quoting::Text)
                .unwrap()
        };
        assert_eq!(render("{{ x.i }}"), json!("7"));
        assert_eq!(render("at {{ x.n }}"), json!("at 97.123456"));
    }

    #[test]
    fn a_value_in_a_shell_line_is_one_word() {
        let template = Template::compile("ps {{ inputs.id }}").unwrap();
        assert_eq!(
            template.render(&scope(), Quoting::Posix).unwrap(),
            json!("ps 'i-1; rm -rf /'")
        );
    }

    #[test]
    fn a_command_to_copy_holds_one_line_and_whole_words() {
        let mut scope = Scope::default();
        scope.set_json("x", &json!({"v": "a\nreboot; $(b)"}));
        let command = Template::compile("ls {{ x.v }} {{ x.none }}")
            .unwrap()
            .command(&scope);
        assert_eq!(command, "ls 'areboot; $(b)' ‹x.none›");
    }

    #[test]
    fn a_value_with_braces_is_refused() {
        let template = Template::compile("{{ inputs.ssm }}").unwrap();
        assert!(matches!(
            template.render(&scope(), Quoting::Typed),
            Err(RenderError::Braces(_))
        ));
    }

    #[test]
    fn braces_inside_literals_do_not_close() {
        let template = Template::compile("{{ {'a': {'b': \"}}\"}}['a']['b'] }}!").unwrap();
        assert_eq!(
            template.render(&Scope::default(), Quoting::Typed).unwrap(),
            json!("}}!")
        );
    }

    #[test]
    fn an_unclosed_template_is_an_error() {
        assert!(Template::compile("a {{ b").is_err());
    }
}

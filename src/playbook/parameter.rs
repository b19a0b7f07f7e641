//! An action's parameters: values with templates in them.

use serde_json::Value;

use super::vocabulary::{ActionKey, KeyKind};
use crate::document::{Kind, Node, Problem, Problems};
use crate::expression::{
    Expression, Quoting, RenderError, Scope, ShellLine, Template, unsafe_value,
};

/// A value whose texts may hold `{{ }}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// A value without templates.
    Plain(Value),
    /// A text with templates, and how values are quoted in it.
    Text(Template, Quoting),
    /// A list.
    List(Vec<Parameter>),
    /// Names with values.
    Map(Vec<(String, Parameter)>),
}

impl Parameter {
    /// Fills the templates in.
    ///
    /// # Errors
    /// When an expression has no value, or a value may not be passed on.
    pub fn render(&self, scope: &Scope) -> Result<Value, RenderError> {
        match self {
            Self::Plain(value) => Ok(value.clone()),
            Self::Text(template, quoting) => template.render(scope, *quoting),
            Self::List(items) => items.iter().map(|item| item.render(scope)).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), value.render(scope)?)))
                .collect::<Result<serde_json::Map<_, _>, _>>()
                .map(Value::Object),
        }
    }

    /// Writes it for people: what has no value shows as its expression.
    #[must_use]
    pub fn show(&self, scope: &Scope) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template, _) => template.show(scope).into(),
            Self::List(items) => items.iter().map(|item| item.show(scope)).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), value.show(scope)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Lists all its expressions.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::Text(template, _) => template.expressions().collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(_, value)| value.expressions())
                .collect(),
        }
    }
}

/// Reads one key's value as its declaration wants it. `on_expression` sees every expression
/// with its place, so that its variables can be checked.
pub(super) fn read(
    key: &ActionKey,
    node: &Node,
    quoting: Quoting,
    problems: &Problems,
    on_expression: &mut dyn FnMut(&Expression, std::ops::Range<usize>),
) -> Parameter {
    let wanted = match (key.kind, &node.kind) {
        (KeyKind::Text, Kind::String(_))
        | (KeyKind::TextMap | KeyKind::Environment, Kind::Table(_))
        | (KeyKind::Json, _)
        | (KeyKind::Boolean, Kind::Boolean(_))
        | (KeyKind::Number, Kind::Integer(_) | Kind::Float(_)) => None,
        (KeyKind::Integer, Kind::Integer(number)) if *number >= 0 => None,
        (KeyKind::TextList | KeyKind::ShellLines, Kind::Array(_)) => None,
        // One expression may stand for a value of any type: it is checked when it is filled in.
        (
            KeyKind::TextList | KeyKind::Number | KeyKind::Integer | KeyKind::TextMap,
            Kind::String(text),
        ) if text.trim().starts_with("{{") && text.trim().ends_with("}}") => None,
        (KeyKind::Duration, Kind::String(text)) => {
            if !text.contains("{{") && humantime::parse_duration(text).is_err() {
                Some("a duration such as \"30s\", \"15m\" or \"1h\"")
            } else {
                None
            }
        }
        (KeyKind::Text, _) => Some("a string"),
        (KeyKind::TextList, _) => Some("an array of strings"),
        (KeyKind::ShellLines, _) => Some("an array of strings, one shell line each"),
        (KeyKind::TextMap | KeyKind::Environment, _) => {
            Some("a table of strings, { Name = \"value\" }")
        }
        (KeyKind::Duration, _) => Some("a duration such as \"30s\", \"15m\" or \"1h\""),
        (KeyKind::Number, _) => Some("a number"),
        (KeyKind::Integer, _) => Some("a whole number from 0"),
        (KeyKind::Boolean, _) => Some("true or false"),
    };
    if let Some(wanted) = wanted {
        problems.push(
            Problem::error(format!("`{}` is {}", key.name, node.type_name()))
                .at(node.span.clone())
                .help(format!("write {wanted}: {}", key.about)),
        );
        return Parameter::Plain(Value::Null);
    }
    if matches!(
        key.kind,
        KeyKind::TextList | KeyKind::TextMap | KeyKind::Environment | KeyKind::ShellLines
    ) {
        for item in children(node) {
            if !matches!(item.kind, Kind::String(_)) {
                problems.push(
                    Problem::error(format!(
                        "an entry of `{}` is {}",
                        key.name,
                        item.type_name()
                    ))
                    .at(item.span.clone())
                    .help("write a string"),
                );
            }
        }
    }
    let whole = matches!(node.kind, Kind::String(_));
    let quoting = match key.kind {
        KeyKind::ShellLines => quoting,
        KeyKind::Text | KeyKind::Duration | KeyKind::Environment => Quoting::Text,
        // One expression may stand for the whole list or table; then its type is what counts.
        KeyKind::TextList | KeyKind::TextMap if !whole => Quoting::Text,
        _ => Quoting::Typed,
    };
    if let (KeyKind::Environment, Kind::Table(entries)) = (key.kind, &node.kind) {
        let read = |value: &Node, on_expression: &mut dyn FnMut(&Expression, _)| match &value.kind {
            // A secret is read where it is used: its name is all that a parameter may hold.
            Kind::String(text) if secret(text).is_some() => {
                Parameter::Plain(serde_json::json!({ "secret": secret(text) }))
            }
            _ => convert(value, quoting, problems, on_expression),
        };
        return Parameter::Map(
            entries
                .iter()
                .map(|(name, _, value)| (name.clone(), read(value, on_expression)))
                .collect(),
        );
    }
    convert(node, quoting, problems, on_expression)
}

/// The name in `{{ secrets.NAME }}`, where a text is exactly that.
pub(super) fn secret(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let name = inside.strip_prefix("secrets.")?;
    let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.then_some(name)
}

fn children(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Array(items) => items.iter().collect(),
        Kind::Table(entries) => entries.iter().map(|(_, _, value)| value).collect(),
        _ => Vec::new(),
    }
}

fn convert(
    node: &Node,
    quoting: Quoting,
    problems: &Problems,
    on_expression: &mut dyn FnMut(&Expression, std::ops::Range<usize>),
) -> Parameter {
    match &node.kind {
        Kind::String(text) if text.contains("{{") => {
            let compiled = template(text, node, problems, on_expression);
            compiled.map_or(Parameter::Plain(Value::Null), |template| {
                Parameter::Text(template, quoting)
            })
        }
        Kind::Array(items) => {
            let list: Vec<Parameter> = items
                .iter()
                .map(|item| convert(item, quoting, problems, on_expression))
                .collect();
            if matches!(quoting, Quoting::Posix | Quoting::PowerShell) {
                script(items, &list, problems);
            }
            Parameter::List(list)
        }
        Kind::Table(entries) => Parameter::Map(
            entries
                .iter()
                .map(|(key, _, value)| {
                    (
                        key.clone(),
                        convert(value, quoting, problems, on_expression),
                    )
                })
                .collect(),
        ),
        _ => Parameter::Plain(node.to_json()),
    }
}

/// Compiles a template that stands at a node, reporting what is wrong with it in its place.
pub(super) fn template(
    text: &str,
    node: &Node,
    problems: &Problems,
    on_expression: &mut dyn FnMut(&Expression, std::ops::Range<usize>),
) -> Option<Template> {
    match Template::compile(text) {
        Ok(template) => {
            for expression in template.expressions() {
                on_expression(expression, node.span.clone());
            }
            Some(template)
        }
        Err(error) => {
            problems.push(
                Problem::error(error.message)
                    .at(within(node, &error.span))
                    .help("between {{ and }} stands one CEL expression"),
            );
            None
        }
    }
}

/// Moves a span inside a text to the text's place. Escapes in basic strings make it inexact,
/// so it never leaves the node.
pub(super) fn within(node: &Node, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let start = (node.span.start + 1 + span.start).min(node.span.end);
    let end = (node.span.start + 1 + span.end).clamp(start, node.span.end);
    if start == end {
        node.span.clone()
    } else {
        start..end
    }
}

/// Looks at the lines of a script together: a quote that one line opens another closes.
fn script(items: &[Node], list: &[Parameter], problems: &Problems) {
    let lines = list.iter().map(|line| match line {
        Parameter::Text(template, _) => ShellLine::Template(template),
        Parameter::Plain(Value::String(text)) => ShellLine::Text(text),
        _ => ShellLine::Text(""),
    });
    if let Some((number, inside, why)) = unsafe_value(lines)
        && let Some(node) = items.get(number)
    {
        not_a_word(inside, why, node, problems);
    }
}

/// Reports a value that a shell might not take as one word.
pub(super) fn not_a_word(inside: &Expression, why: &str, node: &Node, problems: &Problems) {
    problems.push(
        Problem::error(format!(
            "{{{{ {} }}}} stands inside or behind {why}",
            inside.source().trim()
        ))
        .at(node.span.clone())
        .help("a value in a shell line is quoted as one word by itself: let it stand between spaces, such as `x={{ … }}` in a line above, and use \"$x\" from there on"),
    );
}

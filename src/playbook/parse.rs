//! Reads a playbook from its text.

use std::ops::Range;

use super::model::{
    Answer, Direction, EscalationPlan, Frame, OnFailure, Playbook, Severity, Step, StepId,
};
use super::{Input, InputSource, InputType, Vocabulary, check, parameter};
use super::{environments, steps};
use crate::document::{Kind, Located, Node, Problem, Problems, Reader, Source, parse, sha256};
use crate::expression::{Expression, Template};

/// More steps than this are nobody's tree.
const MOST_STEPS: usize = 500;

/// What came of reading a playbook.
#[derive(Debug)]
pub struct Compiled {
    /// The playbook, when it has no errors.
    pub playbook: Option<Playbook>,
    /// Its id, when it has one that can be read, errors or not.
    pub id: Option<String>,
    /// Everything that is wrong with it, in the order of the text.
    pub problems: Vec<Problem>,
    /// Where the escalation path is named, for the check against the known ones.
    pub escalation_path: Option<Located<String>>,
    /// The playbooks it walks on the way, by step, and where they are named.
    pub calls: Vec<(StepId, Located<String>)>,
}

/// Reads format 1.
#[must_use]
pub(super) fn compile(source: &Source, vocabulary: &Vocabulary) -> Compiled {
    let (root, syntax) = parse(&source.text);
    let problems = Problems::default();
    problems.syntax(syntax);
    let draft = Draft::new(&problems, vocabulary);
    let reader = Reader::new(&root, "the playbook", &problems);
    let id = reader.string("id").map(|id| id.value);
    if reader.entries().is_empty() && problems.any_error() {
        // Nothing could be read: more messages would only repeat the first.
        return Compiled {
            playbook: None,
            id,
            problems: problems.into_sorted(),
            escalation_path: None,
            calls: Vec::new(),
        };
    }
    let (playbook, escalation_path) = playbook(&reader, &draft, source);
    reader.finish();
    if let Some(playbook) = &playbook {
        check::playbook(playbook, &draft);
    }
    Compiled {
        playbook: playbook.filter(|_| !problems.any_error()),
        id,
        calls: draft.calls.take(),
        problems: problems.into_sorted(),
        escalation_path,
    }
}

/// What is collected while reading, for the checks that need the whole.
pub(super) struct Draft<'a> {
    pub problems: &'a Problems,
    pub vocabulary: &'a Vocabulary,
    /// Every expression, where it stands, and the names known only there.
    pub uses: std::cell::RefCell<Vec<Use>>,
    /// Every mention of a step, and where.
    pub targets: std::cell::RefCell<Vec<Target>>,
    /// Every declared output.
    pub outputs: std::cell::RefCell<Vec<Output>>,
    /// Where each step's id stands.
    pub ids: std::cell::RefCell<Vec<(StepId, Range<usize>)>>,
    /// The names of the declared secrets.
    pub secrets: std::cell::RefCell<Vec<String>>,
    /// Those of them that Parameter Store keeps.
    pub stored: std::cell::RefCell<Vec<String>>,
    /// Which steps walk another playbook.
    pub calls: std::cell::RefCell<Vec<(StepId, Located<String>)>>,
}

pub(super) struct Use {
    pub expression: Expression,
    pub span: Range<usize>,
    pub local: Vec<&'static str>,
}

pub(super) struct Target {
    pub to: StepId,
    pub span: Range<usize>,
}

pub(super) struct Output {
    pub name: String,
    pub span: Range<usize>,
    /// Its fields, where they are known before it runs.
    pub fields: Option<Vec<String>>,
}

impl<'a> Draft<'a> {
    fn new(problems: &'a Problems, vocabulary: &'a Vocabulary) -> Self {
        Self {
            problems,
            vocabulary,
            uses: Default::default(),
            targets: Default::default(),
            outputs: Default::default(),
            ids: Default::default(),
            secrets: Default::default(),
            stored: Default::default(),
            calls: Default::default(),
        }
    }

    pub fn uses(&self, expression: &Expression, span: Range<usize>, local: &[&'static str]) {
        self.uses.borrow_mut().push(Use {
            expression: expression.clone(),
            span,
            local: local.to_vec(),
        });
    }

    /// Checks that the secrets an action names are declared.
    pub fn secrets_named(&self, key: &super::ActionKey, node: &Node) {
        let (super::KeyKind::Environment, Kind::Table(entries)) = (key.kind, &node.kind) else {
            return;
        };
        for (_, _, value) in entries {
            let Kind::String(text) = &value.kind else {
                continue;
            };
            if let Some(name) = parameter::secret(text)
                && !self.secrets.borrow().iter().any(|known| known == name)
            {
                self.problems.push(
                    Problem::error(format!("there is no secret `{name}`"))
                        .at(value.span.clone())
                        .help(format!("declare it: [secrets.{name}] from = \"ssm:/…\"")),
                );
            }
        }
    }

    /// Whether an action is handed a secret that Parameter Store keeps.
    pub fn reads_parameters(&self, parameters: &serde_json::Value) -> bool {
        let environment = parameters["environment"].as_object();
        let names = environment.into_iter().flatten();
        let mut names = names.filter_map(|(_, value)| parameter::secret(value.as_str()?));
        names.any(|name| self.stored.borrow().iter().any(|known| known == name))
    }

    /// Reads the id of a step that something leads to.
    pub fn target(&self, reader: &Reader<'_>, key: &'static str) -> StepId {
        let text = reader
            .required(key)
            .and_then(|node| reader.as_string(key, node));
        let Some(text) = text else {
            return StepId::from("");
        };
        let to = StepId::from(text.value.as_str());
        self.targets.borrow_mut().push(Target {
            to: to.clone(),
            span: text.span,
        });
        to
    }

    /// Compiles an expression that stands at a node.
    pub fn expression(&self, node: &Node, key: &str, local: &[&'static str]) -> Option<Expression> {
        let Kind::String(text) = &node.kind else {
            self.problems.push(
                Problem::error(format!("`{key}` is {}", node.type_name()))
                    .at(node.span.clone())
                    .help("write a CEL expression as a string"),
            );
            return None;
        };
        match Expression::compile(text) {
            Ok(expression) => {
                self.uses(&expression, node.span.clone(), local);
                Some(expression)
            }
            Err(error) => {
                self.problems.push(
                    Problem::error(error.message)
                        .at(parameter::within(node, &error.span))
                        .help("write a CEL expression, such as \"cpu.maximum >= 90 && scaling.launched == 0\""),
                );
                None
            }
        }
    }

    /// Compiles a text with `{{ }}` in it.
    pub fn template(
        &self,
        reader: &Reader<'_>,
        key: &'static str,
        local: &[&'static str],
    ) -> Option<Template> {
        reader
            .node(key)
            .and_then(|node| self.template_at(reader, key, node, local))
    }

    pub fn template_at(
        &self,
        reader: &Reader<'_>,
        key: &str,
        node: &Node,
        local: &[&'static str],
    ) -> Option<Template> {
        let text = reader.as_string(key, node)?;
        parameter::template(&text.value, node, self.problems, &mut |expression, span| {
            self.uses(expression, span, local);
        })
    }
}

fn playbook(
    reader: &Reader<'_>,
    draft: &Draft<'_>,
    source: &Source,
) -> (Option<Playbook>, Option<Located<String>>) {
    let text = |key| {
        reader
            .required_string(key)
            .map(|text| text.value)
            .unwrap_or_default()
    };
    reader.required("format");
    reader.integer("format", 1..=1);
    let id = reader.required_string("id");
    if let Some(id) = &id {
        identifier(&id.value, &id.span, draft.problems);
    }
    reader.required("impact");
    reader.required("severities");
    reader.required("incident_types");
    reader.required("answers");
    let severities = reader.choices("severities", &Severity::ALL);
    let inputs = inputs(reader, "inputs", draft, &["alarm"]);
    let environments = environments::environments(reader, draft);
    let secrets = environments::secrets(reader, draft);
    let (escalation, path) = escalation(reader, draft);
    let healing = super::healing::read(reader, draft);
    let steps: Vec<Step> = reader
        .tables("steps")
        .into_iter()
        .map(|step| steps::step(step, draft))
        .collect();
    if steps.len() > MOST_STEPS {
        draft.problems.push(
            Problem::error(format!(
                "the playbook has {} steps, at most {MOST_STEPS} are allowed",
                steps.len()
            ))
            .help("split it, and hand over from one to the other"),
        );
        return (None, path);
    }
    if steps.is_empty() {
        draft
            .problems
            .push(Problem::error("the playbook has no steps").help("add at least one `[[steps]]`"));
        return (None, path);
    }
    let links = reader.table("links").map(|links| {
        links
            .entries()
            .iter()
            .filter_map(|(name, _, node)| Some((name.clone(), links.as_string(name, node)?.value)))
            .collect()
    });
    let playbook = Playbook {
        id: id.map(|id| id.value).unwrap_or_default(),
        name: text("name"),
        summary: text("summary"),
        owner: text("owner"),
        impact: reader
            .integer("impact", 1..=4)
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(3),
        rung: reader
            .integer("rung", 1..=4)
            .and_then(|n| u8::try_from(n).ok())
            // A rule mends by itself; a playbook looks by itself, and a human mends.
            .unwrap_or(if reader.node("healing").is_some() {
                3
            } else {
                2
            }),
        reviewed: date(reader, "reviewed"),
        review_every: reader.duration("review_every"),
        severities,
        incident_types: plain(reader.strings("incident_types")),
        prerequisites: plain(reader.strings("prerequisites")),
        tools: plain(reader.strings("tools")),
        links: links.unwrap_or_default(),
        answers: answers(reader),
        inputs,
        escalation,
        healing,
        start: draft.target(reader, "start"),
        steps,
        frames: Vec::new(),
        hash: sha256(&source.text),
    };
    let own = Frame {
        playbook: playbook.id.clone(),
        inputs: playbook.inputs.clone(),
        environments,
        secrets,
        ..Frame::default()
    };
    let playbook = Playbook {
        frames: vec![own],
        ..playbook
    };
    (Some(playbook), path)
}

pub(super) fn plain(texts: Vec<Located<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

pub(super) fn identifier(id: &str, span: &Range<usize>, problems: &Problems) {
    let fits = id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !fits {
        problems.push(
            Problem::error(format!("{id:?} cannot be an id"))
                .at(span.clone())
                .help("use letters, digits, `-` and `_`, at most 64"),
        );
    }
}

fn date(reader: &Reader<'_>, key: &'static str) -> Option<chrono::NaiveDate> {
    let node = reader.node(key)?;
    let parsed = match &node.kind {
        Kind::Datetime(text) => text.parse().ok(),
        _ => None,
    };
    if parsed.is_none() {
        reader.wrong_type(key, node, "a date such as 2026-11-20");
    }
    parsed
}

fn answers(reader: &Reader<'_>) -> Vec<Answer> {
    reader
        .tables("answers")
        .into_iter()
        .map(|entry| {
            let field = |key| entry.string(key).map(|text| text.value);
            let answer = Answer {
                namespace: field("namespace"),
                metric: field("metric"),
                name: field("name"),
                comparison: entry.choice("comparison", &Direction::ALL),
            };
            let any = Answer {
                comparison: answer.comparison,
                ..Answer::default()
            };
            if answer == any {
                reader.problems().push(
                    Problem::error("this entry of `answers` would match every alarm")
                        .at(entry.span.clone())
                        .help("give at least one of `namespace`, `metric` and `name`"),
                );
            }
            entry.finish();
            answer
        })
        .collect()
}

fn escalation(
    reader: &Reader<'_>,
    draft: &Draft<'_>,
) -> (Option<EscalationPlan>, Option<Located<String>>) {
    let Some(table) = reader.table("escalation") else {
        return (None, None);
    };
    let path = table.required_string("path");
    let triggers = match table.node("triggers") {
        Some(Node {
            kind: Kind::Array(items),
            ..
        }) => items
            .iter()
            .filter_map(|item| draft.expression(item, "triggers", &[]))
            .collect(),
        Some(node) => {
            table.wrong_type("triggers", node, "an array of CEL expressions");
            Vec::new()
        }
        None => Vec::new(),
    };
    table.finish();
    let plan = path.as_ref().map(|path| EscalationPlan {
        path: path.value.clone(),
        triggers,
    });
    (plan, path)
}

/// Reads a table of inputs. `roots` are the variables their sources may read.
pub(super) fn inputs(
    reader: &Reader<'_>,
    key: &'static str,
    draft: &Draft<'_>,
    roots: &[&str],
) -> Vec<Input> {
    let Some(table) = reader.table(key) else {
        return Vec::new();
    };
    table
        .entries()
        .iter()
        .map(|(name, span, node)| {
            variable_name(name, span, draft.problems);
            input(
                name,
                Reader::new(node, format!("input `{name}`"), draft.problems),
                draft,
                roots,
            )
        })
        .collect()
}

fn input(name: &str, reader: Reader<'_>, draft: &Draft<'_>, roots: &[&str]) -> Input {
    reader.required("type");
    let written = reader.string("type");
    let (kind, list) = written
        .as_ref()
        .map_or((InputType::String, false), |written| {
            let inner = written
                .value
                .strip_prefix("list<")
                .and_then(|rest| rest.strip_suffix('>'));
            let word = inner.unwrap_or(&written.value);
            let found = InputType::ALL.iter().find(|(name, _)| *name == word);
            if found.is_none() {
                let names: Vec<&str> = InputType::ALL.iter().map(|(name, _)| *name).collect();
                draft.problems.push(
                    Problem::error(format!("there is no type {:?}", written.value))
                        .at(written.span.clone())
                        .help(format!(
                            "write one of {}, or list<…> of one",
                            names.join(", ")
                        )),
                );
            }
            (
                found.map_or(InputType::String, |(_, kind)| *kind),
                inner.is_some(),
            )
        });
    let from = sources(&reader, draft, roots);
    let pattern = reader
        .string("pattern")
        .and_then(|text| match regex::Regex::new(&text.value) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                draft.problems.push(
                    Problem::error(format!(
                        "`pattern` is not a regular expression: {}",
                        error.to_string().lines().last().unwrap_or_default()
                    ))
                    .at(text.span),
                );
                None
            }
        });
    let mut input = Input {
        name: name.to_owned(),
        kind,
        list,
        from,
        default: None,
        prompt: reader
            .string("prompt")
            .map_or_else(|| format!("{name}?"), |text| text.value),
        pattern,
    };
    if let Some(node) = reader.node("default") {
        match input.accept(&node.to_json()) {
            Ok(value) => input.default = Some(value),
            Err(error) => draft
                .problems
                .push(Problem::error(format!("`default`: {error}")).at(node.span.clone())),
        }
    }
    if input.from.is_empty() && input.default.is_none() && !roots.is_empty() {
        draft.problems.push(
            Problem::error(format!("input `{name}` can never have a value"))
                .at(reader.span.clone())
                .help("add `from = [\"alarm.dimensions.…\", \"ask\"]`, or a `default`"),
        );
    }
    reader.finish();
    input
}

fn sources(reader: &Reader<'_>, draft: &Draft<'_>, roots: &[&str]) -> Vec<InputSource> {
    let mut sources = Vec::new();
    let Some(node) = reader.node("from") else {
        return sources;
    };
    let Kind::Array(items) = &node.kind else {
        reader.wrong_type(
            "from",
            node,
            "an array such as [\"alarm.dimensions.InstanceId\", \"ask\"]",
        );
        return sources;
    };
    for item in items {
        if item.kind == Kind::String("ask".into()) {
            sources.push(InputSource::Ask);
        } else if let Some(expression) = draft.expression(item, "from", &[]) {
            if let Some(other) = expression
                .variables()
                .iter()
                .find(|name| !roots.contains(&name.as_str()))
            {
                draft.problems.push(
                    Problem::error(format!("an input cannot come from `{other}`"))
                        .at(item.span.clone())
                        .help("it can come from `alarm…`, or \"ask\""),
                );
            }
            sources.push(InputSource::Expression(expression));
        }
    }
    sources
}

/// Reports a name that an expression could not spell, or that is taken.
pub(super) fn variable_name(name: &str, span: &Range<usize>, problems: &Problems) {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        problems.push(
            Problem::error(format!("{name:?} cannot be the name of a value"))
                .at(span.clone())
                .help("use letters, digits and `_`, so that expressions can read it"),
        );
    }
}

pub(super) fn on_failure(reader: &Reader<'_>, draft: &Draft<'_>) -> OnFailure {
    let Some(text) = reader.string("on_failure") else {
        return OnFailure::Escalate;
    };
    match text.value.as_str() {
        "escalate" => OnFailure::Escalate,
        "continue" => OnFailure::Continue,
        "stop" => OnFailure::Stop,
        id => {
            let to = StepId::from(id);
            draft.targets.borrow_mut().push(Target {
                to: to.clone(),
                span: text.span,
            });
            OnFailure::Step(to)
        }
    }
}

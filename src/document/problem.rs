//! What is wrong with a document, and how it is shown.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Renderer, Snippet, renderer::DecorStyle};

use super::{Source, is_deceptive};

/// How grave a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The document works; something in it deserves a look.
    Warning,
    /// The document cannot be used.
    Error,
}

/// One thing that is wrong, where it is, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How grave it is.
    pub level: Level,
    /// What is wrong, in one line.
    pub message: String,
    /// Where, in bytes of the document; `None` when it is about the document as a whole.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// Whether the document cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }

    /// Makes an error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            span: None,
            help: None,
        }
    }

    /// Makes a warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::error(message)
        }
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A place where readers leave what they find.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<Problem>>,
    unreadable: Cell<bool>,
    /// How many more there are than are kept, and the worst of them.
    more: Cell<usize>,
    worst: Cell<Option<Level>>,
}

/// As many problems are kept: whoever mends a hundred looks again. More would be memory and time that a
/// hostile file decides about.
const MOST: usize = 100;

impl Problems {
    /// Records one.
    pub fn push(&self, problem: Problem) {
        let mut found = self.found.borrow_mut();
        if found.len() < MOST {
            return found.push(problem);
        }
        // The same may be found twice.
        if !found.contains(&problem) {
            self.more.set(self.more.get() + 1);
            self.worst.set(self.worst.get().max(Some(problem.level)));
        }
    }

    /// Records what the parser could not read. What is missing behind it is not known to be
    /// missing, and is not reported.
    pub fn syntax(&self, problems: Vec<Problem>) {
        self.unreadable.set(!problems.is_empty());
        self.extend(problems);
    }

    /// Records that something is missing, unless the document could not be read to its end.
    pub fn missing(&self, problem: Problem) {
        if !self.unreadable.get() {
            self.push(problem);
        }
    }

    /// Records several.
    pub fn extend(&self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.push(problem);
        }
    }

    /// Returns them in the order of the text, those about the whole document first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.found.into_inner();
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
        problems.dedup();
        let more = self.more.get();
        if let Some(level) = self.worst.get() {
            let noun = if more == 1 {
                "problem is"
            } else {
                "problems are"
            };
            problems.push(Problem {
                level,
                ..Problem::error(format!("{more} more {noun} not listed"))
            });
        }
        problems
    }

    /// Tells whether any of them is an error.
    #[must_use]
    pub fn any_error(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|problem| problem.level == Level::Error)
            || self.worst.get() == Some(Level::Error)
    }
}

/// Renders problems the way rustc does: message, file, line, column, underlined text, help.
#[must_use]
pub fn render(source: &Source, problems: &[Problem], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .decor_style(DecorStyle::Ascii);
    let text = shown(&source.text);
    let mut out = String::new();
    for problem in problems {
        let level = match problem.level {
            Level::Warning => annotate_snippets::Level::WARNING,
            Level::Error => annotate_snippets::Level::ERROR,
        };
        let message = shown(&problem.message);
        let mut group = Group::with_title(level.primary_title(message.as_str()));
        if let Some(span) = &problem.span {
            group = group.element(
                Snippet::source(text.as_str())
                    .path(source.name.as_ref())
                    .annotation(AnnotationKind::Primary.span(clamp(span, &source.text))),
            );
        } else {
            group = group.element(annotate_snippets::Origin::path(source.name.as_ref()));
        }
        let help = problem.help.as_deref().map(shown);
        if let Some(help) = &help {
            group = group.element(annotate_snippets::Level::HELP.message(help.as_str()));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// Replaces what could write to the terminal or reorder its text, byte for byte, so that spans
/// keep their places.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hostile = (c.is_control() && c != '\n') || is_deceptive(c);
        if hostile {
            out.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

fn clamp(span: &Range<usize>, text: &str) -> Range<usize> {
    let floor = |at: usize| {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    // A table's span can run over the rest of the file; its first line says enough.
    let line_end = text[start..]
        .find('\n')
        .map_or(text.len(), |length| start + length);
    start..floor(span.end).clamp(start, line_end)
}

//! What people write into a report: impact, causes, action items.
//!
//! It stands between two marks of the Markdown report. A report that is made again over an old one
//! reads it from there first, so that nothing that was written is lost. The first mark has the hash of
//! what stood there when it was written: it tells what people changed from what the record did.

use super::plain::{lines, one_line};
use crate::document::sha256;
use crate::incident::{ActionItem, Review};

/// Begins the mark that stands before what people write.
const START: &str = "<!-- standdown: what stands below is yours, and is kept · ";
/// Stands after it.
const END: &str = "<!-- standdown: what stands below is written anew -->";
/// Stands where nothing was written yet.
const EMPTY: &str = "_To be written._";
const HINT: &str = "_What is to be done, by whom, until when?_";
const IMPACT: &str = "## Impact";
const CAUSES: &str = "## Contributing causes";
const ACTIONS: &str = "## Action items";

/// What people wrote into a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// It.
    pub review: Review,
    /// The incident that it is of.
    pub incident: String,
    /// The hash of what stood there when the report was written.
    pub base: String,
}

impl Written {
    /// Whether people changed it since the report was written.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.base != hash(&self.review)
    }

    /// Whether it was written over what the record has.
    #[must_use]
    pub fn is_over(&self, review: &Review) -> bool {
        self.base == hash(review)
    }
}

fn hash(review: &Review) -> String {
    let mut hash = sha256(&serde_json::to_string(review).unwrap_or_default());
    hash.truncate(16);
    hash
}

/// Writes the part that people fill in. `impact` is what is known of it without them.
pub(super) fn write(incident: &str, review: &Review, impact: &str) -> String {
    let or_empty = |text: &str| {
        let text = lines(text.trim()).join("\n");
        if text.is_empty() {
            EMPTY.to_owned()
        } else {
            text
        }
    };
    let impact = if review.impact.trim().is_empty() {
        format!("{EMPTY}\n{}", graded(impact))
    } else {
        or_empty(&review.impact)
    };
    let mut out = format!(
        "{START}{incident} · {} -->\n\n{IMPACT}\n\n{impact}\n\n{CAUSES}\n\n{}\n\n{ACTIONS}\n\n",
        hash(review),
        or_empty(&review.causes)
    );
    for item in &review.actions {
        let mark = if item.done { "x" } else { " " };
        let text = one_line(&item.text);
        out.extend(["- [", mark, "] ", &text, "\n"]);
    }
    if review.actions.is_empty() {
        out.extend(["- [ ] ", HINT, "\n"]);
    }
    let more = lines(review.more.trim()).join("\n");
    if !more.is_empty() {
        out.extend(["\n", &more, "\n"]);
    }
    out.extend(["\n", END, "\n"]);
    out
}

/// What is known of the impact without people.
fn graded(impact: &str) -> String {
    format!("_Impact: {impact}._")
}

/// Whether a line is the one that says what is known without people, as any version wrote it.
fn is_known(text: &str) -> bool {
    let begins = ["_Impact: ", "_By its grade: "];
    begins.iter().any(|begin| text.starts_with(begin)) && text.ends_with("._")
}

/// Reads that part from a report; `None` where it is no whole report of this program.
#[must_use]
pub fn read(report: &str) -> Option<Written> {
    let (_, rest) = report.split_once(START)?;
    let (mark, rest) = rest.split_once(" -->")?;
    let (incident, base) = mark.split_once(" · ")?;
    let (own, _) = rest.rsplit_once(END)?;
    let mut review = Review::default();
    let mut section = "";
    for line in own.lines() {
        let known = [IMPACT, CAUSES, ACTIONS];
        let heading = known
            .iter()
            .find(|one| one.eq_ignore_ascii_case(line.trim()));
        if let Some(heading) = heading {
            section = heading;
            continue;
        }
        match line.trim() {
            text if is_known(text) => {}
            text => {
                let text = text.strip_prefix(EMPTY).map_or(text, str::trim_start);
                let line = if text.len() < line.trim().len() {
                    text
                } else {
                    line
                };
                match section {
                    IMPACT => push(&mut review.impact, line),
                    CAUSES => push(&mut review.causes, line),
                    ACTIONS => add(&mut review, line),
                    // What stands before the first heading belongs to the first.
                    _ if !text.is_empty() => push(&mut review.impact, line),
                    _ => {}
                }
            }
        }
    }
    Some(Written {
        review: Review {
            impact: review.impact.trim().to_owned(),
            causes: review.causes.trim().to_owned(),
            more: review.more.trim().to_owned(),
            ..review
        },
        incident: incident.to_owned(),
        base: base.to_owned(),
    })
}

fn push(part: &mut String, line: &str) {
    part.push_str(line.trim_end());
    part.push('\n');
}

/// Adds a line of the action items: an item, what goes on with the one before, or something else that
/// people wrote there.
fn add(review: &mut Review, line: &str) {
    let text = line.trim();
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = (number.len() < text.len()).then(|| {
        number
            .strip_prefix(". ")
            .or_else(|| number.strip_prefix(") "))
    });
    let bullet = ["- ", "* ", "+ "]
        .iter()
        .find_map(|mark| text.strip_prefix(mark));
    let bullet = bullet.or(numbered.flatten()).map(str::trim_start);
    let (done, what) = match bullet.and_then(|rest| rest.split_once(']')) {
        Some(("[ ", what)) => (false, what.trim()),
        Some(("[x" | "[X", what)) => (true, what.trim()),
        _ => (false, bullet.unwrap_or(text).trim()),
    };
    if what == HINT {
        return;
    }
    let goes_on = line.starts_with([' ', '\t']) && review.more.trim().is_empty();
    match (bullet, review.actions.last_mut()) {
        (Some(_), _) if review.more.trim().is_empty() && !what.is_empty() => {
            review.actions.push(ActionItem {
                text: what.to_owned(),
                done,
            });
        }
        (None, Some(before)) if goes_on && !what.is_empty() => {
            before.text = format!("{} {what}", before.text);
        }
        _ => push(&mut review.more, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review() -> Review {
        Review {
            impact: "Orders failed for 12 minutes.\n\nRefunds followed.".into(),
            causes: "- a deployment\n- no alarm on the queue".into(),
            actions: vec![
                ActionItem {
                    text: "alarm on the queue's age (ada, 2026-12-01)".into(),
                    done: false,
                },
                ActionItem {
                    text: "roll back by itself".into(),
                    done: true,
                },
            ],
            more: String::new(),
        }
    }

    #[test]
    fn what_was_written_is_read_again_and_is_no_change() {
        for review in [review(), Review::default()] {
            let read = read(&write("i-1", &review, "customers notice")).unwrap();
            assert_eq!(read.review, review);
            assert!(!read.is_changed() && read.is_over(&review));
        }
        assert_eq!(read("# Something else"), None);
    }

    #[test]
    fn nothing_that_people_write_is_lost() {
        let text = write("i-1", &Review::default(), "customers notice")
            .replacen("_To be written._", "_To be written._ Soon, by ada.", 1)
            .replace(
                "- [ ] _What is to be done, by whom, until when?_",
                "- [ ] an alarm\n  that somebody hears\n* [X] _soon_\n1. plain\n\nAgreed by all.\n\n## Lessons learnt\n\n- read first",
            );
        let read = read(&text).unwrap();
        assert!(read.is_changed());
        assert_eq!(read.review.impact, "Soon, by ada.");
        let items: Vec<(&str, bool)> = read
            .review
            .actions
            .iter()
            .map(|item| (item.text.as_str(), item.done))
            .collect();
        assert_eq!(
            items,
            [
                ("an alarm that somebody hears", false),
                ("_soon_", true),
                ("plain", false),
            ]
        );
        assert_eq!(
            read.review.more,
            "Agreed by all.\n\n## Lessons learnt\n\n- read first"
        );
        let again = write("i-1", &read.review, "x");
        assert_eq!(super::read(&again).unwrap().review, read.review);
    }
}

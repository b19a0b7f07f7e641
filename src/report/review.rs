//! What people write into a report: impact, causes, action items.
//!
//! It stands between two marks of the Markdown report. A report that is made again over an old one
//! reads it from there first, so that nothing that was written is lost.

use super::plain::lines;
use crate::incident::{ActionItem, Review};

/// Stands before what people write.
pub const REVIEW_START: &str = "<!-- standdown: what stands below is yours, and is kept -->";
/// Stands after it.
pub const REVIEW_END: &str = "<!-- standdown: what stands below is written anew -->";
/// Stands where nothing was written yet.
const EMPTY: &str = "_To be written._";
const IMPACT: &str = "## Impact";
const CAUSES: &str = "## Contributing causes";
const ACTIONS: &str = "## Action items";

/// Writes the part that people fill in. `impact` is what is known of it without them.
pub(super) fn write(review: &Review, impact: &str) -> String {
    let or_empty = |text: &str| {
        let text = lines(text.trim()).join("\n");
        if text.is_empty() {
            EMPTY.to_owned()
        } else {
            text
        }
    };
    let impact = if review.impact.trim().is_empty() {
        format!("{EMPTY} By its grade: {impact}.")
    } else {
        or_empty(&review.impact)
    };
    let mut out = format!(
        "{REVIEW_START}\n\n{IMPACT}\n\n{impact}\n\n{CAUSES}\n\n{}\n\n{ACTIONS}\n\n",
        or_empty(&review.causes)
    );
    for item in &review.actions {
        let mark = if item.done { "x" } else { " " };
        let text = lines(&item.text).join(" ");
        out.extend(["- [", mark, "] ", &text, "\n"]);
    }
    if review.actions.is_empty() {
        out.push_str("- [ ] _What is to be done, by whom, until when?_\n");
    }
    out.extend(["\n", REVIEW_END, "\n"]);
    out
}

/// Reads that part from a report; `None` where it is no report of this program.
#[must_use]
pub fn read(report: &str) -> Option<Review> {
    let (_, rest) = report.split_once(REVIEW_START)?;
    let (own, _) = rest.split_once(REVIEW_END)?;
    let mut review = Review::default();
    let mut section = "";
    for line in own.lines() {
        match line.trim() {
            heading @ (IMPACT | CAUSES | ACTIONS) => section = heading,
            text if text.starts_with(EMPTY) => {}
            text if section == ACTIONS => review.actions.extend(item(text)),
            _ => {
                let part = match section {
                    IMPACT => &mut review.impact,
                    CAUSES => &mut review.causes,
                    _ => continue,
                };
                part.push_str(line);
                part.push('\n');
            }
        }
    }
    review.impact = review.impact.trim().to_owned();
    review.causes = review.causes.trim().to_owned();
    Some(review)
}

fn item(line: &str) -> Option<ActionItem> {
    let rest = line.strip_prefix(['-', '*'])?.trim_start();
    let (done, text) = match rest.split_once(']') {
        Some(("[ ", text)) => (false, text),
        Some(("[x" | "[X", text)) => (true, text),
        _ => (false, rest),
    };
    let text = text.trim();
    let hint = text.starts_with('_') && text.ends_with('_');
    (!text.is_empty() && !hint).then(|| ActionItem {
        text: text.to_owned(),
        done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let review = Review {
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
        };
        assert_eq!(read(&write(&review, "x")).as_ref(), Some(&review));
        let empty = Review::default();
        assert_eq!(
            read(&write(&empty, "customers notice")).as_ref(),
            Some(&empty)
        );
        assert_eq!(read("# Something else"), None);
    }
}

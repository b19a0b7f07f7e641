//! What a command wrote on several instances: what is the same once, what differs side by side.

use unicode_width::UnicodeWidthStr as _;

use crate::tui::model::Piece;
use crate::tui::text::column;

/// A column narrower than this shows nothing that could be compared.
const NARROWEST: usize = 24;

/// A group of instances that wrote the same.
struct Group<'a> {
    instances: Vec<&'a str>,
    text: &'a str,
    ended: String,
}

pub(super) fn instances(piece: &Piece<'_>, width: usize) -> Vec<String> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (id, one) in piece.value["instances"].as_object().into_iter().flatten() {
        let failed = one["status"] != "Success";
        let said = |key: &str| one[key].as_str().unwrap_or_default();
        let text = if failed && !said("error").is_empty() {
            said("error")
        } else {
            said("output")
        };
        let mark = if failed { "✗" } else { "✓" };
        let ended = format!("{mark} {}", said("status"));
        let same = |group: &&mut Group<'_>| group.text == text && group.ended == ended;
        match groups.iter_mut().find(same) {
            Some(group) => group.instances.push(id),
            None => groups.push(Group {
                instances: vec![id],
                text,
                ended,
            }),
        }
    }
    let mut lines = vec![format!(
        "{} of {} instances succeeded",
        piece.value["succeeded"], piece.value["total"]
    )];
    let each = (width.min(10_000) / groups.len().max(1)).saturating_sub(3);
    if groups.len() > 1 && each >= NARROWEST && width != usize::MAX {
        lines.push("= stands before lines that are the same everywhere".to_owned());
        lines.extend(side_by_side(&groups, each));
        return lines;
    }
    for group in &groups {
        lines.push(String::new());
        lines.push(format!("{} {}", group.ended, group.instances.join(", ")));
        lines.extend(group.text.lines().map(str::to_owned));
    }
    lines
}

fn side_by_side(groups: &[Group<'_>], each: usize) -> Vec<String> {
    let row = |mark: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| column(cell, each)).collect();
        format!("{mark} {}", cells.join(" │ ").trim_end())
    };
    let heads = groups.iter().map(|group| {
        let names = group.instances.join(", ");
        let most = each.saturating_sub(group.ended.width() + 1);
        let names = if names.width() > most {
            format!(
                "{} instances, {}",
                group.instances.len(),
                group.instances[0]
            )
        } else {
            names
        };
        format!("{} {names}", group.ended)
    });
    let mut lines = vec![row(" ", heads.collect())];
    let texts: Vec<Vec<&str>> = groups
        .iter()
        .map(|group| group.text.lines().collect())
        .collect();
    let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..longest {
        let cells: Vec<&str> = texts
            .iter()
            .map(|text| text.get(at).copied().unwrap_or_default())
            .collect();
        let same = cells.windows(2).all(|pair| pair[0] == pair[1]);
        let mark = if same { "=" } else { " " };
        lines.push(row(mark, cells.into_iter().map(str::to_owned).collect()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_stands_side_by_side_and_what_is_the_same_once() {
        let group = |ids: &[&'static str], text| Group {
            instances: ids.to_vec(),
            text,
            ended: "✓ Success".into(),
        };
        let groups = [
            group(&["i-1", "i-2"], "up\n10 %"),
            group(&["i-3"], "up\n97 %"),
        ];
        let lines = side_by_side(&groups, 20);
        assert!(
            lines[0].contains("i-1, i-2") && lines[0].contains("i-3"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("= up"), "{lines:?}");
        assert!(
            lines[2].starts_with("  10 %") && lines[2].contains("│ 97 %"),
            "{lines:?}"
        );
    }
}

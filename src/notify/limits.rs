//! Texts cut to what receivers take, with the cut stated in the text.

/// Says that something was left out, and how much.
fn mark(left: usize) -> String {
    format!("… [cut: {left} more characters]")
}

/// Cuts a text to so many characters at most, the statement of the cut included.
pub(super) fn characters(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    // The number in the mark may grow with what the mark itself displaces.
    let room = most.saturating_sub(mark(count).chars().count());
    let kept: String = text.chars().take(room).collect();
    format!("{kept}{}", mark(count - room))
        .chars()
        .take(most)
        .collect()
}

/// Cuts a text to so many bytes of UTF-8 at most, the statement of the cut included.
pub(super) fn bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let count = text.chars().count();
    let room = most.saturating_sub(mark(count).len());
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let left = text[end..].chars().count();
    format!("{}{}", &text[..end], mark(left))
}

/// Cuts a text that `escape` makes longer, so that no escape is cut in two.
pub(super) fn escaped(text: &str, most: usize, escape: impl Fn(&str) -> String) -> String {
    let whole = escape(text);
    if whole.chars().count() <= most {
        return whole;
    }
    let count = text.chars().count();
    let room = most.saturating_sub(mark(count).chars().count());
    let (mut kept, mut length, mut taken) = (String::new(), 0, 0);
    let mut letter = [0; 4];
    for c in text.chars() {
        let one = escape(c.encode_utf8(&mut letter));
        length += one.chars().count();
        if length > room {
            break;
        }
        kept.push_str(&one);
        taken += 1;
    }
    format!("{kept}{}", mark(count - taken))
}

/// Cuts a list of lines to what fits, and counts what is left out.
pub(super) fn lines(all: &[String], fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    if fits(all) {
        return all.to_vec();
    }
    let with = |kept: usize| {
        let mut some = all[..kept].to_vec();
        some.push(format!("… [cut: {} more lines]", all.len() - kept));
        some
    };
    let (mut least, mut most) = (0, all.len());
    while least + 1 < most {
        let middle = usize::midpoint(least, most);
        if fits(&with(middle)) {
            least = middle;
        } else {
            most = middle;
        }
    }
    with(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_stated_and_within_the_limit() {
        for most in [40, 100, 3000] {
            let cut = characters(&"ä".repeat(5000), most);
            assert!(
                cut.chars().count() <= most && cut.contains("[cut: "),
                "{cut}"
            );
            let cut = bytes(&"ä".repeat(5000), most);
            assert!(cut.len() <= most && cut.contains("[cut: "), "{cut}");
        }
        assert_eq!(characters("short", 10), "short");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        let escape = |text: &str| text.replace('&', "&amp;");
        for length in 2900..3000 {
            let cut = escaped(&"&".repeat(length), 3000, escape);
            assert!(cut.chars().count() <= 3000);
            let bare = cut.split("… [cut").next().unwrap();
            assert_eq!(bare.len() % 5, 0, "{length}");
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let all: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let kept = lines(&all, |some| some.len() <= 10);
        assert_eq!(kept.len(), 10);
        assert_eq!(
            kept.last().map(String::as_str),
            Some("… [cut: 91 more lines]")
        );
    }
}

//! Tests of the parent module.

use super::super::masking::mask;
use super::super::template::is_like;
use super::*;

fn patterns<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Vec<(String, u64)> {
    let mut tree = Tree::default();
    for line in lines {
        let masked = mask(line.as_ref());
        let subject = Subject {
            level: Level::Other,
            scope: "",
            masked: &masked,
            name: None,
            exact: false,
        };
        tree.add(subject, 1, line.as_ref());
    }
    let mut all: Vec<(String, u64)> = tree
        .into_kept()
        .templates
        .into_iter()
        .map(|(pattern, one)| (pattern, one.count))
        .collect();
    all.sort();
    all
}

#[test]
fn three_words_in_the_same_place_stay_words_and_four_are_a_variable() {
    let line = |city: &&str| format!("rebuilt the index of {city}");
    let cities = ["oslo", "rome", "paris", "lima"];
    assert_eq!(patterns(cities[..3].iter().map(line)).len(), 3);
    assert_eq!(
        patterns(cities.iter().map(line)),
        [("rebuilt the index of *".to_owned(), 4)]
    );
}

#[test]
fn three_identifiers_in_the_same_place_are_a_variable() {
    let line = |domain: &&str| format!("domain {domain} is full");
    let domains = ["root_local", "root_domain", "cluster_backup"];
    assert_eq!(patterns(domains[..2].iter().map(line)).len(), 2);
    assert_eq!(
        patterns(domains.iter().map(line)),
        [("domain * is full".to_owned(), 3)]
    );
}

#[test]
fn a_word_where_others_have_a_number_is_a_variable() {
    assert_eq!(
        patterns(["memory limit is 512 now", "memory limit is unlimited now"]),
        [("memory limit is * now".to_owned(), 2)]
    );
}

#[test]
fn two_places_can_vary_at_once() {
    let words = [
        "oslo", "rome", "paris", "lima", "cairo", "accra", "quito", "hanoi",
    ];
    let lines = words.chunks(2).map(|two| {
        format!(
            "moved the index of {} to the disk of {} again",
            two[0], two[1]
        )
    });
    assert_eq!(
        patterns(lines),
        [("moved the index of * to the disk of * again".to_owned(), 4)]
    );
}

#[test]
fn words_that_say_how_it_ended_never_become_a_variable() {
    let lines = ["opened", "closed", "refused", "reset", "denied"]
        .map(|word| format!("the connection was {word} just now"));
    assert_eq!(patterns(lines).len(), 5);
}

#[test]
fn the_first_word_needs_more_evidence_than_others() {
    let lines = ["getTasks", "getApps", "getUsers", "getRoles", "getKeys"]
        .map(|word| format!("{word} caller has no permission"));
    assert_eq!(patterns(lines).len(), 5);
}

#[test]
fn a_pattern_fits_messages_with_as_many_tokens() {
    assert!(is_like("order * failed", "order * failed"));
    assert!(is_like("order * failed", "order gold failed"));
    assert!(!is_like("order * failed", "order failed"));
    assert!(!is_like("order * failed", "order : failed"));
    assert!(!is_like("order * failed", "order * shipped"));
}

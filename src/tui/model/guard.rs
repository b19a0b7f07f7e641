//! Which keys may answer a question: none that was pressed before it could be read.
//!
//! A burst of keys, a held key or a paste without brackets must never answer a question that
//! nobody has seen. A question takes answers once it has been on the screen for a while; the key
//! that answered the last one takes longer, because a held key repeats after up to a second.

use std::time::{Duration, Instant};

/// How long the key that answered the last question answers no other: the longest time after
/// which a keyboard begins to repeat a key that is held.
const HELD: Duration = Duration::from_secs(1);
/// Presses of the same key that follow each other faster than this come from a held one.
const REPEATS: Duration = Duration::from_millis(150);

/// Which question is on the screen, and since when.
#[derive(Debug, Clone)]
pub struct Guard {
    delay: Duration,
    question: Option<(String, Instant)>,
    pressed: Instant,
    /// When the run of keys began to which the last one belongs.
    burst: Instant,
    answered: Option<(String, Instant)>,
    /// Whether the present key arrived in one piece with others.
    among_others: bool,
}

impl Guard {
    /// Nothing is on the screen yet.
    #[must_use]
    pub fn new(delay: Duration, now: Instant) -> Self {
        Self {
            delay,
            question: None,
            pressed: now,
            burst: now,
            answered: None,
            among_others: false,
        }
    }

    /// Takes note of what is on the screen now.
    pub fn drawn(&mut self, question: Option<String>, at: Instant) {
        let same = |known: &(String, Instant)| Some(&known.0) == question.as_ref();
        if !self.question.as_ref().is_some_and(same) {
            self.question = question.map(|question| (question, at));
        }
    }

    /// Takes note of when a key was pressed.
    pub fn pressed(&mut self, at: Instant) {
        if at.saturating_duration_since(self.pressed) >= REPEATS {
            self.burst = at;
        }
        self.pressed = at;
    }

    /// Takes note of whether the key that follows arrived in one piece with others. Such a key was
    /// hardly pressed by somebody who had read the question.
    pub fn among_others(&mut self, among_others: bool) {
        self.among_others = among_others;
    }

    /// Takes note that the keys so far were worked through: what came meanwhile belongs to them.
    pub fn worked(&mut self, at: Instant) {
        self.pressed = self.pressed.max(at);
    }

    /// Whether a key that is pressed now may answer what is on the screen; if it may, it has.
    pub fn lets(&mut self, question: &str, key: &str) -> bool {
        if self.delay.is_zero() {
            return true;
        }
        let read = self.question.as_ref().is_some_and(|(shown, since)| {
            // However long a run of keys goes on, it answers nothing that came after its beginning.
            shown == question && self.burst.saturating_duration_since(*since) >= self.delay
        });
        let held = self.answered.as_mut().is_some_and(|(last, at)| {
            let gap = self.pressed.saturating_duration_since(*at);
            let held = last == key && gap < HELD;
            // It goes on as long as it repeats.
            if held && gap >= HELD.saturating_sub(REPEATS) {
                *at += REPEATS;
            }
            held
        });
        let lets = read && !held && !self.among_others;
        if lets {
            self.answered = Some((key.to_owned(), self.pressed));
        }
        lets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PROMPT_DELAY;

    /// Presses a key at these milliseconds while questions appear at others; returns when it
    /// answered.
    fn answers(questions: &[(u64, &str)], presses: impl Iterator<Item = u64>) -> Vec<u64> {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut guard = Guard::new(PROMPT_DELAY, start);
        presses
            .filter(|millis| {
                let shown = questions.iter().rfind(|(since, _)| since <= millis);
                let Some((since, question)) = shown else {
                    return false;
                };
                guard.drawn(Some((*question).to_owned()), at(*since));
                guard.pressed(at(*millis));
                guard.lets(question, "1")
            })
            .collect()
    }

    #[test]
    fn a_question_that_has_just_come_takes_no_answer() {
        assert_eq!(
            answers(&[(100, "a")], [50, 150, 399, 600].into_iter()),
            [600]
        );
    }

    #[test]
    fn a_burst_answers_one_question_at_most() {
        let burst = (0..50).map(|n| 1000 + n);
        assert_eq!(answers(&[(0, "a"), (1001, "b")], burst), [1000]);
    }

    #[test]
    fn a_held_key_answers_one_question_however_late_it_begins_to_repeat() {
        for delay in [250, 500, 660, 990] {
            let held = std::iter::once(1000).chain((0..200).map(|n| 1000 + delay + n * 33));
            let questions = [(0, "a"), (1010, "b"), (3000, "c"), (5000, "d")];
            assert_eq!(answers(&questions, held), [1000], "{delay}");
        }
    }

    #[test]
    fn a_key_that_is_pressed_again_answers_the_next_one() {
        let presses = [1000, 1500, 2100].into_iter();
        assert_eq!(answers(&[(0, "a"), (1010, "b")], presses), [1000, 2100]);
    }
}

//! Groups masked messages into templates, online, in the manner of Drain.
//!
//! Messages with the same number and kind of tokens share a bucket. Within a bucket, a position
//! becomes a variable when enough different words were seen there between the same neighbours
//! (Drain, He et al. 2017, decides by similarity alone; counting the different words keeps
//! `Link ok` and `Link error` apart). Memory is bounded: of too many templates, the rarest of
//! the least serious level go first, and their messages are counted.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::levels::Level;
use super::template::{VARYING, Word, covers, differences, hash_of, needed_words, render};
use super::tokens::{Kind, tokens};

/// Templates that survive trimming.
pub(super) const MOST: usize = 2000;
/// Templates that are compared with a new one, in a bucket.
const COMPARED: usize = 200;
/// Sets of positions that are tried for a new template.
const TRIED: usize = 12;
/// Masked messages whose template is remembered.
const REMEMBERED: usize = 8192;

/// What is fixed about a message before its words are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub level: Level,
    /// Messages of different scopes never share a template.
    pub scope: &'a str,
    pub masked: &'a str,
    /// A name that does not come from the pattern.
    pub name: Option<&'a str>,
    /// Whether no other message may share its template unless it has the same words.
    pub exact: bool,
}

/// The templates that were kept, and what was not.
#[derive(Debug)]
pub(super) struct Kept {
    /// Each template with its pattern.
    pub templates: Vec<(String, Template)>,
    /// Messages whose templates were not kept.
    pub dropped: u64,
    /// Templates that were not kept.
    pub dropped_templates: u64,
}

/// Messages that say the same.
#[derive(Debug)]
pub(super) struct Template {
    words: Vec<Word>,
    pub name: Option<Box<str>>,
    pub level: Level,
    pub count: u64,
    pub first: i64,
    pub last: i64,
    pub sample: Box<str>,
    bucket: u64,
    is_general: bool,
}

/// The templates that a new message may belong to.
#[derive(Debug, Default)]
struct Bucket {
    /// Templates in which positions became variables.
    general: Vec<u32>,
    /// The others, each with a hash of its words; the newest last.
    plain: Vec<(u64, u32)>,
}

/// The templates, by bucket.
#[derive(Debug, Default)]
pub(super) struct Tree {
    templates: HashMap<u32, Template>,
    next: u32,
    buckets: HashMap<u64, Bucket>,
    remembered: HashMap<Box<str>, u32>,
    key: String,
    dropped: u64,
    dropped_templates: u64,
}

impl Tree {
    /// Counts a message, at a time in epoch milliseconds.
    pub fn add(&mut self, subject: Subject<'_>, at: i64, sample: &str) {
        self.key.clear();
        self.key.push(char::from(b'0' + subject.level as u8));
        self.key.push_str(subject.scope);
        self.key.push('\n');
        self.key.push_str(subject.masked);
        let known = self.remembered.get(self.key.as_str()).copied();
        let id = match known.filter(|id| self.templates.contains_key(id)) {
            Some(id) => id,
            None => self.learn(subject, at),
        };
        let Some(template) = self.templates.get_mut(&id) else {
            self.dropped += 1;
            return;
        };
        template.count += 1;
        template.first = template.first.min(at);
        if at >= template.last || template.sample.is_empty() {
            template.last = template.last.max(at);
            if *template.sample != *sample {
                template.sample = sample.into();
            }
        }
        if self.templates.len() > 2 * MOST {
            self.trim(MOST);
        }
    }

    /// Finds or makes the template of a message that was not seen in these words before.
    fn learn(&mut self, subject: Subject<'_>, at: i64) -> u32 {
        let words: Vec<Word> = if subject.exact {
            vec![Word::whole(subject.masked)]
        } else {
            tokens(subject.masked).iter().map(Word::new).collect()
        };
        let bucket = bucket(subject, &words);
        let id = self.find(bucket, &words).unwrap_or_else(|| {
            let id = self.next;
            self.next = self.next.wrapping_add(1);
            let plain = &mut self.buckets.entry(bucket).or_default().plain;
            plain.push((hash_of(&words), id));
            self.templates.insert(
                id,
                Template {
                    words,
                    name: subject.name.map(Into::into),
                    level: subject.level,
                    count: 0,
                    first: at,
                    last: at,
                    sample: "".into(),
                    bucket,
                    is_general: false,
                },
            );
            self.merge(bucket, id)
        });
        if self.remembered.len() >= REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(self.key.as_str().into(), id);
        id
    }

    /// Finds the template that covers some words.
    fn find(&self, bucket: u64, words: &[Word]) -> Option<u32> {
        let bucket = self.buckets.get(&bucket)?;
        let covering = |id: &u32| {
            self.templates
                .get(id)
                .is_some_and(|template| covers(&template.words, words))
        };
        bucket.general.iter().copied().find(covering).or_else(|| {
            let hash = hash_of(words);
            let same = bucket.plain.iter().filter(|(other, _)| *other == hash);
            same.map(|(_, id)| *id).find(covering)
        })
    }

    /// Makes a position of a new template a variable when its bucket has enough words for it.
    fn merge(&mut self, bucket: u64, mut id: u32) -> u32 {
        // A merged template can be merged again, with variables elsewhere.
        for _ in 0..4 {
            let Some((positions, members)) = self.siblings(bucket, id) else {
                break;
            };
            id = self.generalise(bucket, id, &positions, &members);
        }
        id
    }

    /// Finds the positions in which enough other templates differ from this one.
    fn siblings(&self, bucket: u64, id: u32) -> Option<(Vec<usize>, Vec<u32>)> {
        let own = &self.templates.get(&id)?.words;
        let bucket = self.buckets.get(&bucket)?;
        let words = own.iter().filter(|word| word.kind != Kind::Mark).count();
        let most = (words * 2 / 5).clamp(1, VARYING);
        let plain = bucket.plain.iter().rev().map(|(_, id)| *id);
        let mut near: Vec<(Vec<usize>, u32)> = Vec::new();
        for other in plain
            .take(COMPARED)
            .chain(bucket.general.iter().copied().take(COMPARED))
        {
            if other != id
                && let Some(template) = self.templates.get(&other)
                && let Some(positions) = differences(own, &template.words, most)
            {
                near.push((positions, other));
            }
        }
        near.sort_by_key(|(positions, _)| positions.len());
        let mut tried: Vec<&[usize]> = Vec::new();
        for (positions, _) in &near {
            if positions.is_empty() || tried.contains(&positions.as_slice()) {
                continue;
            }
            if tried.len() == TRIED {
                break;
            }
            tried.push(positions);
            let members: Vec<u32> = near
                .iter()
                .filter(|(other, _)| other.iter().all(|at| positions.contains(at)))
                .map(|(_, id)| *id)
                .collect();
            if self.is_variable(own, positions, &members) {
                return Some((positions.clone(), members));
            }
        }
        None
    }

    /// Decides whether the words at some positions vary within one template.
    fn is_variable(&self, own: &[Word], positions: &[usize], members: &[u32]) -> bool {
        let constant = own
            .iter()
            .enumerate()
            .filter(|(at, word)| {
                word.kind == Kind::Word && !positions.contains(at) && word.text.len() > 1
            })
            .count();
        if constant == 0 {
            return false;
        }
        let mut needed = 0;
        for at in positions {
            let mut seen: Vec<&Word> = vec![&own[*at]];
            for member in members {
                if let Some(word) = self
                    .templates
                    .get(member)
                    .and_then(|one| one.words.get(*at))
                    && seen.iter().all(|other| other.id != word.id)
                {
                    seen.push(word);
                }
            }
            let need = needed_words(own, *at, &seen, constant);
            needed = needed.max(need);
            if seen.len() < need && positions.len() == 1 {
                return false;
            }
        }
        positions.len() == 1
            || (constant >= 2 * positions.len() && members.len() + 1 >= needed.max(3))
    }

    /// Makes positions of a template variables, and takes in all templates that it covers then.
    fn generalise(&mut self, bucket: u64, id: u32, positions: &[usize], members: &[u32]) -> u32 {
        let Some(mut template) = self.templates.remove(&id) else {
            return id;
        };
        for at in positions {
            if let Some(word) = template.words.get_mut(*at) {
                *word = Word::variable(word.spaced);
            }
        }
        // What is already a variable in a member stays one.
        for other in members
            .iter()
            .filter_map(|member| self.templates.get(member))
        {
            for (word, other) in template.words.iter_mut().zip(&other.words) {
                if other.kind == Kind::Star {
                    word.clone_from(other);
                }
            }
        }
        template.is_general = true;
        if let Some(bucket) = self.buckets.get_mut(&bucket) {
            let templates = &mut self.templates;
            let mut stays = |other: u32| {
                let covered = templates
                    .get(&other)
                    .is_some_and(|one| covers(&template.words, &one.words));
                if covered && let Some(one) = templates.remove(&other) {
                    template.absorb(one);
                }
                !covered && other != id
            };
            bucket.general.retain(|other| stays(*other));
            bucket.plain.retain(|(_, other)| stays(*other));
            bucket.general.push(id);
        }
        self.templates.insert(id, template);
        id
    }

    /// Keeps a number of templates: the more serious ones, and among those the more frequent.
    fn trim(&mut self, kept: usize) {
        if self.templates.len() <= kept {
            return;
        }
        let mut ranks: Vec<(Level, Reverse<u64>, Reverse<u32>)> = self
            .templates
            .iter()
            .map(|(id, one)| (one.level, Reverse(one.count), Reverse(*id)))
            .collect();
        ranks.sort_unstable();
        for (_, _, Reverse(id)) in ranks.drain(kept..) {
            if let Some(one) = self.templates.remove(&id) {
                self.dropped += one.count;
                self.dropped_templates += 1;
            }
        }
        self.remembered.clear();
        self.buckets.clear();
        let mut ids: Vec<u32> = self.templates.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(one) = self.templates.get(&id) {
                let bucket = self.buckets.entry(one.bucket).or_default();
                if one.is_general {
                    bucket.general.push(id);
                } else {
                    bucket.plain.push((hash_of(&one.words), id));
                }
            }
        }
    }

    /// Returns the templates that are kept, with their patterns.
    pub fn into_kept(mut self) -> Kept {
        self.trim(MOST);
        Kept {
            templates: self
                .templates
                .into_values()
                .map(|one| (render(&one.words), one))
                .collect(),
            dropped: self.dropped,
            dropped_templates: self.dropped_templates,
        }
    }
}

impl Template {
    fn absorb(&mut self, other: Self) {
        if other.count == 0 {
            return;
        }
        self.first = if self.count == 0 {
            other.first
        } else {
            self.first.min(other.first)
        };
        if self.count == 0 || other.last > self.last {
            self.last = self.last.max(other.last);
            self.sample = other.sample;
        }
        self.count += other.count;
    }
}

/// Returns the key of the bucket of a message: what never varies within a template.
fn bucket(subject: Subject<'_>, words: &[Word]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (subject.level as u8, subject.scope, words.len()).hash(&mut hasher);
    for word in words {
        if word.kind == Kind::Mark {
            word.id.hash(&mut hasher);
        } else {
            word.spaced.hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;

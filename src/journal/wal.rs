//! SQLite's write-ahead log, read as a file: whether it holds more than SQLite takes from it.
//!
//! A frame counts only if its checksum, which covers all frames before it, is right; SQLite takes
//! the first that is wrong as the log's end. After a power cut that is the end indeed, and what a
//! transaction left that was never committed may stand behind it. Where a commit of the same log
//! follows, something in the middle was damaged, or the disk wrote the frames of the last commit in
//! another order before the power went. The two look alike; what follows is then read as well, as an
//! event that nobody acknowledged is better kept than one lost that somebody did.
//! <https://sqlite.org/fileformat2.html#the_write_ahead_log>

use std::io;
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;
const PAGE: usize = 4096;
/// The magic number of a log whose checksums read little-endian words; with the last bit set they
/// read big-endian ones.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;
/// A page number beyond this is damage: 64 GiB.
const MOST_PAGES: u32 = 1 << 24;

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(four)
}

/// Goes on with a checksum over some bytes, a multiple of eight.
fn checksum(bytes: &[u8], big: bool, (mut one, mut two): (u32, u32)) -> (u32, u32) {
    let read = |four: &[u8]| {
        let mut word = [0; 4];
        word.copy_from_slice(four);
        if big {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    };
    for pair in bytes.chunks_exact(8) {
        one = one.wrapping_add(read(&pair[..4])).wrapping_add(two);
        two = two.wrapping_add(read(&pair[4..])).wrapping_add(one);
    }
    (one, two)
}

fn header_is_right(log: &[u8]) -> bool {
    let big = word(log, 0) & 1 == 1;
    word(log, 0) & !1 == MAGIC
        && word(log, 8) as usize == PAGE
        && checksum(&log[..24], big, (0, 0)) == (word(log, 24), word(log, 28))
}

/// The frames of a log, each with its page.
fn frames(log: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    log[HEADER..].chunks_exact(FRAME + PAGE)
}

/// Tells whether a commit of the present log stands behind a frame that is damaged. A log that cannot be
/// read, or is not there, holds nothing that could be lost.
pub(super) fn is_damaged(path: &Path) -> bool {
    let Ok(log) = std::fs::read(path) else {
        return false;
    };
    if log.is_empty() {
        return false;
    }
    // SQLite writes whole frames: one that was cut, was cut by somebody else, or by a power cut.
    if log.len() < HEADER || !(log.len() - HEADER).is_multiple_of(FRAME + PAGE) {
        return true;
    }
    if !header_is_right(&log) {
        return true;
    }
    let big = word(&log, 0) & 1 == 1;
    let mut sum = (word(&log, 24), word(&log, 28));
    let mut ended = false;
    for frame in frames(&log) {
        let ours = frame[8..16] == log[16..24];
        if ended {
            // The size of the file after a commit; 0 in all other frames.
            let commits = word(frame, 4) != 0;
            if ours && commits {
                return true;
            }
            continue;
        }
        let next = checksum(&frame[FRAME..], big, checksum(&frame[..8], big, sum));
        if ours && next == (word(frame, 16), word(frame, 20)) {
            sum = next;
        } else {
            ended = true;
        }
    }
    false
}

/// Builds a file from the pages that stand in a log, up to its last commit.
pub(super) fn build(path: &Path, file: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let out = std::fs::File::create_new(file)?;
    let log = std::fs::read(path)?;
    if log.len() < HEADER {
        return Ok(());
    }
    let salt = latest_salt(&log);
    let all: Vec<&[u8]> = frames(&log).filter(|frame| frame[8..16] == salt).collect();
    let committed = all.iter().rposition(|frame| word(frame, 4) != 0);
    for frame in all.iter().take(committed.map_or(0, |last| last + 1)) {
        let number = word(frame, 0);
        if (1..=MOST_PAGES).contains(&number) {
            out.write_all_at(&frame[FRAME..], u64::from(number - 1) * PAGE as u64)?;
        }
    }
    Ok(())
}

/// More logs than this have not begun between two frames of one file.
const LOGS: u32 = 10_000;

/// The salt of the latest log in a file. Behind its end stand frames of earlier ones; the first
/// four bytes of the salt go up by one with each log. A frame whose salt is far from most others' is
/// damaged itself.
fn latest_salt(log: &[u8]) -> [u8; 8] {
    let mut counts = std::collections::HashMap::<[u8; 8], usize>::new();
    for frame in frames(log) {
        let mut salt = [0; 8];
        salt.copy_from_slice(&frame[8..16]);
        *counts.entry(salt).or_default() += 1;
    }
    let most = counts.iter().max_by_key(|(_, count)| **count);
    let most = most.map(|(salt, _)| word(salt, 0)).unwrap_or_default();
    let later = |salt: &[u8; 8]| word(salt, 0).wrapping_sub(most);
    counts
        .into_keys()
        .filter(|salt| later(salt) < LOGS)
        .max_by_key(later)
        .unwrap_or_default()
}

/// Makes a copy of a damaged log readable: all checksums are computed anew, so that what follows a
/// damaged page is read. What the damage did to the page itself stays.
pub(super) fn mend(path: &Path) -> io::Result<()> {
    if !is_damaged(path) {
        return Ok(());
    }
    let mut log = std::fs::read(path)?;
    if log.len() < HEADER {
        return Ok(());
    }
    if !header_is_right(&log) {
        let salt = latest_salt(&log);
        let page = u32::try_from(PAGE).unwrap_or_default();
        for (at, value) in [(0, MAGIC), (4, VERSION), (8, page), (12, 0)] {
            log[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        log[16..24].copy_from_slice(&salt);
        let (one, two) = checksum(&log[..24], false, (0, 0));
        log[24..28].copy_from_slice(&one.to_be_bytes());
        log[28..32].copy_from_slice(&two.to_be_bytes());
    }
    let big = word(&log, 0) & 1 == 1;
    let salt = log[16..24].to_vec();
    let mut sum = (word(&log, 24), word(&log, 28));
    let (header, rest) = log.split_at(HEADER);
    let mut mended = header.to_vec();
    for frame in rest.chunks_exact(FRAME + PAGE) {
        // A page number that cannot be, or another log's frame: nothing can be made of it.
        let number = word(frame, 0);
        if frame[8..16] != salt[..] || number == 0 || number > MOST_PAGES {
            continue;
        }
        sum = checksum(&frame[FRAME..], big, checksum(&frame[..8], big, sum));
        mended.extend_from_slice(&frame[..16]);
        mended.extend_from_slice(&sum.0.to_be_bytes());
        mended.extend_from_slice(&sum.1.to_be_bytes());
        mended.extend_from_slice(&frame[FRAME..]);
    }
    std::fs::write(path, mended)
}

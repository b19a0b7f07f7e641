//! A damaged journal is set aside, never overwritten, and what can be read of it is carried over.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};

use super::row::{Row, hash, maybe, number, text, write};
use super::{ALL, Journal, JournalError, Switch, codec, healing, list};
use crate::incident::IncidentId;

/// How long another process may hold the folder's lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// What every SQLite file begins with: <https://sqlite.org/fileformat2.html>
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What became of a damaged journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where the damaged file is now; nothing in it was changed.
    pub aside: PathBuf,
    /// The new journal.
    pub journal: PathBuf,
    /// Incidents carried over.
    pub incidents: usize,
    /// Events carried over.
    pub events: u64,
}

impl std::fmt::Display for Recovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the journal was damaged: it is kept as {}; {} events of {} incidents could be read and are in {} (`standdown verify INCIDENT` says what is missing)",
            self.aside.display(),
            self.events,
            self.incidents,
            self.journal.display()
        )
    }
}

/// Held while a journal is opened or replaced, so that two consoles do not do it at once.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] Flock<std::fs::File>);

impl Lock {
    #[expect(
        clippy::disallowed_methods,
        reason = "on the journal's own thread, for five seconds at most"
    )]
    pub fn take(path: &Path) -> Result<Self, JournalError> {
        let path = beside(path, "lock");
        let failed = |source| JournalError::Folder {
            path: path.clone(),
            source,
        };
        let mut file = super::access::lock_file(&path).map_err(failed)?;
        let began = Instant::now();
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self(lock)),
                Err((back, nix::errno::Errno::EWOULDBLOCK)) if began.elapsed() < PATIENCE => {
                    file = back;
                }
                Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                    return Err(JournalError::Busy {
                        seconds: PATIENCE.as_secs(),
                    });
                }
                Err((_, errno)) => return Err(failed(errno.into())),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A name beside the journal's: `journal.db-lock`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-");
    name.push(suffix);
    name.into()
}

/// The file, its log, and the log's index.
const PARTS: [&str; 3] = ["", "wal", "shm"];

pub(super) fn part(path: &Path, part: &str) -> PathBuf {
    if part.is_empty() {
        path.to_owned()
    } else {
        beside(path, part)
    }
}

/// Reads what can be read of a damaged journal into a new one, and only then moves the damaged one
/// out of the way and the new one into its place.
pub(super) fn set_aside(path: &Path) -> Result<Recovered, JournalError> {
    let failed = |source| JournalError::Folder {
        path: path.to_owned(),
        source,
    };
    let (aside, new) = (free_name(path), beside(path, "new"));
    // One that an earlier attempt left unfinished holds nothing that is not in the damaged file.
    for kind in PARTS {
        remove(&part(&new, kind)).map_err(failed)?;
    }
    super::access::prepare(&new)?;
    let mut fresh = Journal::connect(&new)?;
    let (incidents, events) = salvage(path, &mut fresh).map_err(failed)??;
    fresh
        .connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(fresh);
    for kind in ["wal", "shm"] {
        remove(&part(&new, kind)).map_err(failed)?;
    }
    // Everything is on the disk. From here on whoever opens the journal next does what is left.
    let plan = Plan {
        aside: aside
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        incidents,
        events,
    };
    plan.write(path).map_err(failed)?;
    plan.carry_out(path).map_err(failed)
}

/// What is to be done once the new journal is whole: the damaged one, its log and the log's index get
/// other names, and the new one gets its name. It is written down first: a log that is left beside
/// another file than its own would be taken for that file's.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// The damaged file's name afterwards.
    aside: String,
    incidents: usize,
    events: u64,
}

impl Plan {
    fn place(path: &Path) -> PathBuf {
        beside(path, "recovery")
    }

    /// The plan that somebody left who was interrupted.
    fn read(path: &Path) -> std::io::Result<Option<Self>> {
        match std::fs::read(Self::place(path)) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(std::io::Error::other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let text = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        let draft = beside(path, "recovery-draft");
        remove(&draft)?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&draft, Self::place(path))?;
        sync_folder(path)
    }

    /// Does what is left of it.
    fn carry_out(&self, path: &Path) -> std::io::Result<Recovered> {
        let new = beside(path, "new");
        // The name is one beside the journal, whatever stands in the plan.
        let name = Path::new(&self.aside).file_name().unwrap_or_default();
        let aside = path.with_file_name(name);
        // Where the new one has its name already, what stands there is no longer the damaged one.
        if new.try_exists()? {
            for kind in PARTS {
                let (from, to) = (part(path, kind), part(&aside, kind));
                if !to.try_exists()? {
                    rename(&from, &to)?;
                }
            }
            sync_folder(path)?;
            std::fs::rename(&new, path)?;
            sync_folder(path)?;
        }
        remove(&Self::place(path))?;
        Ok(Recovered {
            aside,
            journal: path.to_owned(),
            incidents: self.incidents,
            events: self.events,
        })
    }
}

/// Gives a file another name, if it is there.
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Puts the names in the folder of a file on the disk.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether a log stands there, and the file that it belongs to is gone or empty.
pub(super) fn is_orphan(path: &Path) -> bool {
    let length = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    length(path) == 0 && length(&part(path, "wal")) > 0
}

/// Whether a journal is there, or one that somebody was interrupted to put there.
pub(super) fn is_there(path: &Path) -> bool {
    path.exists() || Plan::place(path).exists() || beside(path, "new").exists()
}

/// Does what a process left undone that was interrupted while it set a damaged journal aside.
pub(super) fn finish(path: &Path) -> Result<Option<Recovered>, JournalError> {
    let failed = |source| JournalError::Folder {
        path: path.to_owned(),
        source,
    };
    if let Some(plan) = Plan::read(path).map_err(failed)? {
        return plan.carry_out(path).map(Some).map_err(failed);
    }
    let new = beside(path, "new");
    if path.exists() || !new.exists() {
        return Ok(None);
    }
    // An earlier version wrote no plan. What it left of the damaged one is kept apart.
    let aside = free_name(path);
    for kind in ["wal", "shm"] {
        rename(&part(path, kind), &part(&aside, kind)).map_err(failed)?;
    }
    std::fs::rename(&new, path).map_err(failed)?;
    Ok(None)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn free_name(path: &Path) -> PathBuf {
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3fZ");
    beside(path, &format!("damaged-{stamp}"))
}

/// Reads a copy of the damaged file, so that the file itself stays as it is.
fn salvage(
    aside: &Path,
    fresh: &mut Journal,
) -> std::io::Result<Result<(usize, u64), JournalError>> {
    let folder = aside.parent().unwrap_or(Path::new("."));
    let scratch = Scratch(folder.join(format!("{SCRATCH}{}", std::process::id())));
    crate::document::make_folder(&scratch.0)?;
    let mut found = Found::new();
    if is_orphan(aside) {
        // What the log holds of the file is all there is.
        let built = scratch.0.join("built.db");
        super::wal::build(&part(aside, "wal"), &built)?;
        read(&built, &mut found);
        let beside = (&[switches(&built)][..], &imported(&built));
        return Ok(carry_over(found, beside, fresh));
    }
    // What SQLite takes for whole goes first; what stands behind a damaged part of the log comes
    // to it, and takes nothing's place.
    let whole = copy(aside, scratch.0.join("whole.db"))?;
    read(&whole, &mut found);
    let mut switched = vec![switches(&whole)];
    let mut from = imported(&whole);
    if super::wal::is_damaged(&part(aside, "wal")) || found.is_empty() {
        let mended = copy(aside, scratch.0.join("mended.db"))?;
        super::wal::mend(&part(&mended, "wal"))?;
        read(&mended, &mut found);
        if found.is_empty() {
            mend_header(&mended)?;
            read(&mended, &mut found);
        }
        switched.push(switches(&mended));
        from.extend(imported(&mended));
    }
    Ok(carry_over(found, (&switched, &from), fresh))
}

/// Copies a journal and its log.
fn copy(path: &Path, copy: PathBuf) -> std::io::Result<PathBuf> {
    for kind in ["", "wal"] {
        match std::fs::copy(part(path, kind), part(&copy, kind)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => drop(other?),
        }
    }
    Ok(copy)
}

/// The beginning of the name of a folder for copies; behind it stands the process that made it.
const SCRATCH: &str = ".salvage-";

/// Takes away the copies of processes that were killed. They hold nothing that is not in what was set
/// aside.
pub(super) fn tidy(path: &Path) {
    let entries = path.parent().map(std::fs::read_dir);
    for entry in entries.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name();
        let made_by = name.to_str().and_then(|name| name.strip_prefix(SCRATCH));
        let Some(process) = made_by.and_then(|process| process.parse::<i32>().ok()) else {
            continue;
        };
        let gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), None)
            == Err(nix::errno::Errno::ESRCH);
        if process > 0 && gone {
            // One that stays harms nobody.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Removed when it goes out of scope.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // A copy that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file whose first bytes alone are damaged is a database once they are put right.
fn mend_header(copy: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(copy)?;
    if file.metadata()?.len() < 512 {
        return Ok(());
    }
    let pages = u32::try_from(file.metadata()?.len() / 4096).unwrap_or(u32::MAX);
    let mut header = [0_u8; 100];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, MAGIC);
    // Page size 4096, write and read version 2 (a log), no reserved bytes, the fixed fractions.
    put(16, &[0x10, 0x00, 2, 2, 0, 64, 32, 32]);
    // The change counter, and that the number of pages beside it is valid for it.
    put(24, &1_u32.to_be_bytes());
    put(28, &pages.to_be_bytes());
    put(92, &1_u32.to_be_bytes());
    // Schema format 4, text in UTF-8.
    put(44, &4_u32.to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    file.write_all_at(&header, 0)
}

/// Every row that can be read: from the front until it fails, from the back until it fails, and
/// the same within each incident that was seen.
fn read(copy: &Path, found: &mut Found) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(copy, flags) else {
        return;
    };
    // What does not hold together is read as far as it goes; a file that is shorter than it says is
    // read with this alone: https://sqlite.org/pragma.html#pragma_writable_schema
    let _ = connection.pragma_update(None, "writable_schema", true);
    let _ = connection.pragma_update(None, "cell_size_check", true);
    scan(&connection, "", &[], found);
    let seen: std::collections::BTreeSet<IncidentId> = found
        .keys()
        .map(|(id, _)| id.clone())
        .chain(listed(&connection))
        .collect();
    for id in seen {
        scan(&connection, "WHERE incident = ?1", &[&*id.0], found);
    }
}

type Found = std::collections::BTreeMap<(IncidentId, u64), Row>;

/// The incidents that the list names, as far as it can be read.
fn listed(connection: &Connection) -> Vec<IncidentId> {
    let Ok(mut statement) = connection.prepare("SELECT id FROM incident") else {
        return Vec::new();
    };
    statement
        .query_map([], |row| row.get::<_, String>(0))
        .map(|rows| {
            rows.map_while(Result::ok)
                .map(|id| IncidentId(id.into()))
                .collect()
        })
        .unwrap_or_default()
}

fn scan(connection: &Connection, which: &str, parameters: &[&str], found: &mut Found) {
    for order in ["ASC", "DESC"] {
        let query = format!(
            "SELECT incident, sequence, at, by, version, payload, blob, hash FROM event {which} ORDER BY incident {order}, sequence {order}"
        );
        let Ok(mut statement) = connection.prepare(&query) else {
            return;
        };
        let Ok(mut rows) = statement.query(rusqlite::params_from_iter(parameters)) else {
            return;
        };
        // The first error ends this direction.
        while let Ok(Some(row)) = rows.next() {
            if let Ok((id, row)) = whole(connection, row) {
                found.entry((id, row.sequence)).or_insert(row);
            }
        }
    }
}

fn whole(connection: &Connection, row: &rusqlite::Row<'_>) -> rusqlite::Result<(IncidentId, Row)> {
    let blob = maybe(row, 6)?;
    let large = blob.as_ref().and_then(|hash| {
        connection
            .query_row(
                "SELECT CAST(bytes AS TEXT) FROM blob WHERE hash = ?1",
                params![hash],
                |row| text(row, 0),
            )
            .ok()
    });
    let id = text(row, 0)?;
    let row = Row {
        sequence: number(row, 1)?,
        at: row.get_ref(2)?.as_i64().unwrap_or_default(),
        by: text(row, 3)?,
        version: row.get_ref(4)?.as_i64().unwrap_or_default(),
        payload: text(row, 5)?,
        blob,
        hash: hash(row, 7)?,
        large: large.map(Into::into),
    };
    Ok((IncidentId(id.into()), row))
}

/// The healing rules that somebody has switched; nothing where that cannot be read.
fn switches(copy: &Path) -> Option<Vec<Switch>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let found = Connection::open_with_flags(copy, flags)
        .and_then(|connection| healing::switches(&connection));
    found.ok()
}

/// Where incidents were imported from, by id, as it is stored.
type Imports = std::collections::BTreeMap<String, String>;

/// The incidents that were imported, as far as the list can be read.
fn imported(copy: &Path) -> Imports {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = || {
        let connection = Connection::open_with_flags(copy, flags)?;
        let mut query =
            connection.prepare("SELECT id, imported FROM incident WHERE imported IS NOT NULL")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok::<_, rusqlite::Error>(rows.map_while(Result::ok).collect())
    };
    read().unwrap_or_default()
}

/// The latest word on each rule. Where none can be read, somebody may have stopped them all: they
/// stay stopped until somebody says otherwise.
fn latest(read: &[Option<Vec<Switch>>]) -> Vec<Switch> {
    let mut all: Vec<Switch> = read.iter().flatten().flatten().cloned().collect();
    all.sort_by_key(|switch| switch.at);
    if read.iter().all(Option::is_none) {
        all.push(Switch {
            rule: ALL.into(),
            enabled: false,
            by: "the recovery of a damaged journal".into(),
            at: chrono::Utc::now(),
        });
    }
    all
}

fn carry_over(
    rows: Found,
    (switches, imported): (&[Option<Vec<Switch>>], &Imports),
    fresh: &mut Journal,
) -> Result<(usize, u64), JournalError> {
    for switch in latest(switches) {
        fresh.switch_healing(&switch)?;
    }
    // What a damaged row refers to may be lost; the row is worth keeping all the same.
    fresh
        .connection
        .pragma_update(None, "foreign_keys", false)?;
    let transaction = fresh.connection.transaction()?;
    let (mut incidents, mut events) = (0, 0);
    let mut last: Option<IncidentId> = None;
    for ((id, _), row) in rows {
        let event = codec::decode(row.version, &row.payload, row.large.as_deref());
        if last.as_ref() != Some(&id) {
            incidents += 1;
            if !matches!(event, crate::incident::Event::IncidentOpened { .. }) {
                // Its beginning is lost: it is listed, so that somebody looks for it.
                transaction.execute(
                    "INSERT OR IGNORE INTO incident (id, title, severity, status, opened_at) VALUES (?1, '(its beginning was lost)', 'high', 'open', ?2)",
                    params![&*id.0, row.at],
                )?;
            }
            last = Some(id.clone());
        }
        list::remember(&transaction, &id.0, &event, row.at)?;
        // What was recorded elsewhere heals nothing here.
        match imported.get(&*id.0) {
            Some(from) => {
                transaction.execute(
                    "UPDATE incident SET imported = ?2 WHERE id = ?1",
                    params![&*id.0, from],
                )?;
            }
            None => healing::note(&transaction, &id.0, &event, row.at)?,
        }
        write(&transaction, &id, &row)?;
        events += 1;
    }
    transaction.commit()?;
    fresh.connection.pragma_update(None, "foreign_keys", true)?;
    Ok((incidents, events))
}

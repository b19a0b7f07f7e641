//! `standdown automation`: the reviewed Automation documents, and those of the account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::{CliError, FAILURE, SUCCESS, live, on_a_line, printable, say};
use crate::actions::automation::{Outcome, Published, Reviewed, publish, published, same};
use crate::aws::{Aws, Place};
use crate::config::Settings;
use crate::document::{Source, sha256};
use crate::embedded;
use crate::runbook::{self, Runbook};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    /// Whether it puts something into the account.
    pub(super) fn publishes(&self) -> bool {
        matches!(self.command, Command::Publish { .. })
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the reviewed documents, and whether the account has them.
    List {
        /// Ask no account; what is wrong with a document is listed all the same.
        #[arg(long)]
        offline: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what differs between the reviewed documents and those of the account; ends with 1 when
    /// something does.
    Diff {
        /// The documents; all of them unless named.
        names: Vec<String>,
    },
    /// Put the reviewed documents into the account. One that somebody else published under the same
    /// name is left alone.
    Publish {
        /// The documents; all of them unless named.
        names: Vec<String>,
    },
}

/// A reviewed document.
struct Document {
    name: String,
    text: String,
    /// Why it is not to be used, whatever it says.
    unusable: Option<String>,
    origin: String,
}

impl Document {
    /// A file that cannot be read still stands for its name: what nobody could review is not
    /// reviewed, and a text of the binary does not take its place.
    fn read(name: String, path: &Path) -> Self {
        let origin = path.display().to_string();
        let (text, unusable) = match Source::read_kept(path) {
            Ok(source) if is_name(&name) => (source.text.to_string(), None),
            Ok(source) => {
                let why =
                    "AWS has no document of such a name: 3 to 128 letters, digits, `_`, `-` or `.`";
                (source.text.to_string(), Some(why.to_owned()))
            }
            Err(error) => (String::new(), Some(error.to_string())),
        };
        Self {
            name,
            text,
            unusable,
            origin,
        }
    }
}

/// Whether Systems Manager takes a document of this name.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html>
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (3..=128).contains(&name.len()) && name.bytes().all(fits)
}

/// The reviewed documents: those of the folders that are searched for playbooks, in `automation/`,
/// before those of the binary.
fn documents(settings: &Settings) -> Result<Vec<Document>, CliError> {
    let mut all: BTreeMap<String, Document> = BTreeMap::new();
    for folder in settings.playbook_folders() {
        for path in files(&folder.join("automation"))? {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let Some(name) = name.map(str::to_owned) else {
                continue;
            };
            all.entry(name.clone())
                .or_insert_with(|| Document::read(name, &path));
        }
    }
    for (name, text) in embedded::AUTOMATIONS {
        all.entry((*name).to_owned()).or_insert_with(|| Document {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
            unusable: None,
            origin: format!("embedded:automation/{name}.yaml"),
        });
    }
    Ok(all.into_values().collect())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::Said(format!("{}: {error}", folder.display()))),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        // What an editor leaves beside a file begins with a dot.
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && path.extension().is_some_and(|kind| kind == "yaml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// SHA-256 of each reviewed document. One that cannot be read has none, so that nothing that the
/// account holds is the reviewed one.
pub(super) fn reviewed(settings: &Settings) -> Reviewed {
    let hash = |one: &Document| match one.unusable {
        None => sha256(&one.text),
        Some(_) => String::new(),
    };
    match documents(settings) {
        Ok(all) => Reviewed {
            hashes: all
                .iter()
                .map(|one| (one.name.clone(), hash(one)))
                .collect(),
            unknown: None,
        },
        Err(error) => Reviewed {
            hashes: BTreeMap::new(),
            unknown: Some(error.to_string()),
        },
    }
}

/// What is wrong with a document.
fn problems(document: &Document) -> Vec<String> {
    if let Some(why) = &document.unusable {
        return vec![why.clone()];
    }
    match Runbook::parse(&document.text) {
        Ok(runbook) => runbook::check(&runbook),
        Err(error) => vec![error.to_string()],
    }
}

/// What is allowed in a document, and better otherwise.
fn advice(document: &Document) -> Vec<String> {
    Runbook::parse(&document.text)
        .map(|runbook| runbook::advice(&runbook))
        .unwrap_or_default()
}

pub(super) async fn run(arguments: Arguments, settings: &Settings) -> Result<u8, CliError> {
    match arguments.command {
        Command::List { offline, json } => list(settings, offline, json).await,
        Command::Diff { names } => diff(settings, &names).await,
        Command::Publish { names } => publish_all(settings, &names).await,
    }
}

async fn aws(settings: &Settings) -> Result<Arc<Aws>, CliError> {
    Ok(live::pool(settings).at(&Place::default()).await?)
}

/// The documents of these names; all where none is named.
fn named(settings: &Settings, names: &[String]) -> Result<Vec<Document>, CliError> {
    let all = documents(settings)?;
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|one| one.name == **name))
    {
        let known = all.iter().map(|one| one.name.as_str());
        let help = crate::document::nearest(unknown, known)
            .map(|name| format!("; did you mean {name}?"))
            .unwrap_or_default();
        return Err(CliError::Usage(format!(
            "there is no reviewed document {unknown}{help}"
        )));
    }
    let wanted = |one: &Document| names.is_empty() || names.contains(&one.name);
    Ok(all.into_iter().filter(wanted).collect())
}

fn state(document: &Document, known: Option<&Published>) -> String {
    match known {
        None => "not in the account".into(),
        Some(known) if same(known, &document.text) => format!("version {}", known.version),
        Some(known) if known.ours => format!("version {} differs", known.version),
        Some(known) => format!("version {} is somebody else's", known.version),
    }
}

async fn list(settings: &Settings, offline: bool, json: bool) -> Result<u8, CliError> {
    let aws = if offline {
        None
    } else {
        Some(aws(settings).await?)
    };
    let mut code = SUCCESS;
    let mut rows = Vec::new();
    for document in documents(settings)? {
        let problems = problems(&document);
        let known = match &aws {
            Some(aws) if document.unusable.is_none() => Some(published(aws, &document.name).await?),
            _ => None,
        };
        let state = known.as_ref().map(|known| state(&document, known.as_ref()));
        if !problems.is_empty() {
            code = FAILURE;
        }
        let advice = advice(&document);
        rows.push((document, state, problems, advice));
    }
    if json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(document, state, problems, advice)| {
                serde_json::json!({
                    "name": document.name, "sha256": sha256(&document.text), "origin": document.origin,
                    "account": state, "problems": problems, "advice": advice,
                })
            })
            .collect();
        super::print_json(&rows)?;
        return Ok(code);
    }
    for (document, state, problems, advice) in rows {
        let hash = match document.unusable {
            None => format!("{}…", &sha256(&document.text)[..16]),
            Some(_) => "not to be used   ".into(),
        };
        let state = state.unwrap_or_else(|| document.origin.clone());
        say!(
            "{:<28} {hash}  {}",
            on_a_line(&document.name),
            on_a_line(&state)
        );
        for problem in problems {
            say!("    {}", printable(&problem));
        }
        for advised in advice {
            say!("    advice: {}", printable(&advised));
        }
    }
    Ok(code)
}

async fn diff(settings: &Settings, names: &[String]) -> Result<u8, CliError> {
    let aws = aws(settings).await?;
    let mut code = SUCCESS;
    for document in named(settings, names)? {
        if let Some(why) = &document.unusable {
            code = FAILURE;
            say!("{}", on_a_line(&format!("{}: {why}", document.name)));
            continue;
        }
        let known = published(&aws, &document.name).await?;
        if known
            .as_ref()
            .is_some_and(|known| same(known, &document.text))
        {
            continue;
        }
        code = FAILURE;
        say!(
            "{}: {}",
            on_a_line(&document.name),
            state(&document, known.as_ref())
        );
        let Some(known) = known else {
            continue;
        };
        let there = format!("account/{} (version {})", document.name, known.version);
        let changes = diffy::DiffOptions::new()
            .set_original_filename(there)
            .set_modified_filename(document.origin.clone())
            .create_patch(&known.text, &document.text)
            .to_string();
        say!("{}", printable(&changes));
    }
    if code == SUCCESS {
        say!("the account has the reviewed documents");
    }
    Ok(code)
}

async fn publish_all(settings: &Settings, names: &[String]) -> Result<u8, CliError> {
    let documents = named(settings, names)?;
    for document in &documents {
        if let Some(problem) = problems(document).first() {
            return Err(CliError::Said(format!(
                "{}: {problem}; nothing was published",
                document.origin
            )));
        }
    }
    let aws = aws(settings).await?;
    let mut code = SUCCESS;
    for document in documents {
        let said = match publish(&aws, &document.name, &document.text).await? {
            Outcome::Created => "created".to_owned(),
            Outcome::Updated(version) => format!("version {version} is the default now"),
            Outcome::Unchanged => "unchanged".to_owned(),
            Outcome::Foreign => {
                code = FAILURE;
                "left alone: somebody else published a document of this name; tag it `standdown`, or remove it".to_owned()
            }
        };
        say!("{}: {said}", on_a_line(&document.name));
    }
    Ok(code)
}

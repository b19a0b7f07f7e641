//! Systems Manager documents.

use super::super::documents::{Document, parsed};
use super::super::wire::{Failure, Value, map};
use super::super::world::{World, lock};
use super::page;
use crate::document::sha256;

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "DescribeDocument" => describe(world, input),
        "GetDocument" => get(world, input),
        "ListDocuments" => list(world, input),
        "CreateDocument" => create(world, input),
        "UpdateDocument" => update(world, input),
        "UpdateDocumentDefaultVersion" => set_default(world, input),
        "AddTagsToResource" => tag(world, input),
        "ListTagsForResource" => tags(world, input),
        _ => return None,
    })
}

fn unknown(name: &str) -> Failure {
    Failure::new(
        "InvalidDocument",
        format!("Document with name {name} does not exist."),
    )
}

fn found(world: &World, input: &Value) -> Result<(String, Document), Failure> {
    let name = input.text("Name").unwrap_or_default();
    let document = world.document(name).ok_or_else(|| unknown(name))?;
    Ok((name.to_owned(), document))
}

fn number(document: &Document, input: &Value) -> Result<usize, Failure> {
    document
        .number(input.text("DocumentVersion"))
        .ok_or_else(|| {
            Failure::new(
                "InvalidDocumentVersion",
                "The specified document version does not exist.",
            )
        })
}

fn format_of(text: &str) -> &'static str {
    if text.trim_start().starts_with('{') {
        "JSON"
    } else {
        "YAML"
    }
}

fn described(world: &World, name: &str, document: &Document, number: usize) -> Value {
    let text = document.text(number);
    let whole = parsed(text).unwrap_or_default();
    let owner = if document.owned_by_amazon {
        "Amazon"
    } else {
        world.scenario.account.as_str()
    };
    map! {
        "Name": name, "Owner": owner, "Hash": sha256(text), "HashType": "Sha256",
        "DocumentVersion": number.to_string(), "DefaultVersion": document.default.to_string(),
        "LatestVersion": document.versions.len().to_string(), "Status": "Active",
        "DocumentType": "Automation", "SchemaVersion": whole["schemaVersion"].as_str().unwrap_or("0.3"),
        "DocumentFormat": format_of(text), "Description": whole["description"].as_str().unwrap_or_default(),
    }
}

fn describe(world: &World, input: &Value) -> Result<Value, Failure> {
    let (name, document) = found(world, input)?;
    let number = number(&document, input)?;
    Ok(map! { "Document": described(world, &name, &document, number) })
}

fn get(world: &World, input: &Value) -> Result<Value, Failure> {
    let (name, document) = found(world, input)?;
    let number = number(&document, input)?;
    let text = document.text(number);
    Ok(map! {
        "Name": name, "DocumentVersion": number.to_string(), "Status": "Active",
        "Content": text, "DocumentType": "Automation", "DocumentFormat": format_of(text),
    })
}

fn list(world: &World, input: &Value) -> Result<Value, Failure> {
    let mine = input.list("Filters").iter().any(|filter| {
        filter.text("Key") == Some("Owner") && filter.texts("Values").contains(&"Self")
    });
    let all: Vec<Value> = lock(&world.documents)
        .iter()
        .filter(|(_, document)| !(mine && document.owned_by_amazon))
        .map(|(name, document)| described(world, name, document, document.default))
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "DocumentIdentifiers": shown, "NextToken": next })
}

fn content(input: &Value) -> Result<String, Failure> {
    let text = input.text("Content").unwrap_or_default();
    let whole = parsed(text).filter(|whole| whole["mainSteps"].is_array());
    if whole.is_none() {
        return Err(Failure::new(
            "InvalidDocumentContent",
            "The content of the document is neither YAML nor JSON with mainSteps.",
        ));
    }
    Ok(text.to_owned())
}

fn create(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default().to_owned();
    let text = content(input)?;
    let mut all = lock(&world.documents);
    if all.contains_key(&name) {
        return Err(Failure::new(
            "DocumentAlreadyExists",
            format!("Document with name {name} already exists."),
        ));
    }
    let document = Document {
        tags: read_tags(input),
        ..Document::of(text)
    };
    let answer = described(world, &name, &document, 1);
    all.insert(name, document);
    Ok(map! { "DocumentDescription": answer })
}

fn update(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let text = content(input)?;
    let mut all = lock(&world.documents);
    let document = all.get_mut(name).ok_or_else(|| unknown(name))?;
    if document.versions.contains(&text) {
        return Err(Failure::new(
            "DuplicateDocumentContent",
            "The content of the association document matches another document.",
        ));
    }
    document.versions.push(text);
    let answer = described(world, name, document, document.versions.len());
    Ok(map! { "DocumentDescription": answer })
}

fn set_default(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let mut all = lock(&world.documents);
    let document = all.get_mut(name).ok_or_else(|| unknown(name))?;
    let chosen = number(document, input)?;
    document.default = chosen;
    Ok(map! { "Description": map! { "Name": name, "DefaultVersion": chosen.to_string() } })
}

fn read_tags(input: &Value) -> std::collections::BTreeMap<String, String> {
    input
        .list("Tags")
        .iter()
        .filter_map(|tag| {
            Some((
                tag.text("Key")?.to_owned(),
                tag.text("Value").unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn tag(world: &World, input: &Value) -> Result<Value, Failure> {
    let id = input.text("ResourceId").unwrap_or_default();
    let mut all = lock(&world.documents);
    let document = all.get_mut(id).ok_or_else(|| unknown(id))?;
    document.tags.extend(read_tags(input));
    Ok(map! {})
}

fn tags(world: &World, input: &Value) -> Result<Value, Failure> {
    let id = input.text("ResourceId").unwrap_or_default();
    let tags: Vec<(String, String)> = if input.text("ResourceType") == Some("Automation") {
        let none = || Failure::new("InvalidResourceId", format!("there is no {id}"));
        let tags = world.execution(id).ok_or_else(none)?.tags.into_iter();
        tags.map(|key| (key, "standdown".to_owned())).collect()
    } else {
        let document = world.document(id).ok_or_else(|| unknown(id))?;
        document.tags.into_iter().collect()
    };
    let list: Vec<Value> = tags
        .into_iter()
        .map(|(key, value)| map! { "Key": key, "Value": value })
        .collect();
    Ok(map! { "TagList": list })
}

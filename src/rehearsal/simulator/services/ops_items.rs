//! `OpsCenter`'s items: made once per deduplication string, found by their data, resolved.

use super::super::wire::{Failure, Value, map};
use super::super::world::{World, lock};
use super::page;

/// An item.
#[derive(Debug, Clone)]
pub(in crate::rehearsal::simulator) struct OpsItem {
    id: String,
    title: String,
    description: String,
    source: String,
    severity: Option<String>,
    status: String,
    /// Names with values.
    data: Vec<(String, String)>,
}

impl OpsItem {
    fn data(&self, name: &str) -> Option<&str> {
        let found = self.data.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn describe(&self) -> Value {
        let data = self.data.iter().map(|(name, value)| {
            let value = map! { "Value": value.as_str(), "Type": "SearchableString" };
            (name.clone(), value)
        });
        map! {
            "OpsItemId": self.id.as_str(), "Title": self.title.as_str(),
            "Description": self.description.as_str(), "Source": self.source.as_str(),
            "Severity": self.severity.clone(), "Status": self.status.as_str(),
            "OperationalData": Value::Map(data.collect()),
        }
    }
}

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "CreateOpsItem" => create(world, input),
        "GetOpsItem" => get(world, input),
        "DescribeOpsItems" => describe(world, input),
        "UpdateOpsItem" => update(world, input),
        _ => return None,
    })
}

fn required<'a>(input: &'a Value, key: &str) -> Result<&'a str, Failure> {
    let missing = || {
        Failure::new(
            "OpsItemInvalidParameterException",
            format!("{key} is required"),
        )
    };
    input
        .text(key)
        .filter(|text| !text.is_empty())
        .ok_or_else(missing)
}

fn create(world: &World, input: &Value) -> Result<Value, Failure> {
    let (title, description, source) = (
        required(input, "Title")?,
        required(input, "Description")?,
        required(input, "Source")?,
    );
    if title.chars().count() > 1024 || source.chars().count() > 128 {
        return Err(Failure::new(
            "OpsItemInvalidParameterException",
            "Title takes 1024 characters, and Source 128",
        ));
    }
    let data: Vec<(String, String)> = match input.get("OperationalData") {
        Value::Map(entries) => entries
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.text("Value")?.to_owned())))
            .collect(),
        _ => Vec::new(),
    };
    let dedup = data.iter().find(|(name, _)| name == "/aws/dedup");
    let mut items = lock(&world.ops_items);
    let known = items.iter().find(|item| {
        item.status != "Resolved"
            && dedup.is_some_and(|(name, value)| item.data(name) == Some(value))
    });
    if let Some(known) = known {
        return Err(Failure::new(
            "OpsItemAlreadyExistsException",
            format!(
                "An OpsItem with the same deduplication string exists: {}",
                known.id
            ),
        ));
    }
    let id = format!("oi-{:012x}", items.len() + 1);
    items.push(OpsItem {
        id: id.clone(),
        title: title.to_owned(),
        description: description.to_owned(),
        source: source.to_owned(),
        severity: input.text("Severity").map(str::to_owned),
        status: "Open".into(),
        data,
    });
    Ok(map! { "OpsItemId": id })
}

fn get(world: &World, input: &Value) -> Result<Value, Failure> {
    let id = required(input, "OpsItemId")?;
    let items = lock(&world.ops_items);
    let item = items
        .iter()
        .find(|item| item.id == id)
        .ok_or_else(|| not_found(id))?;
    Ok(map! { "OpsItem": item.describe() })
}

fn describe(world: &World, input: &Value) -> Result<Value, Failure> {
    let items = lock(&world.ops_items);
    let filters = input.list("OpsItemFilters");
    let fits = |item: &OpsItem| {
        filters.iter().all(|filter| {
            let values = filter.texts("Values");
            match filter.text("Key").unwrap_or_default() {
                "OperationalData" => values.iter().any(|wanted| {
                    let pair: serde_json::Value = serde_json::from_str(wanted).unwrap_or_default();
                    let (key, value) = (pair["key"].as_str(), pair["value"].as_str());
                    key.is_some_and(|key| item.data(key) == value)
                }),
                "Status" => values.contains(&item.status.as_str()),
                "Source" => values.contains(&item.source.as_str()),
                _ => false,
            }
        })
    };
    let found: Vec<Value> = items
        .iter()
        .filter(|item| fits(item))
        .map(OpsItem::describe)
        .collect();
    let (shown, next) = page(found, input.text("NextToken"), 50)?;
    Ok(map! { "OpsItemSummaries": shown, "NextToken": next })
}

fn update(world: &World, input: &Value) -> Result<Value, Failure> {
    let id = required(input, "OpsItemId")?;
    let mut items = lock(&world.ops_items);
    let item = items
        .iter_mut()
        .find(|item| item.id == id)
        .ok_or_else(|| not_found(id))?;
    if let Some(status) = input.text("Status") {
        status.clone_into(&mut item.status);
    }
    if let Some(description) = input.text("Description") {
        description.clone_into(&mut item.description);
    }
    Ok(map! {})
}

fn not_found(id: &str) -> Failure {
    Failure::new(
        "OpsItemNotFoundException",
        format!("There is no OpsItem {id}"),
    )
}

//! What a diagnostic found, in lines: the first says it in short.

use serde_json::Value;

/// Lines shown of a list.
const MOST: usize = 6;

/// Says what an action of a kind found; `None` for kinds that are shown another way.
pub(super) fn said(kind: &str, value: &Value) -> Option<Vec<String>> {
    Some(match kind {
        "metric" if value.get("each").is_some() => search(value),
        "alarm_history" => history(value),
        "changes" => changes(value),
        "logs_insights" => rows(value),
        "http" => vec![http(value)],
        "tcp" => vec![tcp(value)],
        "tls" => vec![tls(value)],
        "dns" => vec![dns(value)],
        _ => return None,
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "unknown".into(), crate::tui::text::number)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn search(value: &Value) -> Vec<String> {
    let mut lines = vec![format!(
        "{} found · highest {} at {} · lowest {} at {}",
        value["count"],
        text(&value["highest"]),
        number(&value["maximum"]),
        text(&value["lowest"]),
        number(&value["minimum"])
    )];
    let mut each: Vec<(&String, f64)> = value["each"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(label, one)| Some((label, one["last"].as_f64()?)))
        .collect();
    each.sort_by(|a, b| b.1.total_cmp(&a.1));
    lines.extend(
        each.iter()
            .take(MOST)
            .map(|(label, last)| format!("{:>8}  {label}", crate::tui::text::number(*last))),
    );
    lines
}

fn history(value: &Value) -> Vec<String> {
    let flapping = if value["flapping"] == true {
        " · flapping"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "{} changes of state, {} into ALARM · in ALARM for {} min{flapping}",
        value["count"],
        value["alarms"],
        number(&value["minutes_in_alarm"])
    )];
    lines.extend(list(&value["transitions"]).take(MOST).map(|one| {
        format!(
            "{}  {} → {}",
            text(&one["at"]),
            text(&one["from"]),
            text(&one["to"])
        )
    }));
    lines
}

fn changes(value: &Value) -> Vec<String> {
    let more = if value["truncated"] == true {
        ", and more that were not read"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "{} changes, {} deployments{more} · {}",
        value["count"],
        value["deployments"],
        text(&value["delay"])
    )];
    lines.extend(list(&value["changes"]).take(MOST).map(|one| {
        let actor = text(&one["actor"]);
        let who = actor.rsplit_once(':').map_or(actor, |(_, who)| who);
        let failed = one["error"]
            .as_str()
            .map(|error| format!(", refused: {error}"))
            .unwrap_or_default();
        let names: Vec<&str> = list(&one["resources"]).map(text).collect();
        format!(
            "{}  {} by {who}{failed} {}",
            text(&one["at"]),
            text(&one["event"]),
            names.join(" ")
        )
    }));
    lines
}

fn rows(value: &Value) -> Vec<String> {
    let scanned = value["statistics"]["bytes_scanned"]
        .as_f64()
        .map(|bytes| format!(" · {} B scanned", crate::tui::text::number(bytes)))
        .unwrap_or_default();
    let mut lines = vec![format!("{} rows{scanned}", value["count"])];
    lines.extend(list(&value["rows"]).take(MOST).map(|row| {
        let fields: Vec<String> = row
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            })
            .collect();
        fields.join(" · ")
    }));
    lines
}

fn http(value: &Value) -> String {
    let mut parts = vec![
        format!("status {}", value["status"]),
        format!("{} ms", number(&value["latency_ms"])),
    ];
    if let Some(days) = value["certificate"]["days_left"].as_i64() {
        parts.push(format!("certificate good for {days} days"));
    }
    if let Some(matched) = value["matched"].as_bool() {
        parts.push(if matched {
            "body as wanted".into()
        } else {
            "body not as wanted".into()
        });
    }
    parts.join(" · ")
}

fn tcp(value: &Value) -> String {
    if value["open"] == true {
        format!(
            "open at {} · connected in {} ms",
            text(&value["address"]),
            number(&value["connect_ms"])
        )
    } else {
        format!("not open: {}", text(&value["reason"]))
    }
}

fn tls(value: &Value) -> String {
    let trust = if value["trusted"] == true {
        "trusted".to_owned()
    } else {
        format!("not trusted: {}", text(&value["reason"]))
    };
    let name = if value["name_matches"] == true {
        "for this name"
    } else {
        "for another name"
    };
    format!(
        "{trust} · {name} · {} days left · {}",
        value["days_left"],
        text(&value["subject"])
    )
}

fn dns(value: &Value) -> String {
    let records: Vec<&str> = list(&value["records"]).map(text).collect();
    format!(
        "{} · {} · {} ms from {}",
        text(&value["code"]),
        if records.is_empty() {
            "no records".to_owned()
        } else {
            records.join(", ")
        },
        number(&value["latency_ms"]),
        text(&value["resolver"])
    )
}

//! Runs one attempt of a step: its actions side by side, for each item, until a condition holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::actions::{ActionError, Context, Remotes, programs::Programs, run};
use crate::aws::Reach;
use crate::expression::{Expression, Scope, Verdict, show};
use crate::incident::{AttemptResult, AttemptStatus};
use crate::playbook::{Automated, Run, SecretSource};
use crate::redaction::Redactor;

/// More items than this in a `for_each` are a mistake.
const MOST_ITEMS: usize = 200;

/// What an attempt works with.
pub(super) struct Surroundings {
    pub aws: Reach,
    pub secrets: Arc<[(String, SecretSource)]>,
    pub programs: Arc<dyn Programs>,
    pub redactor: Redactor,
    pub scope: Scope,
    /// What is older does not count.
    pub since: Option<DateTime<Utc>>,
    pub speed: f64,
    /// How long the attempt has been running, where it is taken up.
    pub elapsed: Duration,
    /// What it runs at AWS already.
    pub remotes: Remotes,
}

/// What is left at least to an attempt that is taken up: enough for one look at what it runs.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// Runs an attempt to its one end, within the step's time-out.
pub(super) async fn attempt(automated: &Automated, surroundings: Surroundings) -> AttemptResult {
    // Time goes on while nobody looks; what ended meanwhile is still fetched.
    let left = automated.timeout.saturating_sub(surroundings.elapsed);
    let deadline = Instant::now() + left.max(LAST_LOOK.min(automated.timeout));
    let late = || {
        format!(
            "it took longer than {}",
            humantime::format_duration(automated.timeout)
        )
    };
    // What the last look found is told, also where the next one is cut off.
    let last = Mutex::new(None);
    match timeout_at(deadline, within(automated, surroundings, deadline, &last)).await {
        Ok(Ok(output)) => AttemptResult::succeeded(output),
        Ok(Err(error)) => AttemptResult {
            judged: error.read,
            missing: error.missing,
            ..AttemptResult::ended(error.status, error.message, error.output)
        },
        Err(_) => match last.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(look) => AttemptResult {
                judged: Some(look.verdict),
                ..AttemptResult::ended(AttemptStatus::TimedOut, look.why, Some(look.output))
            },
            None => AttemptResult::ended(AttemptStatus::TimedOut, late(), None),
        },
    }
}

/// The last time that an `until` was looked at, of what was read whole.
struct Look {
    output: Value,
    verdict: Verdict,
    why: String,
}

impl Look {
    fn of(until: &Expression, output: Value, scope: &Scope) -> Self {
        let explained = until.explain(scope);
        let source = until.source();
        let why = match (explained.verdict, &explained.error) {
            (Verdict::Unknown, Some(error)) => format!("{source} cannot be computed: {error}"),
            (Verdict::Unknown, None) => {
                let unknown: Vec<&str> = explained.unknown().collect();
                format!("{source} is unknown: no value for {}", unknown.join(", "))
            }
            _ => format!("{source} was not met in time"),
        };
        Self {
            output,
            verdict: explained.verdict,
            why,
        }
    }
}

async fn within(
    automated: &Automated,
    surroundings: Surroundings,
    deadline: Instant,
    last: &Mutex<Option<Look>>,
) -> Result<Value, ActionError> {
    let mut context = Context {
        aws: surroundings.aws.clone(),
        secrets: surroundings.secrets.clone(),
        programs: Arc::clone(&surroundings.programs),
        redactor: surroundings.redactor.clone(),
        deadline,
        speed: surroundings.speed,
        since: surroundings.since,
        remotes: surroundings.remotes.clone(),
        run: String::new(),
    };
    let every =
        Duration::from_secs_f64((automated.every.as_secs_f64() / surroundings.speed).max(0.05));
    loop {
        let result = for_each(automated, &surroundings.scope, &context).await;
        let Some(until) = &automated.until else {
            return result;
        };
        let mut scope = surroundings.scope.clone();
        let look = result.as_ref().ok().map(|output| {
            // What `until` reads includes the step's own values; the core computes them again.
            let _ = automated.complete(output.clone(), &mut scope);
            Look::of(until, output.clone(), &scope)
        });
        if look
            .as_ref()
            .is_some_and(|look| look.verdict == Verdict::True)
        {
            return result;
        }
        let (verdict, why) = match &look {
            Some(look) => (Some(look.verdict), look.why.clone()),
            None => (None, format!("{} is unknown", until.source())),
        };
        // A read that fails after one that did not leaves nothing known of now.
        *last.lock().unwrap_or_else(PoisonError::into_inner) = look;
        if Instant::now() + every >= deadline {
            let output = result
                .as_ref()
                .map_or_else(|error| error.output.clone(), |output| Some(output.clone()));
            let failed = result
                .err()
                .map(|error| format!("; the last read failed: {}", error.message))
                .unwrap_or_default();
            return Err(ActionError {
                output,
                read: verdict,
                ..ActionError::timed_out(format!("{why}{failed}"))
            });
        }
        sleep(every).await;
        // What was taken up has been looked at; the next look is a new one.
        context.remotes = context.remotes.anew();
    }
}

async fn for_each(
    automated: &Automated,
    scope: &Scope,
    context: &Context,
) -> Result<Value, ActionError> {
    let Some(list) = &automated.for_each else {
        return side_by_side(automated, scope, context, "").await;
    };
    let items = match list.evaluate(scope) {
        Ok(cel::Value::List(items)) => items,
        Ok(other) => {
            return Err(ActionError::failed(format!(
                "`for_each` is {}, not a list",
                show(&other)
            )));
        }
        Err(error) => {
            return Err(ActionError::failed(format!(
                "`for_each` has no value: {error}"
            )));
        }
    };
    if items.len() > MOST_ITEMS {
        return Err(ActionError::failed(format!(
            "`for_each` has {} items, at most {MOST_ITEMS} are run",
            items.len()
        )));
    }
    let results: Vec<(String, Result<Value, ActionError>)> = stream::iter(items.iter().cloned())
        .map(|item| async move {
            let mut scope = scope.clone();
            let key = show(&item);
            scope.set("item", item);
            let result = side_by_side(automated, &scope, context, &key).await;
            (key, result)
        })
        .buffered(automated.max_parallel)
        .collect()
        .await;
    gather(results)
}

/// Puts named results together. What failed says so in its place, with what it captured.
fn gather(results: Vec<(String, Result<Value, ActionError>)>) -> Result<Value, ActionError> {
    let mut output = Map::new();
    let mut failures: Vec<String> = Vec::new();
    let mut status = AttemptStatus::Failed;
    // As long as one of them may find something else, all are asked again.
    let mut missing = true;
    for (name, result) in results {
        let value = match result {
            Ok(value) => marked(value, true, None),
            Err(error) => {
                if error.status == AttemptStatus::TimedOut {
                    status = AttemptStatus::TimedOut;
                }
                missing &= error.missing;
                failures.push(format!("{name}: {}", error.message));
                let output = error.output.unwrap_or_else(|| json!({}));
                let mut value = marked(output, false, Some(&error.message));
                if error.read.is_some() {
                    value["read"] = true.into();
                }
                value
            }
        };
        output.insert(name, value);
    }
    if failures.is_empty() {
        return Ok(output.into());
    }
    Err(ActionError {
        status,
        message: failures.join("; "),
        output: Some(output.into()),
        refused: false,
        read: None,
        missing,
    })
}

fn marked(value: Value, ok: bool, reason: Option<&str>) -> Value {
    let mut fields = match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    fields.insert("ok".into(), ok.into());
    if let Some(reason) = reason {
        fields.insert("reason".into(), reason.into());
    }
    fields.into()
}

async fn side_by_side(
    automated: &Automated,
    scope: &Scope,
    context: &Context,
    item: &str,
) -> Result<Value, ActionError> {
    if !automated.named_runs {
        let Some(only) = automated.runs.first() else {
            return Err(ActionError::failed("the step has nothing to run"));
        };
        return one(only, scope, context, item).await;
    }
    let mut results: HashMap<&str, Result<Value, ActionError>> = HashMap::new();
    let mut waiting: Vec<&Run> = automated.runs.iter().collect();
    let mut scope = scope.clone();
    while !waiting.is_empty() {
        let (now, later): (Vec<&Run>, Vec<&Run>) = waiting.into_iter().partition(|run| {
            run.after
                .as_deref()
                .is_none_or(|after| results.contains_key(after))
        });
        let ended = join_all(now.iter().map(|run| {
            let failed = run.after.as_deref().and_then(|after| {
                let error = results.get(after)?.as_ref().err()?;
                Some(ActionError {
                    missing: error.missing,
                    ..ActionError::failed(format!("`{after}` failed before it"))
                })
            });
            let scope = &scope;
            async move {
                match failed {
                    Some(error) => Err(error),
                    None => one(run, scope, context, item).await,
                }
            }
        }))
        .await;
        results.extend(now.iter().map(|run| run.name.as_str()).zip(ended));
        if let Some(name) = &automated.output {
            let so_far: Map<String, Value> = results
                .iter()
                .filter_map(|(name, result)| {
                    Some(((*name).to_owned(), result.as_ref().ok()?.clone()))
                })
                .collect();
            scope.set_json(name.clone(), &so_far.into());
        }
        waiting = later;
    }
    let ordered = automated
        .runs
        .iter()
        .filter_map(|run| Some((run.name.clone(), results.remove(run.name.as_str())?)))
        .collect();
    gather(ordered)
}

async fn one(
    only: &Run,
    scope: &Scope,
    context: &Context,
    item: &str,
) -> Result<Value, ActionError> {
    let parameters = only
        .parameters
        .render(scope)
        .map_err(|error| ActionError::failed(error.to_string()))?;
    if only.mutating {
        // The checks of a playbook see to it; this is the last door.
        return Err(ActionError::failed(
            "a change is not made without an approval",
        ));
    }
    let (profile, region) = only.at(scope).map_err(ActionError::failed)?;
    let context = Context {
        aws: context.aws.elsewhere(profile, region),
        run: format!("{}/{item}", only.name),
        ..context.clone()
    };
    run(only.kind, parameters, &context).await
}

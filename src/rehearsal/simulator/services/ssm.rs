//! Systems Manager: managed instances and Run Command.

use super::super::commands::{Invocation, Sent};
use super::super::wire::{Failure, Value, map};
use super::super::world::World;
use super::automation;
use super::documents;
use super::ops_items;
use super::page;
use crate::rehearsal::scenario::{Calendar, Instance};

/// Where GetCommandInvocation cuts an output, and ListCommandInvocations.
const OUTPUT: usize = 24_000;
const ERRORS: usize = 8_000;
const LISTED: usize = 2_500;

pub(super) fn answer(
    world: &World,
    operation: &str,
    input: &Value,
) -> Option<Result<Value, Failure>> {
    Some(match operation {
        "SendCommand" => send_command(world, input),
        "GetCommandInvocation" => get_command_invocation(world, input),
        "ListCommandInvocations" => list_command_invocations(world, input),
        "ListCommands" => list_commands(world, input),
        "GetParameter" => get_parameter(world, input),
        "DescribeMaintenanceWindows" => describe_windows(world, input),
        "DescribeMaintenanceWindowExecutions" => describe_window_executions(world, input),
        "DescribeMaintenanceWindowSchedule" => describe_window_schedule(world, input),
        "CancelCommand" => cancel_command(world, input),
        "StartAutomationExecution" => automation::start(world, input),
        "GetAutomationExecution" => automation::get(world, input),
        "DescribeAutomationExecutions" => automation::describe(world, input),
        "StopAutomationExecution" => automation::stop(world, input),
        "DescribeInstanceInformation" => describe_instance_information(world, input),
        "SendAutomationSignal" => automation::signal(world, input),
        "GetCalendarState" => calendar(world, input),
        _ => {
            return ops_items::answer(world, operation, input)
                .or_else(|| documents::answer(world, operation, input));
        }
    })
}

fn send_command(world: &World, input: &Value) -> Result<Value, Failure> {
    let document = input
        .text("DocumentName")
        .ok_or_else(|| Failure::new("InvalidDocument", "DocumentName is required"))?;
    let instances: Vec<String> = input
        .texts("InstanceIds")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let targets: Vec<(&str, Vec<&str>)> = input
        .list("Targets")
        .iter()
        .filter_map(|target| {
            Some((
                target.text("Key")?.strip_prefix("tag:")?,
                target.texts("Values"),
            ))
        })
        .collect();
    let instances = if targets.is_empty() {
        instances
    } else {
        world
            .scenario
            .instances
            .iter()
            .filter(|instance| {
                targets.iter().all(|(name, values)| {
                    instance
                        .tags
                        .get(*name)
                        .is_some_and(|value| values.contains(&value.as_str()))
                })
            })
            .map(|instance| instance.id.clone())
            .collect()
    };
    if instances.is_empty() && targets.is_empty() {
        return Err(Failure::new(
            "InvalidInstanceId",
            "InstanceIds, or Targets by tag, are required",
        ));
    }
    // In a simulated account a document's text is its name.
    let known = crate::document::sha256(document);
    if let Some(hash) = input.text("DocumentHash")
        && hash != known
    {
        return Err(Failure::new(
            "InvalidDocumentContent",
            format!("The hash {hash} is not the one of {document}"),
        ));
    }
    let unknown = instances.iter().find(|id| {
        !world
            .scenario
            .instances
            .iter()
            .any(|known| known.id == **id)
    });
    if let Some(id) = unknown {
        return Err(Failure::new(
            "InvalidInstanceId",
            format!(
                "Instances [[{id}]] not in a valid state for account {}",
                world.scenario.account
            ),
        ));
    }
    let shell = ["AWS-RunShellScript", "AWS-RunPowerShellScript"].contains(&document);
    if !shell {
        return Err(Failure::new(
            "InvalidDocument",
            format!("the simulator has no document {document}"),
        ));
    }
    if input.get("Parameters").texts("commands").is_empty() {
        return Err(Failure::new(
            "InvalidParameters",
            "the document wants the parameter commands",
        ));
    }
    let lines = input.get("Parameters").texts("commands").join("\n");
    let comment = input.text("Comment").unwrap_or_default().to_owned();
    let sent = Sent {
        document: document.to_owned(),
        instances,
        lines,
        comment,
        at: world.now(),
        cancelled: None,
    };
    let id = world.send(sent.clone())?;
    Ok(map! { "Command": described(world, &id, &sent) })
}

fn described(world: &World, id: &str, sent: &Sent) -> Value {
    map! {
        "CommandId": id,
        "DocumentName": sent.document.as_str(),
        "Comment": sent.comment.as_str(),
        "InstanceIds": sent.instances.clone(),
        "RequestedDateTime": world.real(sent.at),
        "ExpiresAfter": world.real(sent.at + 3600.0),
        "Status": "Pending",
        "StatusDetails": "Pending",
        "TargetCount": i64::try_from(sent.instances.len()).unwrap_or(i64::MAX),
        "CompletedCount": 0,
        "ErrorCount": 0,
        "DeliveryTimedOutCount": 0,
    }
}

fn sent(world: &World, input: &Value) -> Result<(String, Sent), Failure> {
    let id = input.text("CommandId").unwrap_or_default();
    let sent = world
        .sent(id)
        .ok_or_else(|| Failure::new("InvalidCommandId", format!("there is no command {id}")))?;
    Ok((id.to_owned(), sent))
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

fn get_command_invocation(world: &World, input: &Value) -> Result<Value, Failure> {
    let missing = || {
        Failure::new(
            "InvocationDoesNotExist",
            "The command ID and instance ID you specified did not match any invocations.",
        )
    };
    let id = input.text("CommandId").unwrap_or_default();
    let sent = world.sent(id).ok_or_else(missing)?;
    let instance = input.text("InstanceId").unwrap_or_default();
    let Invocation {
        status,
        detail,
        exit_code,
        output,
        error,
    } = world.invocation(&sent, instance).ok_or_else(missing)?;
    Ok(map! {
        "CommandId": id,
        "InstanceId": instance,
        "Comment": sent.comment,
        "DocumentName": sent.document,
        "PluginName": "aws:runShellScript",
        "ResponseCode": exit_code,
        "ExecutionStartDateTime": world.real(sent.at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "Status": status,
        "StatusDetails": detail,
        "StandardOutputContent": cut(&output, OUTPUT),
        "StandardOutputUrl": "",
        "StandardErrorContent": cut(&error, ERRORS),
        "StandardErrorUrl": "",
    })
}

fn list_command_invocations(world: &World, input: &Value) -> Result<Value, Failure> {
    let (id, sent) = sent(world, input)?;
    let wanted = |instance: &&String| {
        input
            .text("InstanceId")
            .is_none_or(|id| id == instance.as_str())
    };
    let all: Vec<Value> = sent
        .instances
        .iter()
        .filter(wanted)
        .filter_map(|instance| {
            let invocation = world.invocation(&sent, instance)?;
            let plugin = map! {
                "Name": "aws:runShellScript", "Status": invocation.status,
                "StatusDetails": invocation.detail, "ResponseCode": invocation.exit_code,
                "Output": cut(&invocation.output, LISTED),
            };
            Some(map! {
                "CommandId": id.as_str(), "InstanceId": instance.as_str(), "DocumentName": sent.document.as_str(),
                "RequestedDateTime": world.real(sent.at), "Status": invocation.status,
                "StatusDetails": invocation.detail, "CommandPlugins": vec![plugin],
            })
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "CommandInvocations": shown, "NextToken": next })
}

fn cancel_command(world: &World, input: &Value) -> Result<Value, Failure> {
    let id = input.text("CommandId").unwrap_or_default();
    if world.cancel(id)? {
        Ok(map! {})
    } else {
        Err(Failure::new(
            "InvalidCommandId",
            format!("there is no command {id}"),
        ))
    }
}

fn describe_instance_information(world: &World, input: &Value) -> Result<Value, Failure> {
    let wanted = |instance: &&Instance| {
        input.list("Filters").iter().all(|filter| {
            let values = filter.texts("Values");
            match filter.text("Key") {
                Some("InstanceIds") => values.contains(&instance.id.as_str()),
                Some(key) => {
                    let tag = key
                        .strip_prefix("tag:")
                        .and_then(|name| instance.tags.get(name));
                    tag.is_some_and(|tag| values.contains(&tag.as_str()))
                }
                None => true,
            }
        })
    };
    let all: Vec<Value> = world
        .scenario
        .instances
        .iter()
        .filter(wanted)
        .map(|instance| {
            map! {
                "InstanceId": instance.id.as_str(), "ComputerName": instance.name.as_str(),
                "PingStatus": if instance.online { "Online" } else { "ConnectionLost" },
                "LastPingDateTime": world.real(if instance.online { world.now() } else { -1800.0 }),
                "PlatformType": "Linux", "PlatformName": "Amazon Linux", "AgentVersion": "3.3.0.0",
                "ResourceType": "EC2Instance",
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "InstanceInformationList": shown, "NextToken": next })
}

fn list_commands(world: &World, input: &Value) -> Result<Value, Failure> {
    let (id, sent) = sent(world, input)?;
    let ended = |instance: &String| {
        world.invocation(&sent, instance).is_some_and(|one| {
            !matches!(
                one.status,
                "Pending" | "InProgress" | "Delayed" | "Cancelling"
            )
        })
    };
    let done = sent.instances.iter().filter(|id| ended(id)).count();
    let failed = sent.instances.iter().any(|instance| {
        ended(instance)
            && world
                .invocation(&sent, instance)
                .is_some_and(|one| one.status != "Success")
    });
    let status = match (done == sent.instances.len(), failed) {
        (false, _) => "InProgress",
        (true, true) => "Failed",
        (true, false) => "Success",
    };
    let mut command = described(world, &id, &sent);
    if let Value::Map(entries) = &mut command {
        for (name, value) in entries.iter_mut() {
            if name == "Status" || name == "StatusDetails" {
                *value = status.into();
            }
        }
    }
    Ok(map! { "Commands": vec![command] })
}

fn get_parameter(world: &World, input: &Value) -> Result<Value, Failure> {
    let name = input.text("Name").unwrap_or_default();
    let value = world.scenario.parameters.get(name).ok_or_else(|| {
        Failure::new("ParameterNotFound", format!("there is no parameter {name}"))
    })?;
    let decrypted = input.truth("WithDecryption") == Some(true);
    Ok(map! {
        "Parameter": map! {
            "Name": name, "Type": "SecureString", "Version": 1,
            "Value": if decrypted { value.as_str() } else { "AQICAHh…" },
        },
    })
}

fn calendar(world: &World, input: &Value) -> Result<Value, Failure> {
    let names = input.texts("CalendarNames");
    let unknown = |name: &&str| {
        let known = |calendar: &&Calendar| name.rsplit('/').next() == Some(calendar.name.as_str());
        !world
            .scenario
            .calendars
            .iter()
            .any(|calendar| known(&calendar))
    };
    if let Some(name) = names.iter().find(|name| unknown(name)) {
        return Err(Failure::new(
            "InvalidDocument",
            format!("Document with name {name} does not exist."),
        ));
    }
    let now = world.now();
    let closed = world.scenario.calendars.iter().find(|calendar| {
        let asked = names
            .iter()
            .any(|name| name.rsplit('/').next() == Some(calendar.name.as_str()));
        asked && calendar.closed_from <= now && now < calendar.closed_until
    });
    let stamp = |seconds: f64| {
        let at = world.real(seconds);
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    Ok(map! {
        "State": if closed.is_some() { "CLOSED" } else { "OPEN" },
        "AtTime": stamp(now),
        "NextTransitionTime": closed.map(|calendar| stamp(calendar.closed_until)),
    })
}

fn window_id(index: usize) -> String {
    format!("mw-{:017x}", index + 1)
}

fn describe_windows(world: &World, input: &Value) -> Result<Value, Failure> {
    let all: Vec<Value> = world
        .scenario
        .windows
        .iter()
        .enumerate()
        .map(|(index, window)| {
            map! {
                "WindowId": window_id(index), "Name": window.name.as_str(), "Enabled": true,
                "Duration": window.hours, "Cutoff": 0,
                "NextExecutionTime": world.real(window.at).format("%Y-%m-%dT%H:%MZ").to_string(),
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "WindowIdentities": shown, "NextToken": next })
}

fn describe_window_executions(world: &World, input: &Value) -> Result<Value, Failure> {
    let wanted = input.text("WindowId").unwrap_or_default();
    let all: Vec<Value> = world
        .scenario
        .windows
        .iter()
        .enumerate()
        .filter(|(index, window)| window_id(*index) == wanted && window.at <= world.now())
        .map(|(index, window)| {
            #[expect(clippy::cast_precision_loss, reason = "hours are few")]
            let over = world.now() >= window.at + window.hours as f64 * 3600.0;
            map! {
                "WindowId": wanted, "WindowExecutionId": format!("{:08x}-0000-4000-8000-000000000000", index + 1),
                "Status": if over { "SUCCESS" } else { "IN_PROGRESS" },
                "StartTime": world.real(window.at),
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 10)?;
    Ok(map! { "WindowExecutions": shown, "NextToken": next })
}

fn describe_window_schedule(world: &World, input: &Value) -> Result<Value, Failure> {
    let wanted = input.text("WindowId");
    let all: Vec<Value> = world
        .scenario
        .windows
        .iter()
        .enumerate()
        .filter(|(index, _)| wanted.is_none_or(|id| id == window_id(*index)))
        .map(|(index, window)| {
            map! {
                "WindowId": window_id(index), "Name": window.name.as_str(),
                "ExecutionTime": world.real(window.at).format("%Y-%m-%dT%H:%MZ").to_string(),
            }
        })
        .collect();
    let (shown, next) = page(all, input.text("NextToken"), 50)?;
    Ok(map! { "ScheduledWindowExecutions": shown, "NextToken": next })
}

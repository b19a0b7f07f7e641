//! Which permissions are granted: by asking for something harmless, by IAM's own simulation, or
//! not at all.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Findings, Verdict};
use crate::actions::programs::LocalPrograms;
use crate::aws::{Aws, AwsError, Class, LogGroup, Quota, describe};
use crate::cli::live;
use crate::playbook::{Entry, StepKind};

/// What the board itself needs.
const BOARD: [&str; 10] = [
    "ssm:DescribeMaintenanceWindowExecutions",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DescribeAlarmContributors",
    "cloudwatch:GetAlarmMuteRule",
    "health:DescribeEvents",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListTagsForResource",
    "cloudwatch:DescribeAlarmHistory",
    "cloudwatch:ListAlarmMuteRules",
    "ssm:DescribeMaintenanceWindows",
];

/// Actions that policies grant for single resources, and that are asked for with a made-up one.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
const NAMED: [&str; 6] = [
    "logs:FilterLogEvents",
    "logs:StartQuery",
    "logs:GetQueryResults",
    "ssm:GetAutomationExecution",
    "ssm:GetCommandInvocation",
    "cloudwatch:DescribeAlarmHistory",
];

/// Names of things that do not exist: whoever may ask is told so.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(super) async fn look(findings: &mut Findings, aws: &Aws, chosen: &[&Entry], calendars: bool) {
    let mut wanted: BTreeSet<String> = BOARD.iter().map(ToString::to_string).collect();
    wanted.extend(calendars.then(|| "ssm:GetCalendarState".to_owned()));
    for entry in chosen {
        for step in &entry.playbook.steps {
            if let StepKind::Automated(automated) = &step.kind {
                wanted.extend(automated.permissions.iter().cloned());
                wanted.extend(
                    automated
                        .runs
                        .iter()
                        .flat_map(|run| run.permissions.clone()),
                );
            }
        }
    }
    // IAM does not tell DescribeDBInstances from DescribeDbInstances.
    let mut seen = BTreeSet::new();
    wanted.retain(|action| seen.insert(action.to_lowercase()));
    let simulated = simulate(aws, &wanted).await;
    if let Err(reason) = &simulated {
        let detail = format!("iam:SimulatePrincipalPolicy cannot be asked: {reason}");
        findings.add(Verdict::Warning, "simulation", detail);
    }
    for action in wanted {
        let known = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(&action);
        let decision = match &simulated {
            Err(_) => Simulated::NotAsked,
            Ok(decided) => decided
                .iter()
                .find(known)
                .map_or(Simulated::Silent, |(_, decision)| Simulated::Says(decision)),
        };
        let asked = ask(aws, &action).await;
        let (verdict, detail, how) = judge(&action, asked, decision);
        findings.found(verdict, action, detail, how);
    }
}

const ASKED: &str = "asked for nothing";
const SIMULATED: &str = "iam:SimulatePrincipalPolicy, which knows no resource policies";

/// What IAM's simulation decided of an action.
#[derive(Clone, Copy)]
enum Simulated<'a> {
    NotAsked,
    Silent,
    Says(&'a str),
}

/// Puts together what AWS answered and what IAM's simulation decided.
fn judge(
    action: &str,
    asked: Option<Result<(), AwsError>>,
    decision: Simulated<'_>,
) -> (Verdict, String, Option<&'static str>) {
    let granted = || "granted".to_owned();
    let by_name = NAMED.contains(&action);
    match (asked, decision) {
        (Some(Ok(())), _) => (Verdict::Ok, granted(), Some(ASKED)),
        (Some(Err(error)), decision) if error.class == Class::AccessDenied => match decision {
            Simulated::Says("allowed") => (Verdict::Ok, granted(), Some(SIMULATED)),
            Simulated::Says("explicitDeny") => (Verdict::Missing, "denied".into(), Some(SIMULATED)),
            _ if by_name => (
                Verdict::Unknown,
                "denied for a name that does not exist; a policy may allow the ones that do".into(),
                Some(ASKED),
            ),
            _ => (Verdict::Missing, "denied".into(), Some(ASKED)),
        },
        (Some(Err(error)), _) if error.passes() || error.class == Class::Credentials => {
            (Verdict::Unknown, error.to_string(), None)
        }
        // It was understood, and found wanting: so it was allowed.
        (Some(Err(_)), _) => (Verdict::Ok, granted(), Some(ASKED)),
        (None, Simulated::Says("allowed")) => (Verdict::Ok, granted(), Some(SIMULATED)),
        // Without the names of resources, what a policy allows for some of them looks like this.
        (None, Simulated::Says("implicitDeny")) => (
            Verdict::Unknown,
            "not allowed for every resource; a policy may allow single ones".into(),
            Some(SIMULATED),
        ),
        (None, Simulated::Says(_)) => (Verdict::Missing, "denied".into(), Some(SIMULATED)),
        (None, Simulated::Silent) => (
            Verdict::Unknown,
            "IAM's simulation says nothing of it".into(),
            None,
        ),
        (None, Simulated::NotAsked) => (
            Verdict::Unknown,
            "not checkable without side effects, nor by simulation".into(),
            None,
        ),
    }
}

/// Asks for something that does not exist, or for as little as can be. `None` where that cannot be
/// done without effect.
async fn ask(aws: &Aws, action: &str) -> Option<Result<(), AwsError>> {
    macro_rules! call {
        ($call:expr) => {
            Some(
                $call
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| describe(action, &error)),
            )
        };
    }
    let group = "/standdown/doctor/does-not-exist";
    match action {
        "cloudwatch:DescribeAlarms" => call!(aws.cloudwatch.describe_alarms().max_records(1)),
        "cloudwatch:DescribeAlarmHistory" => {
            call!(aws.cloudwatch.describe_alarm_history().max_records(1))
        }
        "cloudwatch:ListAlarmMuteRules" => {
            call!(aws.cloudwatch.list_alarm_mute_rules().max_records(1))
        }
        "cloudwatch:GetMetricData" => {
            use aws_sdk_cloudwatch::primitives::DateTime;
            use aws_sdk_cloudwatch::types::{Metric, MetricDataQuery, MetricStat};
            let metric = Metric::builder()
                .namespace("standdown/doctor")
                .metric_name("none")
                .build();
            let stat = MetricStat::builder()
                .metric(metric)
                .period(60)
                .stat("Average")
                .build();
            let query = MetricDataQuery::builder().id("m").metric_stat(stat).build();
            let now = aws.now().timestamp();
            call!(
                aws.cloudwatch
                    .get_metric_data()
                    .metric_data_queries(query)
                    .start_time(DateTime::from_secs(now - 60))
                    .end_time(DateTime::from_secs(now))
            )
        }
        "logs:FilterLogEvents" => {
            let group = LogGroup::of(group);
            call!(
                aws.logs
                    .filter_log_events()
                    .set_log_group_name(group.by_name())
                    .set_log_group_identifier(group.identifier)
            )
        }
        "logs:StartQuery" => {
            let now = aws.now().timestamp();
            call!(
                aws.logs
                    .start_query()
                    .log_group_identifiers({
                        let group = LogGroup::of(group);
                        group.identifier.unwrap_or(group.name)
                    })
                    .query_string("fields @message | limit 1")
                    .start_time(now - 60)
                    .end_time(now)
            )
        }
        "logs:GetQueryResults" => call!(aws.logs.get_query_results().query_id(NOBODY)),
        "logs:StopQuery" => call!(aws.logs.stop_query().query_id(NOBODY)),
        "ssm:DescribeInstanceInformation" => {
            call!(aws.ssm.describe_instance_information().max_results(5))
        }
        "ssm:DescribeMaintenanceWindows" => {
            call!(aws.ssm.describe_maintenance_windows().max_results(10))
        }
        "ssm:ListCommands" => call!(aws.ssm.list_commands().command_id(NOBODY)),
        "ssm:ListCommandInvocations" => {
            call!(aws.ssm.list_command_invocations().command_id(NOBODY))
        }
        "ssm:GetCommandInvocation" => call!(
            aws.ssm
                .get_command_invocation()
                .command_id(NOBODY)
                .instance_id("i-00000000000000000")
        ),
        "ssm:GetAutomationExecution" => {
            call!(
                aws.ssm
                    .get_automation_execution()
                    .automation_execution_id(NOBODY)
            )
        }
        "ssm:DescribeAutomationExecutions" => {
            call!(aws.ssm.describe_automation_executions().max_results(1))
        }
        "cloudtrail:LookupEvents" => {
            aws.pace(Quota::LookupEvents).await;
            call!(aws.cloudtrail.lookup_events().max_results(1))
        }
        _ => None,
    }
}

/// What IAM says that the caller may do: each action with its decision.
async fn simulate(aws: &Aws, wanted: &BTreeSet<String>) -> Result<Vec<(String, String)>, String> {
    let ask = async |command: [&'static str; 2], input: serde_json::Value| {
        let named = aws.named.as_deref();
        live::cli(&LocalPrograms, named, &aws.region, &command, &input).await
    };
    let identity = aws.identity().await.map_err(|error| error.to_string())?;
    let mut principal = role(&identity.arn);
    // A session's ARN leaves out the role's path, which the roles of IAM Identity Center have.
    if let Some((_, name)) = principal.split_once(":role/") {
        let found = ask(["iam", "get-role"], json!({"RoleName": name})).await;
        let arn = found
            .ok()
            .and_then(|found| Some(found["Role"]["Arn"].as_str()?.to_owned()));
        principal = arn.unwrap_or(principal);
    }
    let input = json!({
        "PolicySourceArn": principal,
        "ActionNames": wanted.iter().collect::<Vec<_>>(),
    });
    let answer = ask(["iam", "simulate-principal-policy"], input).await?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Ok(answer["EvaluationResults"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((text(&one["EvalActionName"])?, text(&one["EvalDecision"])?)))
        .collect())
}

/// IAM simulates roles, and not their sessions.
fn role(arn: &str) -> String {
    let Some((head, session)) = arn.split_once(":assumed-role/") else {
        return arn.to_owned();
    };
    let name = session.rsplit_once('/').map_or(session, |(name, _)| name);
    format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1))
}

#[cfg(test)]
mod tests {
    use super::{Simulated, Verdict, judge, role};
    use crate::aws::{AwsError, Class};

    #[test]
    fn a_denial_for_a_made_up_name_is_not_a_denial() {
        let denied = || {
            Some(Err(AwsError {
                class: Class::AccessDenied,
                ..AwsError::garbled("x", String::new())
            }))
        };
        let verdict = |action, asked, decision| judge(action, asked, decision).0;
        let (named, whole) = ("logs:FilterLogEvents", "cloudwatch:DescribeAlarms");
        assert_eq!(
            verdict(named, denied(), Simulated::NotAsked),
            Verdict::Unknown
        );
        assert_eq!(
            verdict(named, denied(), Simulated::Says("implicitDeny")),
            Verdict::Unknown
        );
        assert_eq!(
            verdict(named, denied(), Simulated::Says("explicitDeny")),
            Verdict::Missing
        );
        assert_eq!(
            verdict(named, denied(), Simulated::Says("allowed")),
            Verdict::Ok
        );
        assert_eq!(
            verdict(whole, denied(), Simulated::Silent),
            Verdict::Missing
        );
        assert_eq!(
            verdict(whole, None, Simulated::Says("implicitDeny")),
            Verdict::Unknown
        );
        assert_eq!(
            verdict(whole, Some(Ok(())), Simulated::NotAsked),
            Verdict::Ok
        );
    }

    #[test]
    fn a_session_is_simulated_as_its_role() {
        assert_eq!(
            role("arn:aws:sts::111122223333:assumed-role/responder/alice"),
            "arn:aws:iam::111122223333:role/responder"
        );
        let user = "arn:aws:iam::111122223333:user/alice";
        assert_eq!(role(user), user);
    }
}

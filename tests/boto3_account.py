"""The rest of the simulated account, read by unmodified boto3, which validates every answer's shape."""

import sys
import time
from datetime import datetime, timedelta, timezone

import boto3

OPTIONS = dict(endpoint_url=sys.argv[1])
cloudwatch = boto3.client("cloudwatch", **OPTIONS)
logs = boto3.client("logs", **OPTIONS)
ssm = boto3.client("ssm", **OPTIONS)
trail = boto3.client("cloudtrail", **OPTIONS)
now = datetime.now(timezone.utc)

# CloudTrail: one attribute a call, the latest first; reads are told from writes.
events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "web"}])["Events"]
assert [event["EventName"] for event in events] == ["DescribeServices", "UpdateService"], events
assert events[1]["Username"] == "ci" and events[1]["ReadOnly"] == "false", events[1]
writes = trail.lookup_events(LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
                             StartTime=now - timedelta(minutes=30), EndTime=now)["Events"]
assert len(writes) == 2, writes
try:
    trail.lookup_events(LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"},
                                          {"AttributeKey": "EventName", "AttributeValue": "x"}])
    raise AssertionError("two attributes were looked up")
except trail.exceptions.InvalidLookupAttributesException:
    pass

# Logs Insights.
query = logs.start_query(logGroupNames=["/app/web"], queryString="fields @message", startTime=int(time.time()) - 3600,
                         endTime=int(time.time()))["queryId"]
until = time.monotonic() + 30
while (answer := logs.get_query_results(queryId=query))["status"] == "Running" and time.monotonic() < until:
    pass
assert answer["status"] == "Complete" and answer["statistics"]["recordsScanned"] == 5000, answer
assert {"field": "errors", "value": "42"} in answer["results"][0], answer
slow = logs.start_query(logGroupNames=["/app/web"], queryString="slow", startTime=0, endTime=1)["queryId"]
assert logs.stop_query(queryId=slow)["success"]
assert logs.get_query_results(queryId=slow)["status"] == "Cancelled"

# Metric math, a search, and a band.
stat = lambda name: {"Metric": {"Namespace": "Shop", "MetricName": name,
                                "Dimensions": [{"Name": "Service", "Value": "web"}]}, "Period": 60, "Stat": "Sum"}
results = cloudwatch.get_metric_data(StartTime=now - timedelta(minutes=10), EndTime=now, MetricDataQueries=[
    {"Id": "e", "MetricStat": stat("Errors"), "ReturnData": False},
    {"Id": "r", "MetricStat": stat("Requests"), "ReturnData": False},
    {"Id": "share", "Expression": "100 * e / r"},
    {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(e, 2)"},
    {"Id": "all", "Expression": "SEARCH('{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"', 'Average', 60)"},
])["MetricDataResults"]
by_id = {}
for result in results:
    by_id.setdefault(result["Id"], []).append(result)
assert {key: len(value) for key, value in by_id.items()} == {"share": 1, "band": 2, "all": 2}, by_id
assert set(by_id["share"][0]["Values"]) == {20.0}, by_id["share"]

# History: an alarm that never changes has changed once at most, and only within what was asked for.
past = cloudwatch.describe_alarm_history(AlarmTypes=["MetricAlarm", "CompositeAlarm", "LogAlarm"])["AlarmHistoryItems"]
assert len(past) < 100 and past == sorted(past, key=lambda item: item["Timestamp"], reverse=True), past
assert len({(item["AlarmName"], item["Timestamp"]) for item in past}) == len(past), past
late = cloudwatch.describe_alarm_history(StartDate=now + timedelta(hours=1), EndDate=now + timedelta(hours=2))
assert late["AlarmHistoryItems"] == [], late

# Alarms of all types, contributors, and a mute rule.
alarms = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm", "LogAlarm"])
assert [alarm["AlarmName"] for alarm in alarms["LogAlarms"]] == ["web-log"], alarms
assert cloudwatch.describe_alarm_contributors(AlarmName="web-5xx")["AlarmContributors"][0]["ContributorAttributes"] == {"Host": "a"}
rule = cloudwatch.list_alarm_mute_rules(Statuses=["ACTIVE"])["AlarmMuteRuleSummaries"][0]
assert rule["AlarmMuteRuleArn"].endswith(":night"), rule
assert cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName="night")["MuteTargets"]["AlarmNames"] == ["web-5xx"]

# Systems Manager.
assert ssm.get_parameter(Name="/prod/db/ro", WithDecryption=True)["Parameter"]["Value"] == "correct-horse-battery"
command = ssm.send_command(Targets=[{"Key": "tag:Role", "Values": ["web"]}], DocumentName="AWS-RunShellScript",
                           Parameters={"commands": ["uptime"]}, MaxConcurrency="50%", MaxErrors="1")["Command"]
assert len(command["InstanceIds"]) == 2, command
assert ssm.list_commands(CommandId=command["CommandId"])["Commands"][0]["TargetCount"] == 2
window = ssm.describe_maintenance_windows()["WindowIdentities"][0]
assert window["Name"] == "patching" and window["Enabled"], window
assert ssm.describe_maintenance_window_schedule(WindowId=window["WindowId"])["ScheduledWindowExecutions"]
print("ok")

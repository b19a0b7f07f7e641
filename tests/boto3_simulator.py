"""Talks to the simulator with unmodified boto3, which validates every answer's shape."""

import sys
import time
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

ENDPOINT = sys.argv[1]
OPTIONS = dict(endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 4, "mode": "standard"}))
INSTANCE = "i-0a1b2c3d4e5f60718"

cloudwatch = boto3.client("cloudwatch", **OPTIONS)
logs = boto3.client("logs", **OPTIONS)
ssm = boto3.client("ssm", **OPTIONS)

identity = boto3.client("sts", **OPTIONS).get_caller_identity()
assert identity["Account"] == "111122223333", identity
assert identity["Arn"].startswith("arn:aws:sts::111122223333:"), identity

# Pages: the same alarms, two at a time; every type only when it is named.
pages = list(cloudwatch.get_paginator("describe_alarms").paginate(
    AlarmTypes=["MetricAlarm", "CompositeAlarm"], PaginationConfig={"PageSize": 2}))
assert len(pages) == 4, len(pages)
names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] + page["CompositeAlarms"]]
assert len(names) == len(set(names)) == 8, names
assert not cloudwatch.describe_alarms()["CompositeAlarms"]
assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["AlarmName"] == "orders-service"
assert len(cloudwatch.describe_alarms(AlarmNamePrefix="orders-")["MetricAlarms"]) == 4

# The alarm fires by itself.
until = time.monotonic() + 30
while True:
    alarms = cloudwatch.describe_alarms(AlarmNames=["orders-cpu-high"], StateValue="ALARM")["MetricAlarms"]
    if alarms or time.monotonic() > until:
        break
assert alarms, "orders-cpu-high did not fire"
assert isinstance(alarms[0]["StateTransitionedTimestamp"], datetime), alarms[0]
assert alarms[0]["Threshold"] == 95.0 and alarms[0]["Dimensions"] == [{"Name": "InstanceId", "Value": INSTANCE}]
history = cloudwatch.describe_alarm_history(AlarmName="orders-cpu-high")["AlarmHistoryItems"]
assert history[0]["HistorySummary"] == "Alarm updated from OK to ALARM", history

now = datetime.now(timezone.utc)
query = {"Id": "cpu", "MetricStat": {"Metric": {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization",
         "Dimensions": [{"Name": "InstanceId", "Value": INSTANCE}]}, "Period": 60, "Stat": "Average"}}
result = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=now - timedelta(minutes=10), EndTime=now)
values = result["MetricDataResults"][0]["Values"]
assert 10 <= len(values) <= 11 and all(85 < value < 100 for value in values), values
times = result["MetricDataResults"][0]["Timestamps"]
assert times == sorted(times, reverse=True) and all(time.second == 0 for time in times), times

# The first call is throttled by the scenario; boto3 tries again by itself.
found = logs.filter_log_events(logGroupName="/app/orders", filterPattern="ERROR",
                               startTime=int((now - timedelta(minutes=10)).timestamp() * 1000))
assert found["events"] and all("ERROR" in event["message"] for event in found["events"]), found
paged = [event for page in logs.get_paginator("filter_log_events").paginate(
    logGroupName="/app/orders", filterPattern="ERROR", PaginationConfig={"PageSize": 7},
    startTime=int((now - timedelta(minutes=10)).timestamp() * 1000), endTime=int(now.timestamp() * 1000))
    for event in page["events"]]
assert len({event["eventId"] for event in paged}) == len(paged) > 7, len(paged)
try:
    logs.filter_log_events(logGroupName="/no/such/group")
    raise AssertionError("a group that is not there was found")
except logs.exceptions.ResourceNotFoundException:
    pass

command = ssm.send_command(InstanceIds=[INSTANCE], DocumentName="AWS-RunShellScript",
                           Parameters={"commands": ["ps -eo pid,comm"]})["Command"]["CommandId"]
try:
    ssm.get_command_invocation(CommandId=command, InstanceId=INSTANCE)
except ssm.exceptions.InvocationDoesNotExist:
    pass  # right after sending it is not there yet
until = time.monotonic() + 30
status = None
while status not in ("Success", "Failed") and time.monotonic() < until:
    try:
        invocation = ssm.get_command_invocation(CommandId=command, InstanceId=INSTANCE)
        status = invocation["Status"]
    except ssm.exceptions.InvocationDoesNotExist:
        pass
assert status == "Success" and "orders-worker" in invocation["StandardOutputContent"], (status, invocation)
assert invocation["ResponseCode"] == 0
try:
    ssm.send_command(InstanceIds=["i-00000000000000000"], DocumentName="AWS-RunShellScript",
                     Parameters={"commands": ["true"]})
    raise AssertionError("an instance that is not there took a command")
except ssm.exceptions.InvalidInstanceId:
    pass
assert len(ssm.describe_instance_information()["InstanceInformationList"]) == 2
print("ok")

"""Puts alarms, metrics and logs into LocalStack, as somebody else's programs do."""

import sys
import time
from datetime import datetime, timedelta, timezone

import boto3

OPTIONS = dict(endpoint_url=sys.argv[1])
cloudwatch = boto3.client("cloudwatch", **OPTIONS)
logs = boto3.client("logs", **OPTIONS)
now = datetime.now(timezone.utc)

common = dict(Namespace="App/Test", MetricName="Load", Dimensions=[{"Name": "Host", "Value": "a"}],
              Statistic="Average", EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold")
for number in range(120):
    cloudwatch.put_metric_alarm(AlarmName=f"put-{number:03}", Period=3600, Threshold=1e9,
                                TreatMissingData="ignore", **common)

# One that LocalStack itself evaluates.
cloudwatch.put_metric_alarm(AlarmName="evaluated", Period=10, Threshold=90, **common)
# As evaluated alarms look back over their period, the metric keeps being put until it fires.
for minute in range(15):
    cloudwatch.put_metric_data(Namespace="App/Test", MetricData=[{
        "MetricName": "Steps", "Dimensions": [{"Name": "Host", "Value": "a"}],
        "Timestamp": now - timedelta(minutes=minute), "Value": 100 - minute}])

group = "/app/localstack"
logs.create_log_group(logGroupName=group)
logs.create_log_stream(logGroupName=group, logStreamName="main")
start = int((now - timedelta(minutes=5)).timestamp() * 1000)
logs.put_log_events(logGroupName=group, logStreamName="main", logEvents=[
    {"timestamp": start + number * 1000, "message": f"ERROR order {4000 + number} failed"} for number in range(40)])
# Without datapoints, `ignore` keeps LocalStack from taking it back.
cloudwatch.set_alarm_state(AlarmName="put-077", StateValue="ALARM", StateReason="set by hand")
print("ok")

"""Puts into an emulated AWS what the diagnostics of a playbook read: prints the instance's id."""

import sys
import time
from datetime import datetime, timedelta, timezone

import boto3

OPTIONS = dict(endpoint_url=sys.argv[1])
now = datetime.now(timezone.utc)

logs = boto3.client("logs", **OPTIONS)
logs.create_log_group(logGroupName="/app/web")
logs.create_log_stream(logGroupName="/app/web", logStreamName="a")
start = int((now - timedelta(minutes=5)).timestamp() * 1000)
logs.put_log_events(logGroupName="/app/web", logStreamName="a", logEvents=[
    {"timestamp": start + number * 1000, "message": f"ERROR order {4000 + number} failed"} for number in range(30)])

ssm = boto3.client("ssm", **OPTIONS)
ssm.put_parameter(Name="/prod/db/ro", Value="correct-horse-battery", Type="SecureString")

ec2 = boto3.client("ec2", **OPTIONS)
image = ec2.describe_images()["Images"][0]["ImageId"]
instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=[
    {"ResourceType": "instance", "Tags": [{"Key": "Role", "Value": "web"}]}])["Instances"][0]["InstanceId"]

if "cloudwatch" in sys.argv[2:]:
    cloudwatch = boto3.client("cloudwatch", **OPTIONS)
    for minute in range(15):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{
            "MetricName": "Errors", "Dimensions": [{"Name": "Service", "Value": "web"}],
            "Timestamp": now - timedelta(minutes=minute), "Value": 100 - minute}])
    cloudwatch.put_metric_alarm(
        AlarmName="web-errors", Namespace="Shop", MetricName="Errors", Period=3600, Threshold=1e9,
        Dimensions=[{"Name": "Service", "Value": "web"}], Statistic="Average", EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore")
    for state in ("OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName="web-errors", StateValue=state, StateReason="set by hand")
        time.sleep(1.1)
print(instance)

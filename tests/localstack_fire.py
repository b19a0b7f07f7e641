"""Keeps putting a high value until LocalStack's own evaluation fires the alarm."""

import sys
import time

import boto3

cloudwatch = boto3.client("cloudwatch", endpoint_url=sys.argv[1])
until = time.monotonic() + 120
while time.monotonic() < until:
    cloudwatch.put_metric_data(Namespace="App/Test", MetricData=[{
        "MetricName": "Load", "Dimensions": [{"Name": "Host", "Value": "a"}], "Value": 97.0}])
    if cloudwatch.describe_alarms(AlarmNames=["evaluated"])["MetricAlarms"][0]["StateValue"] == "ALARM":
        print("ok")
        sys.exit(0)
    time.sleep(1)  # the evaluation has a clock of its own
sys.exit("LocalStack did not evaluate the alarm")

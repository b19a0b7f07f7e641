"""Makes an account as people leave it: 150 alarms of every kind, metrics, logs and instances. Prints
how many alarms there are."""

import sys
from datetime import datetime, timedelta, timezone

import boto3

OPTIONS = dict(endpoint_url=sys.argv[1])
cloudwatch = boto3.client("cloudwatch", **OPTIONS)
logs = boto3.client("logs", **OPTIONS)
ec2 = boto3.client("ec2", **OPTIONS)
# A whole minute that has ended: what is put later does not change it.
now = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=1)

image = ec2.describe_images()["Images"][0]["ImageId"]
instances = [one["InstanceId"] for one in ec2.run_instances(
    ImageId=image, MinCount=5, MaxCount=5, TagSpecifications=[
        {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "orders"}]}])["Instances"]]

group = "/app/orders"
logs.create_log_group(logGroupName=group)
logs.create_log_stream(logGroupName=group, logStreamName="a")
start = int((now - timedelta(minutes=3)).timestamp() * 1000)
logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=[
    {"timestamp": start + number * 100, "message": f"ERROR order {4000 + number}: connection pool exhausted"}
    for number in range(200)])


def data(namespace, metric, dimensions, value, unit="None"):
    for minute in range(15):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{
            "MetricName": metric, "Dimensions": dimensions, "Unit": unit,
            "Timestamp": now - timedelta(minutes=minute), "Value": value + minute / 8}])


def dimension(name, value):
    return [{"Name": name, "Value": value}]


made = []


def put(name, **more):
    alarm = dict(AlarmName=name, EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold",
                 TreatMissingData="ignore")
    alarm.update(more)
    cloudwatch.put_metric_alarm(**alarm)
    made.append(name)


def metric(namespace, name, dimensions, statistic="Average", period=60, threshold=1e9):
    named = statistic in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
    return dict(Namespace=namespace, MetricName=name, Dimensions=dimensions, Period=period, Threshold=threshold,
                **{"Statistic" if named else "ExtendedStatistic": statistic})


# The two that the night is about.
put("orders-cpu", AlarmDescription="CPU of an instance of orders", EvaluationPeriods=3, DatapointsToAlarm=2,
    **metric("AWS/EC2", "CPUUtilization", dimension("InstanceId", instances[0]), period=3600, threshold=90))
data("AWS/EC2", "CPUUtilization", dimension("InstanceId", instances[0]), 96, "Percent")
put("orders-db-connections", AlarmDescription="Connections of the database of orders",
    **metric("AWS/RDS", "DatabaseConnections", dimension("DBInstanceIdentifier", "orders"), period=3600,
             threshold=90))
data("AWS/RDS", "DatabaseConnections", dimension("DBInstanceIdentifier", "orders"), 95, "Count")

for index, instance in enumerate(instances):
    put(f"status-{index}", **metric("AWS/EC2", "StatusCheckFailed", dimension("InstanceId", instance), "Maximum",
                                    threshold=1, ), ActionsEnabled=index % 2 == 0)
    put(f"scale-in-{index}", **{**metric("AWS/EC2", "CPUUtilization", dimension("InstanceId", instance),
                                         threshold=35), "ComparisonOperator": "LessThanThreshold"})
for index, statistic in enumerate(["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p50", "p99", "p99.9"]):
    where = dimension("Statistic", statistic)
    put(f"statistic-{statistic}", **metric("Shop", "Latency", where, statistic, threshold=0.02))
    data("Shop", "Latency", where, 0.0247 + index)
for period in (10, 30, 60, 300, 3600):
    put(f"period-{period}", **metric("Shop", "Requests", dimension("Period", str(period)), "Sum", period))
    data("Shop", "Requests", dimension("Period", str(period)), 5 + period)
for operator in ("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
                 "LessThanOrEqualToThreshold"):
    put(f"compares-{operator}", **{**metric("Shop", "Queue", dimension("Operator", operator), threshold=99.95),
                                   "ComparisonOperator": operator})
    data("Shop", "Queue", dimension("Operator", operator), 99.93)
for missing in ("breaching", "notBreaching", "ignore", "missing"):
    put(f"missing-{missing}", **{**metric("Shop", "Nothing", dimension("Missing", missing), period=3600),
                                 "TreatMissingData": missing})
for unit in ("Seconds", "Milliseconds", "Percent", "Bytes", "Count"):
    put(f"unit-{unit}", Unit=unit, **metric("Shop", "Size", dimension("Unit", unit)))
for name in ("a name with blanks", "umläute-größe", "slash/and:colon", "quote\"s & <angles>", "日本語",
             "x" * 200, "emoji-🔥", "--flag"):
    put(name, **metric("Shop", "Names", dimension("Name", "a")))
for index in range(6):
    put(f"math-{index}", Threshold=10 + index, Metrics=[
        {"Id": "errors", "ReturnData": False, "MetricStat": {
            "Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}},
        {"Id": "all", "ReturnData": False, "MetricStat": {
            "Metric": {"Namespace": "Shop", "MetricName": "All"}, "Period": 60, "Stat": "Sum"}},
        {"Id": "rate", "Expression": "100 * errors / all", "Label": "errors in percent", "ReturnData": True}])
while len(made) < 145:
    index = len(made)
    put(f"plain-{index:03}", AlarmDescription=f"Alarm {index}", EvaluationPeriods=1 + index % 5,
        **metric("Shop", "Load", dimension("Host", f"h{index % 9}"), threshold=float(index)))
for host in range(9):
    data("Shop", "Load", dimension("Host", f"h{host}"), 0.5 * host)
for index in range(5):
    cloudwatch.put_composite_alarm(AlarmName=f"composite-{index}",
                                   AlarmRule=f"ALARM(\"orders-cpu\") AND NOT ALARM(\"status-{index}\")")
    made.append(f"composite-{index}")
for index, name in enumerate(made):
    if name in ("orders-cpu", "orders-db-connections") or index % 11 == 5:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=f"set by hand: {name}")
    elif index % 3 == 0:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="it is fine")
print(len(made))

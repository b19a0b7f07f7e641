"""Puts alarm definitions of a file into an emulated CloudWatch; prints what was put, by name."""

import json
import sys

import boto3

cloudwatch = boto3.client("cloudwatch", endpoint_url=sys.argv[1])
put = {}
for index, one in enumerate(json.load(open(sys.argv[2]))):
    name = f"{one['id']}-{index:03}"
    alarm = {
        "AlarmName": name,
        "AlarmDescription": one.get("description") or "",
        "EvaluationPeriods": int(one.get("evaluation_periods") or 1),
        "ComparisonOperator": one["comparison"],
        "TreatMissingData": one.get("treat_missing") or "missing",
    }
    if one.get("threshold") is not None:
        alarm["Threshold"] = float(one["threshold"])
    elif "threshold" not in one:
        alarm["Threshold"] = 1.0
    if one.get("metric_math") or not one.get("namespace") or not one.get("metric"):
        metric = {"Namespace": one.get("namespace") or "Custom", "MetricName": one.get("metric") or "Value"}
        alarm["Metrics"] = [
            {"Id": "m1", "ReturnData": False, "MetricStat": {
                "Metric": metric, "Period": int(one.get("period") or 60), "Stat": one.get("statistic") or "Sum"}},
            {"Id": "e1", "Expression": "m1 * 1", "ReturnData": True},
        ]
    else:
        statistic = one.get("statistic") or "Average"
        named = statistic in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
        alarm.update({
            "Namespace": one["namespace"], "MetricName": one["metric"],
            "Period": int(one.get("period") or 60),
            "Statistic" if named else "ExtendedStatistic": statistic,
            "Dimensions": [{"Name": dimension, "Value": "x"} for dimension in one.get("dimensions") or []],
        })
    cloudwatch.put_metric_alarm(**alarm)
    put[name] = alarm
print(json.dumps(put))

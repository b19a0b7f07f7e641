"""Every shipped Automation document, started in the simulator and read through unmodified boto3."""
import json
import sys
import time
import uuid

import boto3

ssm = boto3.client("ssm", endpoint_url=sys.argv[1])
VALUES = {
    "InstanceId": "i-0a1b2c3d4e5f60718", "InstanceIds": "i-0a1b2c3d4e5f60718", "VolumeId": "vol-0a1b2c3d4e5f60718",
    "RouteTableId": "rtb-0a1b2c3d4e5f60718", "TargetId": "nat-0a1b2c3d4e5f60718", "Url": "http://127.0.0.1:8080/admin",
    "ResourceArn": "arn:aws:rds:eu-central-1:111122223333:db:orders",
    "BackupRoleArn": "arn:aws:iam::111122223333:role/backup", "RestoreTime": "2026-11-20T03:00:00Z",
    "RuleArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener-rule/app/web/1/2/3",
    "FromTargetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/blue/1",
    "ToTargetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/green/1",
    "Approvers": "arn:aws:iam::111122223333:role/oncall", "Unit": "orders.service", "Commands": "true",
}
names = [one["Name"] for page in ssm.get_paginator("list_documents").paginate(
    Filters=[{"Key": "Owner", "Values": ["Self"]}]) for one in page["DocumentIdentifiers"]]
waiting = {}
for name in names:
    text = json.loads(json.dumps(ssm.get_document(Name=name, DocumentFormat="YAML")["Content"]))
    described = ssm.describe_document(Name=name)["Document"]
    assert described["DocumentType"] == "Automation" and described["HashType"] == "Sha256", described
    parameters = {known: [value] for known, value in VALUES.items() if f"\n  {known}:\n" in text}
    while True:
        try:
            waiting[name] = ssm.start_automation_execution(
                DocumentName=name, Parameters=parameters, ClientToken=str(uuid.uuid4()))["AutomationExecutionId"]
            break
        except ssm.exceptions.InvalidAutomationExecutionParametersException as error:
            missing = str(error).split("Required parameter ")[-1].split(" is missing")[0]
            assert missing not in parameters and "Required parameter" in str(error), (name, error)
            parameters[missing] = ["orders"]
until = time.monotonic() + 50
ended = {}
while waiting and time.monotonic() < until:
    for name, execution in list(waiting.items()):
        found = ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
        if found["AutomationExecutionStatus"] == "Waiting":
            ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve",
                                       Payload={"Comment": ["seen"]})
        elif found["AutomationExecutionStatus"] not in ("InProgress", "Pending"):
            ended[name] = found
            del waiting[name]
assert not waiting, waiting
for name, found in sorted(ended.items()):
    assert found["AutomationExecutionStatus"] == "Success", (name, found["AutomationExecutionStatus"], found.get("FailureMessage"))
    assert all(step["StepStatus"] == "Success" for step in found["StepExecutions"] if "ExecutionStartTime" in step), name
    print(name)

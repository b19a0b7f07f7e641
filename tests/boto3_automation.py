"""Automation in the simulator, through unmodified boto3."""
import sys
import time
import uuid

import boto3

ssm = boto3.client("ssm", endpoint_url=sys.argv[1])
INSTANCE = "i-0a1b2c3d4e5f60718"
token = str(uuid.uuid4())
request = dict(DocumentName="AWS-RestartEC2Instance", Parameters={"InstanceId": [INSTANCE]},
               ClientToken=token, Tags=[{"Key": f"standdown:attempt:{token}", "Value": "x"}])
first = ssm.start_automation_execution(**request)["AutomationExecutionId"]
assert ssm.start_automation_execution(**request)["AutomationExecutionId"] == first, "a token starts one"
try:
    ssm.start_automation_execution(**{**request, "Parameters": {"InstanceId": ["i-1"]}})
    raise AssertionError("a token was used twice")
except ssm.exceptions.IdempotentParameterMismatch:
    pass
for wrong, error in [({"DocumentName": "No-Such"}, ssm.exceptions.AutomationDefinitionNotFoundException),
                     ({"Parameters": {}}, ssm.exceptions.InvalidAutomationExecutionParametersException),
                     ({"Parameters": {"InstanceId": ["i"], "X": ["y"]}}, ssm.exceptions.InvalidAutomationExecutionParametersException)]:
    try:
        ssm.start_automation_execution(**{**request, **wrong, "ClientToken": str(uuid.uuid4())})
        raise AssertionError(wrong)
    except error:
        pass


def found(tag):
    pages = ssm.get_paginator("describe_automation_executions").paginate(
        Filters=[{"Key": "TagKey", "Values": [tag]}])
    return [one["AutomationExecutionId"] for page in pages for one in page["AutomationExecutionMetadataList"]]


until = time.monotonic() + 20
while not found(f"standdown:attempt:{token}") and time.monotonic() < until:
    pass
assert found(f"standdown:attempt:{token}") == [first]
assert found("standdown:attempt:other") == []
while time.monotonic() < until:
    execution = ssm.get_automation_execution(AutomationExecutionId=first)["AutomationExecution"]
    if execution["AutomationExecutionStatus"] == "Success":
        break
assert [step["StepStatus"] for step in execution["StepExecutions"]] == ["Success", "Success"], execution
second = ssm.start_automation_execution(**{**request, "ClientToken": str(uuid.uuid4())})["AutomationExecutionId"]
ssm.stop_automation_execution(AutomationExecutionId=second, Type="Cancel")
while time.monotonic() < until:
    status = ssm.get_automation_execution(AutomationExecutionId=second)["AutomationExecution"]["AutomationExecutionStatus"]
    if status == "Cancelled":
        break
assert status == "Cancelled", status
print("ok")

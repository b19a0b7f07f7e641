"""Reads OpsCenter's items with an unmodified boto3."""

import json
import sys

import boto3

ssm = boto3.client("ssm", endpoint_url=sys.argv[1])
items = ssm.describe_ops_items(OpsItemFilters=[
    {"Key": "Source", "Values": ["standdown"], "Operator": "Equal"}])["OpsItemSummaries"]
whole = [ssm.get_ops_item(OpsItemId=item["OpsItemId"])["OpsItem"] for item in items]
print(json.dumps([{key: item.get(key) for key in ("OpsItemId", "Title", "Status", "Severity", "OperationalData")}
                  for item in whole]))

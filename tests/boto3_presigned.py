"""A presigned GetCallerIdentity, compared with the one that botocore signs.

Reads the URL and what it is about from the arguments, and signs the same question at the same time
with the same credentials.
"""

import datetime
import sys
from urllib.parse import parse_qs, urlsplit
from unittest import mock

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

url, about, key, secret, token = sys.argv[1:6]
there = urlsplit(url)
query = parse_qs(there.query)
when = datetime.datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
question = f"{there.scheme}://{there.netloc}{there.path}?Action=GetCallerIdentity&Version=2011-06-15"
request = AWSRequest("GET", question, headers={"x-standdown-digest": about})
region = query["X-Amz-Credential"][0].split("/")[2]
auth = SigV4QueryAuth(
    Credentials(key, secret, token or None), "sts", region, expires=int(query["X-Amz-Expires"][0])
)
with mock.patch("botocore.auth.get_current_datetime", return_value=when):
    auth.add_auth(request)
signed = parse_qs(urlsplit(request.url).query)
assert signed == query, f"{signed}\n{query}"
assert query["X-Amz-SignedHeaders"] == ["host;x-standdown-digest"], query
print("the same")

"""Talks to the simulator in the Query protocol, as older clients of CloudWatch do."""

import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

form = urllib.parse.urlencode({"Action": "DescribeAlarms", "Version": "2010-08-01",
                               "AlarmNames.member.1": "orders-cpu-high"}).encode()
with urllib.request.urlopen(sys.argv[1], form) as answer:
    root = ElementTree.fromstring(answer.read())
names = [node.text for node in root.iter("AlarmName")]
assert names == ["orders-cpu-high"], names
assert root.tag == "DescribeAlarmsResponse"
print("ok")

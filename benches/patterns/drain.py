"""Prints the group that drain3, as it comes, puts each message of a loghub sample into."""
import csv
import sys

from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig

csv.field_size_limit(sys.maxsize)
miner = TemplateMiner(config=TemplateMinerConfig())
with open(sys.argv[1], encoding="utf-8", newline="") as sample:
    for row in csv.DictReader(sample):
        print(miner.add_log_message(row["Content"])["cluster_id"])

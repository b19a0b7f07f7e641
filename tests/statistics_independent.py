"""Counts exported incidents from their JSON Lines, and from nothing else of this project."""

import json
import statistics
import sys
import tomllib
from datetime import datetime


def time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def seconds(later, earlier):
    # To the millisecond, as the console tells them.
    return int((later - earlier).total_seconds() * 1000 + 1e-6) / 1000


def mean(values):
    return sum(values) / len(values) if values else None


ORDER = ["open", "acknowledged", "mitigated", "resolved", "closed"]
since = time(sys.argv[2]) if sys.argv[2] != "-" else None
only = sys.argv[3] if sys.argv[3] != "-" else None
incidents, current, parts = [], None, {}
for line in open(sys.argv[1]):
    record = json.loads(line)
    if "standdown_export" in record:
        current = []
        incidents.append(current)
    elif "event" in record:
        if "execution_started" in record["event"]:
            body = record["event"]["execution_started"]
            body["text"] = body["text"] or parts[record["part"]]
        current.append(record)
    else:
        parts[record["part"]] = record["text"]

total = unfinished = 0
times = {"detect": [], "acknowledge": [], "mitigate": [], "resolve": []}
walks, steps, branches, alarms = [], {}, {}, {}


def name_and_body(event):
    if isinstance(event, str):
        return event, {}
    return next(iter(event.items()))


for events in incidents:
    parsed = [(time(one["at"]), *name_and_body(one["event"])) for one in events]
    opened = next(at for at, name, _ in parsed if name == "incident_opened")
    if since and opened < since:
        continue
    if only and not any(name == "execution_started" and body["playbook"] == only for _, name, body in parsed):
        continue
    total += 1
    reached = {}
    for at, name, body in parsed:
        if name == "status_changed":
            for status in ORDER[1:ORDER.index(body["to"]) + 1]:
                reached.setdefault(status, at)
    unfinished += "closed" not in reached
    attached = [body["alarm"] for _, name, body in parsed if name == "alarm_attached"]
    if attached and attached[0].get("since") and time(attached[0]["since"]) <= opened:
        times["detect"].append(seconds(opened, time(attached[0]["since"])))
    for word, status in (("acknowledge", "acknowledged"), ("mitigate", "mitigated"), ("resolve", "resolved")):
        if status in reached:
            times[word].append(seconds(reached[status], opened))
    for alarm in attached:
        alarms.setdefault(alarm["arn"], []).append(opened)
    own, attempts, took, raised = [], {}, {}, {}
    for at, name, body in parsed:
        if name == "execution_started":
            playbook = tomllib.loads(body["text"])
            own.append({"playbook": playbook, "began": at, "end": None, "status": None, "escalated": False,
                        "arrived": {}, "steps": {step["id"]: step for step in playbook["steps"]}})
            walks.append(own[-1])
            continue
        going = [walk for walk in own if walk["status"] is None]
        walk = next((one for one in reversed(going) if body.get("step") in one["steps"]), None)
        if name == "attempt_started":
            attempts[body["attempt"]] = at
        elif name == "attempt_ended":
            took[body["attempt"]] = seconds(at, attempts[body["attempt"]])
        elif name == "escalation_raised":
            raised[body["escalation"]] = (going or own)[-1]
        elif name == "escalation_approved":
            raised[body["escalation"]]["escalated"] = True
        elif name == "execution_ended":
            going[-1].update(end=at, status=body["status"])
        if walk is None or only and walk["playbook"]["id"] != only:
            continue
        step = walk["steps"][body["step"]]
        key = (walk["playbook"]["id"], body["step"])
        counted = steps.setdefault(key, {"reached": 0, "prefetched_in_time": 0, "failed": 0, "skipped": 0, "took": []})
        if name == "step_arrived":
            counted["reached"] += 1
            walk["arrived"][body["step"], body["visit"]] = at
        elif name == "step_ended":
            here = seconds(at, walk["arrived"][body["step"], body["visit"]])
            result = body["result"]
            if result["result"] == "succeeded":
                counted["prefetched_in_time"] += result["prefetched"]
                if result["attempt"] in took:
                    counted["took"].append(took[result["attempt"]])
            elif result["result"] == "failed":
                counted["failed"] += 1
            elif result["result"] == "confirmed":
                counted["failed"] += result["verdict"] == "failed"
                counted["skipped"] += result["verdict"] == "skipped"
                if result["verdict"] != "skipped":
                    counted["took"].append(here)
            elif result["result"] == "branched":
                counted["took"].append(here)
        elif name == "branch_taken":
            for branch in step["branches"]:
                label = branch["label"]
                one = branches.setdefault((*key, label), {"taken": 0, "recommended": 0, "overridden": 0})
                one["taken"] += body["branch"] == label
                one["recommended"] += body["recommended"] == label
                one["overridden"] += body["recommended"] == label and body["branch"] != label


def executions(chosen):
    ended = [walk for walk in chosen if walk["status"]]
    completed = sum(walk["status"] == "completed" for walk in ended)
    return {
        "executions": len(chosen), "active": len(chosen) - len(ended), "completed": completed,
        "escalated": sum(walk["escalated"] or walk["status"] == "escalated" for walk in chosen),
        "failed": sum(walk["status"] == "failed" for walk in ended),
        "success_rate": completed * 100 / len(ended) if ended else None,
        "average_duration": mean([seconds(walk["end"], walk["began"]) for walk in ended]),
    }


chosen = [walk for walk in walks if not only or walk["playbook"]["id"] == only]
grouped = lambda by: {str(key): executions([walk for walk in chosen if by(walk) == key]) for key in {by(walk) for walk in chosen}}
print(json.dumps({
    "all": executions(chosen),
    "by_playbook": grouped(lambda walk: walk["playbook"]["id"]),
    "by_rung": grouped(lambda walk: walk["playbook"].get("rung", 2)),
    "incidents": {"total": total, "unfinished": unfinished,
                  **{f"mean_time_to_{word}": mean(values) for word, values in times.items()}},
    "steps": {"/".join(key): {**{name: value for name, value in one.items() if name != "took"},
                              "median_duration": statistics.median(one["took"]) if one["took"] else None}
              for key, one in steps.items() if one["reached"]},
    "branches": {"/".join(key): one for key, one in branches.items()},
    "problems": {arn: len(found) for arn, found in alarms.items() if len(found) > 1},
}))

"""Subscribes a queue to a topic, and prints what the topic sends there."""

import json
import sys

import boto3

OPTIONS = dict(endpoint_url=sys.argv[1])
sns = boto3.client("sns", **OPTIONS)
sqs = boto3.client("sqs", **OPTIONS)
what, name = sys.argv[2], sys.argv[3]
fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
if what == "make":
    topic = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"} if fifo else {})["TopicArn"]
    queue = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    print(topic)
else:
    queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = []
    # A first poll waits until there is something; the next ones take what else is there.
    while True:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10,
                                     WaitTimeSeconds=1 if found else 20)
        messages = answer.get("Messages", [])
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        if not messages:
            break
    print(json.dumps(found))

"""Reads every topic from the beginning and compares it with what the shards committed.

usage: python read_topics.py BROKERS STATE_FOLDER

The truth is the outbox of each shard, read from the databases of a state folder whose worker has been stopped. Each row
must be in its topic exactly once, with its key, its bytes and its headers, in the partition that the Java client would
choose, and in the order of its key. The last line is a JSON object of counts; ends with 1 at any difference.
"""

import argparse
import collections
import json
import pathlib
import sqlite3
import sys
import time

TOPICS = {"gyesan.orders": "OrderShard", "gyesan.ledger": "LedgerShard"}
HEADERS = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type")
SHOWN_MAX = 20

Row = collections.namedtuple("Row", "key value trace")
Message = collections.namedtuple("Message", "partition offset key value headers")


def murmur2(data):
    """The Java client's hash, as a number without a sign."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    value = (0x9747B28C ^ length) & mask
    whole = length - length % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        value = (value * factor & mask) ^ word
    if whole < length:
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def partition_of(key, partitions):
    """Where the Java client would put a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def committed(folder, class_name):
    """The outbox rows of all shards of a class, shard by shard in the order of their numbers."""
    rows = []
    for path in sorted(folder.glob(f"v3/do/*-{class_name}/*.sqlite")):
        database = sqlite3.connect(path)
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "outbox" in tables:
            for key, value, trace in database.execute("SELECT key, value, trace FROM outbox ORDER BY seq"):
                rows.append(Row(key.encode(), value, trace))
        database.close()
    return rows


def published(brokers, topic):
    """How many partitions a topic has, and every message in it."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "gyesan-read-topics",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "auto.offset.reset": "error",
            "fetch.message.max.bytes": 1 << 24,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=20).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        count = len(found.partitions)
        left, total = {}, 0
        for partition in range(count):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
            if high > low:
                left[partition] = high
            total += high - low
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        messages, give_up = [], time.monotonic() + 60
        while left:
            if time.monotonic() > give_up:
                raise TimeoutError(f"{topic}: nothing more came; {len(messages)} of {total} were read")
            for message in consumer.consume(1000, timeout=1):
                if message.error():
                    raise KafkaException(message.error())
                headers = {name: value.decode() for name, value in message.headers() or []}
                messages.append(
                    Message(message.partition(), message.offset(), message.key(), message.value(), headers)
                )
                if left.get(message.partition()) == message.offset() + 1:
                    del left[message.partition()]
        return count, messages
    finally:
        consumer.close()


def header_faults(row, message):
    """What is wrong with the headers of a message."""
    missing = [name for name in HEADERS if not message.headers.get(name)]
    if missing:
        yield f"headers are missing: {', '.join(missing)}"
    elif message.headers["ce_id"].encode() not in row.value:
        yield f"ce_id {message.headers['ce_id']} is not the event's"
    if row.trace and message.headers.get("traceparent") != row.trace:
        yield f"traceparent is {message.headers.get('traceparent')}, not {row.trace}"


def compare(rows, messages, partitions):
    """Counts of every kind of difference, and sentences about them."""
    counts = dict.fromkeys(("missing", "duplicated", "extra", "outOfOrder", "misplaced", "badHeaders"), 0)
    said = []

    def note(kind, sentence):
        counts[kind] += 1
        said.append(f"{kind}: {sentence}")

    wanted = {(row.key, row.value): row for row in rows}
    seen = collections.Counter((message.key, message.value) for message in messages)
    for (key, value), row in wanted.items():
        times = seen.get((key, value), 0)
        if times == 0:
            note("missing", f"an event of {key.decode()}")
        elif times > 1:
            counts["duplicated"] += times - 2
            note("duplicated", f"an event of {key.decode()}, {times} times")
    for message in messages:
        place = f"partition {message.partition}, offset {message.offset}"
        row = wanted.get((message.key, message.value))
        if row is None:
            note("extra", f"{place}: nobody committed this event of {message.key}")
            continue
        if message.partition != partition_of(message.key, partitions):
            note("misplaced", f"{place}: {message.key.decode()} belongs to {partition_of(message.key, partitions)}")
        for fault in header_faults(row, message):
            note("badHeaders", f"{place}: {fault}")
    order = collections.defaultdict(list)
    for row in rows:
        order[row.key].append(row.value)
    arrived = collections.defaultdict(list)
    for message in sorted(messages, key=lambda message: (message.partition, message.offset)):
        if message.value not in arrived[message.key]:
            arrived[message.key].append(message.value)
    for key, values in arrived.items():
        known = [value for value in order.get(key, []) if value in values]
        if known != [value for value in values if value in known]:
            note("outOfOrder", f"the events of {key.decode()}")
    return counts, said


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("brokers")
    arguments.add_argument("state", type=pathlib.Path)
    arguments = arguments.parse_args()
    total = collections.Counter()
    for topic, class_name in TOPICS.items():
        rows = committed(arguments.state, class_name)
        partitions, messages = published(arguments.brokers, topic)
        counts, said = compare(rows, messages, partitions)
        for sentence in said[:SHOWN_MAX]:
            print(f"{topic}: {sentence}", file=sys.stderr)
        used = len({message.partition for message in messages})
        print(f"{topic}: {len(rows)} committed, {len(messages)} read from {used} of {partitions} partitions")
        total.update({"events": len(rows), "read": len(messages), **counts})
        _, letters = published(arguments.brokers, f"{topic}.dlt")
        total.update({"deadLetters": len(letters)})
    print(json.dumps(total))
    wrong = ("missing", "duplicated", "extra", "outOfOrder", "misplaced", "badHeaders")
    return 1 if any(total[kind] for kind in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())

"""When events reach a consumer that knows nothing of their producer, counted from when they happened.

usage: python time_arrivals.py BROKERS COUNT TOPIC …

Reads the topics from their ends on, and says `ready` when it does. Ends after COUNT events, or when nothing has come for ten seconds.
Then prints as JSON how many different events of each type came, and for each the milliseconds from its `ce_time` to its
arrival here by the same machine's clock. `ce_time` is taken before the event is committed and has no parts of a millisecond.
"""

import collections
import gc
import json
import sys
import time
from datetime import datetime

from confluent_kafka import Consumer, KafkaException, TopicPartition

IDLE_S = 10


def opened(brokers, topics):
    """A consumer of everything that comes from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "gyesan-time-arrivals",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            # The broker answers at once when there is something.
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 1,
        }
    )
    places = []
    for topic in topics:
        for partition in consumer.list_topics(topic, timeout=20).topics[topic].partitions:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
            places.append(TopicPartition(topic, partition, end))
    consumer.assign(places)
    return consumer


def main(brokers, count, *topics):
    count = int(count)
    consumer = opened(brokers, topics)
    consumer.poll(0.5)
    gc.disable()
    print("ready", flush=True)
    arrivals, last = [], time.monotonic()
    while len(arrivals) < count and time.monotonic() - last < IDLE_S:
        message = consumer.poll(0.5)
        now = time.time()
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        arrivals.append((now, message.headers()))
        last = time.monotonic()
    # Whatever comes now is more than there should be.
    late = consumer.poll(1)
    if late is not None and not late.error():
        arrivals.append((time.time(), late.headers()))
    consumer.close()
    types, milliseconds = collections.defaultdict(set), []
    for now, headers in arrivals:
        headers = {name: value.decode() for name, value in headers}
        types[headers["ce_type"]].add(headers["ce_id"])
        happened = datetime.fromisoformat(headers["ce_time"].replace("Z", "+00:00")).timestamp()
        milliseconds.append((now - happened) * 1e3)
    return {
        "read": len(arrivals),
        "types": {name: len(ids) for name, ids in types.items()},
        "milliseconds": milliseconds,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

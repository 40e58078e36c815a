"""What librdkafka's idempotent producer makes of the records that a relay is about to publish, on the same broker.

usage: python produce_librdkafka.py BROKERS TOPIC DATABASE:AFTER …

Reads the outbox rows after a position of each shard's database and produces them twice to a topic: once with the headers that the relay
gives them, one call a record; and once without, in lists of 10,000, so that little of the time is Python's. Prints the counts of
what was acknowledged and the seconds from the first call to the last acknowledgement as JSON.
"""

import gc
import json
import sqlite3
import sys
import time

from confluent_kafka import Producer

LIST = 10_000
SETTINGS = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 5,
    # Where the Java client, and so the relay, would put them.
    "partitioner": "murmur2_random",
    # All of them fit into its queue, so that no call waits for room.
    "queue.buffering.max.messages": 10_000_000,
    "queue.buffering.max.kbytes": 2_000_000,
    # What went well costs no call into Python; a full flush says that all of it is acknowledged.
    "delivery.report.only.error": True,
}


def text_at(value, start):
    """An Avro text of less than 64 bytes, and where it ends."""
    end = start + 1 + value[start] // 2
    return value[start + 1 : end], end


def headers_of(key, value):
    """The headers of an event, of the same names and sizes as the relay's."""
    event_id, end = text_at(value, 5)
    merchant_id, _ = text_at(value, end)
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id),
        ("ce_type", b"payment.unresolved"),
        ("ce_source", b"/gyesan/" + merchant_id),
        ("ce_subject", key),
        ("ce_time", b"2026-01-01T00:00:00.000Z"),
        ("content-type", b"application/avro"),
    ]


def rows_of(place):
    """Keys and values of a shard's outbox after a position."""
    path, _, after = place.rpartition(":")
    database = sqlite3.connect(path)
    rows = database.execute("SELECT key, value FROM outbox WHERE seq > ? ORDER BY seq", (int(after),))
    rows = [(key.encode(), value) for key, value in rows]
    database.close()
    return rows


def timed(brokers, produce):
    """Seconds that a way to produce takes until everything is acknowledged."""
    failed = []
    producer = Producer({"bootstrap.servers": brokers, "on_delivery": lambda error, _: failed.append(error), **SETTINGS})
    # The connection and the producer's id are there before the clock runs, as the relay's are.
    producer.list_topics(timeout=20)
    begun = time.perf_counter()
    produce(producer)
    left = producer.flush(120)
    seconds = time.perf_counter() - begun
    if failed or left:
        raise SystemExit(f"{len(failed)} failed, {left} without an answer: {failed[:1]}")
    return seconds


def main(brokers, topic, *places):
    rows = [row for place in places for row in rows_of(place)]
    records = [(key, value, headers_of(key, value)) for key, value in rows]
    lists = [
        [{"key": key, "value": value} for key, value in rows[first : first + LIST]]
        for first in range(0, len(rows), LIST)
    ]
    gc.disable()

    def with_headers(producer):
        for key, value, headers in records:
            producer.produce(topic, key=key, value=value, headers=headers)

    def in_lists(producer):
        for messages in lists:
            if producer.produce_batch(topic, messages) != len(messages):
                raise SystemExit("a list was not taken whole")

    return {
        "records": len(rows),
        "withHeaders": timed(brokers, with_headers),
        "inLists": timed(brokers, in_lists),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

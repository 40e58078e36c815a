"""Reads every topic as another department with a schema registry would, and compares it with what the shards committed.

usage: python read_registered.py BROKERS STATE_FOLDER REGISTRY_URL SCHEMAS_FOLDER

Each value is read by confluent-kafka's AvroDeserializer, which asks the registry for the schema of the value's id. Then the
id is put back to the committed one, and the comparison is that of read_topics.py, whose last line this prints too.
"""

import argparse
import collections
import json
import pathlib
import struct
import sys

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from read_topics import SHOWN_MAX, TOPICS, committed, compare, published
from read_values import committed as committed_schemas

PREFIX = struct.Struct(">bI")


class Reader:
    """The registry's schemas beside the committed ones."""

    def __init__(self, url, folder):
        self.client = SchemaRegistryClient({"url": url})
        self.deserializer = AvroDeserializer(self.client, conf={"subject.name.strategy.type": "TOPIC_RECORD"})
        self.ours = {json.dumps(json.loads(text), sort_keys=True): id for id, text in committed_schemas(folder).items()}
        self.ids = {}

    def committed_id(self, theirs):
        """Our id of a schema of the registry."""
        if theirs not in self.ids:
            schema = json.loads(self.client.get_schema(theirs).schema_str)
            self.ids[theirs] = self.ours[json.dumps(schema, sort_keys=True)]
        return self.ids[theirs]

    def read(self, topic, message):
        """The message with the committed id in its value, and what is wrong with it."""
        record = self.deserializer(message.value, SerializationContext(topic, MessageField.VALUE))
        fault = None if record["eventId"] == message.headers["ce_id"] else f"{record['eventId']} is read"
        magic, theirs = PREFIX.unpack_from(message.value)
        value = PREFIX.pack(magic, self.committed_id(theirs)) + message.value[PREFIX.size :]
        return message._replace(value=value), fault


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("brokers")
    arguments.add_argument("state", type=pathlib.Path)
    arguments.add_argument("registry")
    arguments.add_argument("schemas", type=pathlib.Path)
    arguments = arguments.parse_args()
    reader, total = Reader(arguments.registry, arguments.schemas), collections.Counter()
    for topic, class_name in TOPICS.items():
        rows = committed(arguments.state, class_name)
        partitions, messages = published(arguments.brokers, topic)
        read = [reader.read(topic, message) for message in messages]
        counts, said = compare(rows, [message for message, _ in read], partitions)
        faults = [fault for _, fault in read if fault]
        for sentence in (said + faults)[:SHOWN_MAX]:
            print(f"{topic}: {sentence}", file=sys.stderr)
        counts["badHeaders"] += len(faults)
        total.update({"events": len(rows), "read": len(messages), **counts})
        _, letters = published(arguments.brokers, f"{topic}.dlt")
        total.update({"deadLetters": len(letters)})
    ids = ", ".join(f"{theirs} for {ours}" for theirs, ours in sorted(reader.ids.items()))
    print(f"ids of the registry: {ids}")
    print(json.dumps(total))


if __name__ == "__main__":
    main()

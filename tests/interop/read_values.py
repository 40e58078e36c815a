"""Reads published values as another department would: with fastavro and with confluent-kafka's AvroDeserializer.

usage: python read_values.py SCHEMAS_FOLDER [--registry URL] < values.txt

A line is `subject hex json`: where the schema belongs, the value in the Confluent wire format with the committed id,
and the event as the HTTP API shows it. Each value must be read as that event, also by a schema that has gained a
field; written again by fastavro it must be the same bytes. With --registry the schemas are registered there first, and
the values carry the registry's ids. Ends with 1 at any difference.
"""

import argparse
import copy
import datetime
import io
import json
import pathlib
import struct
import sys

import fastavro
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

PREFIX = struct.Struct(">bI")
ADDED = {"name": "addedLater", "type": "string", "default": "not said"}


class CommittedSchemas(SchemaRegistryClient):
    """Stands in for a registry: the committed files, by their committed ids. Nothing is asked over the network."""

    def __init__(self, texts):
        super().__init__({"url": "http://127.0.0.1:9"})
        self.texts = texts

    def get_schema(self, schema_id, *_args, **_kwargs):
        return Schema(self.texts[schema_id], "AVRO")


def committed(folder):
    """The committed schemas by id."""
    released = json.loads((folder / "released.json").read_text(encoding="utf-8"))
    name = "{type}.{version}.avsc".format
    return {entry["id"]: (folder / name(**entry)).read_text(encoding="utf-8") for entry in released}


def register(url, subjects, texts):
    """Registers the schemas of the subjects; the registry's client, and its ids by ours."""
    client = SchemaRegistryClient({"url": url})
    ids = {}
    for ours, subject in subjects.items():
        client.set_compatibility(subject, "BACKWARD")
        ids[ours] = client.register_schema(subject, Schema(texts[ours], "AVRO"))
    return client, ids


def moment(text):
    """The moment that Avro's timestamp-millis is read as."""
    return text and datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def expected(event):
    """The record that an event is to be read as: times as moments, and no type, which is the schema's name."""
    record = {name: value for name, value in event.items() if name != "type"}
    for name in ("occurredAt", "approvedAt"):
        if name in record:
            record[name] = moment(record[name])
    return record


def readings(value, text, topic, client):
    """What each reader makes of a value, by name, with what the evolved reader is to see besides."""
    schema = json.loads(text)
    evolved = copy.deepcopy(schema)
    evolved["fields"].append(ADDED)
    later = {ADDED["name"]: ADDED["default"]}
    datum = io.BytesIO(value[PREFIX.size :])
    yield "fastavro", {}, fastavro.schemaless_reader(datum, schema)
    if datum.read():
        raise ValueError("bytes are left over")
    datum.seek(0)
    yield "fastavro, evolved", later, fastavro.schemaless_reader(datum, schema, evolved)
    context = SerializationContext(topic, MessageField.VALUE)
    conf = {"subject.name.strategy.type": "TOPIC_RECORD"}
    yield "AvroDeserializer", {}, AvroDeserializer(client, conf=conf)(value, context)
    reader = AvroDeserializer(client, json.dumps(evolved), conf=conf)
    yield "AvroDeserializer, evolved", later, reader(value, context)


def faults(line, texts, client, ids):
    """Every difference that a line shows."""
    subject, hexadecimal, document = line.split(" ", 2)
    value, event = bytes.fromhex(hexadecimal), json.loads(document)
    magic, ours = PREFIX.unpack_from(value)
    text = texts[ours]
    schema = json.loads(text)
    topic, _, record = subject.partition("-")
    if magic != 0:
        yield f"the magic byte is {magic}"
    if record != schema["namespace"] + "." + schema["name"]:
        yield f"the schema is {schema['name']}"
    sent = PREFIX.pack(0, ids[ours]) + value[PREFIX.size :]
    for reader, besides, read in readings(sent, text, topic, client):
        wanted = {**expected(event), **besides}
        if read != wanted:
            yield f"{reader} reads {read}, not {wanted}"
    again = io.BytesIO()
    fastavro.schemaless_writer(again, fastavro.parse_schema(schema), expected(event))
    if again.getvalue() != value[PREFIX.size :]:
        yield f"fastavro writes {again.getvalue().hex()}, not {hexadecimal[2 * PREFIX.size :]}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("schemas", type=pathlib.Path)
    arguments.add_argument("--registry")
    arguments = arguments.parse_args()
    texts = committed(arguments.schemas)
    lines = [line for line in sys.stdin.read().splitlines() if line]
    client, ids = CommittedSchemas(texts), {ours: ours for ours in texts}
    if arguments.registry:
        first = {PREFIX.unpack_from(bytes.fromhex(line.split(" ")[1]))[1]: line.split(" ")[0] for line in lines}
        client, ids = register(arguments.registry, first, texts)
    found = 0
    for number, line in enumerate(lines, 1):
        for fault in faults(line, texts, client, ids):
            found += 1
            print(f"line {number}, {line.split(' ')[0]}: {fault}", file=sys.stderr)
    unread = set(texts) - {PREFIX.unpack_from(bytes.fromhex(line.split(" ")[1]))[1] for line in lines}
    for ours in sorted(unread):
        found += 1
        print(f"no value of schema {ours}", file=sys.stderr)
    print(f"{len(lines)} values of {len(texts) - len(unread)} schemas read, {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""What an administrator of the cluster does, for the tests that do it under way.

usage: python administer.py BROKERS delete-topic NAME | create-topic NAME COUNT REPLICAS | partitions NAME COUNT
                                    | configure NAME KEY=VALUE | lag GROUP | ends NAME | write NAME KEY VALUE | read NAME
                                    | allow USER OPERATION,… | forbid USER OPERATION,…

Prints the answer as JSON.
"""

import json
import sys

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)


def settle(futures):
    """Waits for what was asked for."""
    for future in futures.values():
        future.result(timeout=20)
    return {}


def lag(brokers, admin, group):
    """What a group has committed and how far that is from the end, by partition."""
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "gyesan-administer"})
    found = {}
    for place in future.result(timeout=20).topic_partitions:
        _, end = consumer.get_watermark_offsets(place, timeout=20)
        found[f"{place.topic}/{place.partition}"] = {"committed": place.offset, "lag": end - place.offset}
    consumer.close()
    return found


def ends(brokers, topic):
    """The end offset of each partition."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "gyesan-administer"})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    found = {}
    for partition in partitions:
        _, found[partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
    consumer.close()
    return found


def write(brokers, topic, key, value):
    """Somebody writes a record of their own."""
    producer = Producer({"bootstrap.servers": brokers, "acks": "all"})
    producer.produce(topic, value, key)
    if producer.flush(20):
        sys.exit(f"{topic} takes nothing")
    return {}


def read(brokers, topic):
    """Every record of a topic, as text."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "gyesan-administer", "enable.partition.eof": True})
    known = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    partitions = [TopicPartition(topic, partition, 0) for partition in known]
    left, found = len(partitions), []
    consumer.assign(partitions)
    while left:
        message = consumer.poll(20)
        if message is None:
            sys.exit(f"{topic} cannot be read to its end")
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
            left -= 1
            continue
        texts = {"key": message.key(), "value": message.value()}
        record = {name: value.decode() for name, value in texts.items() if value is not None}
        headers = {name: value.decode() for name, value in message.headers() or []}
        found.append({**record, "partition": message.partition(), "headers": headers})
    consumer.close()
    return found


def acls(kind, user, operations):
    """What a user may do with the product's topics; a reader needs its groups, too."""
    places = [(ResourceType.TOPIC, "gyesan.", operation) for operation in operations]
    if "READ" in operations:
        places.append((ResourceType.GROUP, "gyesan-", "READ"))
    for resource, prefix, operation in places:
        pattern = (resource, prefix, ResourcePatternType.PREFIXED, f"User:{user}", "*")
        yield kind(*pattern, AclOperation[operation], AclPermissionType.ALLOW)


def main(brokers, deed, name, *rest):
    admin = AdminClient({"bootstrap.servers": brokers})
    if deed == "delete-topic":
        return settle(admin.delete_topics([name]))
    if deed == "create-topic":
        return settle(admin.create_topics([NewTopic(name, int(rest[0]), replication_factor=int(rest[1]))]))
    if deed == "partitions":
        return settle(admin.create_partitions([NewPartitions(name, int(rest[0]))]))
    if deed == "configure":
        key, value = rest[0].split("=")
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        return settle(admin.incremental_alter_configs([resource]))
    if deed == "lag":
        return lag(brokers, admin, name)
    if deed == "ends":
        return ends(brokers, name)
    if deed == "write":
        return write(brokers, name, *rest)
    if deed == "read":
        return read(brokers, name)
    if deed == "allow":
        return settle(admin.create_acls(list(acls(AclBinding, name, rest[0].split(",")))))
    if deed == "forbid":
        return settle(admin.delete_acls(list(acls(AclBindingFilter, name, rest[0].split(",")))))
    raise SystemExit(f"no deed {deed}")


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

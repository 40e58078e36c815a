"""The comparison of read_topics.py finds every kind of difference."""

import unittest

from read_topics import Message, Row, compare, murmur2, partition_of

# Key and hash, from the Java client 4.3.1.
JAVA = [(b"", 275646681), (b"a", -1563381124), (b"21", -973932308), (b"order-1", 1221710326)]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def row(key, number):
    return Row(key.encode(), f"evt_{key}{number}".encode(), TRACE)


def message(at, offset, partitions=4, **changed):
    headers = dict.fromkeys(("ce_specversion", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"), "x")
    headers.update(ce_id=at.value.decode(), traceparent=at.trace)
    message = Message(partition_of(at.key, partitions), offset, at.key, at.value, headers)
    return message._replace(**changed)


class Comparison(unittest.TestCase):
    rows = [row("a", 1), row("a", 2), row("b", 1), row("a", 3)]

    def found(self, messages):
        counts, said = compare(self.rows, messages, 4)
        found = {kind: count for kind, count in counts.items() if count}
        self.assertEqual(bool(found), bool(said))
        return found

    def as_published(self):
        return [message(at, offset) for offset, at in enumerate(self.rows)]

    def test_what_was_published_once_and_in_order_is_right(self):
        self.assertEqual(self.found(self.as_published()), {})

    def test_a_missing_event_is_found(self):
        self.assertEqual(self.found(self.as_published()[1:]), {"missing": 1})

    def test_each_repetition_is_counted(self):
        again = [message(self.rows[3], offset) for offset in (10, 11)]
        self.assertEqual(self.found(self.as_published() + again), {"duplicated": 2})

    def test_an_event_that_nobody_committed_is_found(self):
        self.assertEqual(self.found(self.as_published() + [message(row("a", 9), 9)]), {"extra": 1})

    def test_two_events_of_a_key_that_changed_places_are_found(self):
        messages = self.as_published()
        messages[0], messages[1] = messages[1]._replace(offset=0), messages[0]._replace(offset=1)
        self.assertEqual(self.found(messages), {"outOfOrder": 1})

    def test_a_key_in_another_partition_is_found(self):
        messages = self.as_published()
        messages[2] = messages[2]._replace(partition=messages[2].partition ^ 1)
        self.assertEqual(self.found(messages), {"misplaced": 1})

    def test_headers_of_another_event_are_found(self):
        messages = self.as_published()
        messages[0] = messages[0]._replace(headers={**messages[0].headers, "ce_id": "evt_other"})
        messages[1] = messages[1]._replace(headers={**messages[1].headers, "traceparent": "00"})
        self.assertEqual(self.found(messages), {"badHeaders": 2})


class Partitions(unittest.TestCase):
    def test_hashes_are_the_java_clients(self):
        for key, signed in JAVA:
            self.assertEqual(murmur2(key), signed & 0xFFFFFFFF)


if __name__ == "__main__":
    unittest.main()

-- The dead letters of a topic, in the order in which they were put aside: the log that a relay publishes to `<topic>.dlt`. Rows are kept.
CREATE TABLE dead_letter_log (
    seq      INTEGER PRIMARY KEY,   -- from 1, without gaps
    key      BLOB NOT NULL,         -- decides the partition; empty when the record has none
    record   BLOB NOT NULL,         -- what is published, as a record batch of one
    topic    TEXT NOT NULL,         -- JSON: the topic that it was read from
    position INTEGER NOT NULL,      -- and where
    UNIQUE (topic, position)        -- a record that is read again, because an operator has moved the position, is published once
) STRICT

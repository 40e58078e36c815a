-- How far the outbox had been published at a time, noted once an hour at most: what lies before it may be removed once that is long
-- enough ago. Only in Kafka mode.
CREATE TABLE outbox_published (
    at  INTEGER PRIMARY KEY, -- milliseconds since 1970
    seq INTEGER NOT NULL     -- the relay needed nothing up to here any more
) STRICT

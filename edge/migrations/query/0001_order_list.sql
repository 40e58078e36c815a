-- The query side: read models, written by the consumers of the events and by nobody else. Each can be emptied and read again.
-- Every row carries merchant_id: one merchant never reads another's.

-- Which reading of the events each read model is made of. A rebuild empties the model and begins the next generation; what
-- an earlier one still has under way is refused by its number.
CREATE TABLE generations (
    consumer   TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO generations (consumer, generation) VALUES ('order-list', 1);

-- How far each partition is applied: the truth about where its reader stands. Each batch moves the row from its own beginning to
-- its end, in one transaction with its effects. One that does not begin where the last has ended would write NULL, and NOT
-- NULL refuses it as a whole: so a batch is applied once, however often it comes and however it is cut.
CREATE TABLE applied (
    reader      TEXT PRIMARY KEY,    -- of one shard's log, or of one partition of a topic
    consumer    TEXT NOT NULL REFERENCES generations (consumer),
    generation  INTEGER NOT NULL,
    next_offset INTEGER NOT NULL     -- as the reader counts: behind the last record that is applied
) STRICT;

-- A merchant's orders, one row each. A status is kept with the order's version that it is from, so that events may come again or
-- late without taking it back; amounts and member are NULL until an event has told them.
CREATE TABLE orders (
    merchant_id            TEXT NOT NULL,
    order_id               TEXT NOT NULL,
    currency               TEXT NOT NULL,
    gross_amount           INTEGER,
    discount               INTEGER,
    amount                 INTEGER,
    member_id              TEXT,
    payment_status         TEXT NOT NULL,
    payment_status_version INTEGER NOT NULL,
    order_status           TEXT NOT NULL,
    order_status_version   INTEGER NOT NULL,
    order_version          INTEGER NOT NULL,
    created_at             INTEGER NOT NULL, -- milliseconds since 1970, as all times
    updated_at             INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, order_id)
) STRICT;

-- Lists go from the newest to the oldest; a filter picks the index, the others are looked at in its rows.
CREATE INDEX orders_by_age ON orders (merchant_id, created_at, order_id);
CREATE INDEX orders_by_payment_status ON orders (merchant_id, payment_status, created_at, order_id);
CREATE INDEX orders_by_order_status ON orders (merchant_id, order_status, created_at, order_id);
CREATE INDEX orders_by_member ON orders (merchant_id, member_id, created_at, order_id);

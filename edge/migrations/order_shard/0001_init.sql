-- Orders with everything about their payment. order_row is the short key that the other tables use; orders are never
-- removed, so the last one's is also their number.
CREATE TABLE orders (
    order_row      INTEGER PRIMARY KEY,
    merchant_id    TEXT NOT NULL,
    order_id       TEXT NOT NULL,
    order_name     TEXT NOT NULL,
    gross_amount   INTEGER NOT NULL CHECK (gross_amount >= amount),
    discount       INTEGER NOT NULL CHECK (discount = gross_amount - amount),
    amount         INTEGER NOT NULL CHECK (amount > 0),
    coupon_code    TEXT,
    content        TEXT NOT NULL,    -- what was asked for, canonical: a PUT with other content is refused
    lines          TEXT NOT NULL,    -- JSON: the lines as priced
    member_id      TEXT,
    buyer          TEXT NOT NULL,    -- JSON, personal: never in events or logs
    return_url     TEXT,
    metadata       TEXT NOT NULL,    -- JSON
    order_status   TEXT NOT NULL,
    payment_status TEXT NOT NULL,
    paid           TEXT,             -- JSON: the PSP's word on the payment that succeeded
    failure        TEXT,             -- JSON: the last refusal, while the order is not paid
    failed_count   INTEGER NOT NULL DEFAULT 0,
    unresolved     INTEGER NOT NULL DEFAULT 0,
    credits_due    INTEGER NOT NULL, -- credits of sellers still to be reported; 0 = wallets done
    version        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

-- An order id is the merchant's own and unique within the merchant.
CREATE UNIQUE INDEX orders_by_id ON orders (merchant_id, order_id);

-- One per line: what a seller is credited for. credited has bit 1 when the payment, bit 2 when the promotion has arrived.
CREATE TABLE payment_orders (
    order_row        INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    payment_order_id TEXT NOT NULL,
    product_id       TEXT,
    seller_id        TEXT NOT NULL,
    gross_amount     INTEGER NOT NULL,
    discount         INTEGER NOT NULL,
    amount           INTEGER NOT NULL,
    funded_by        TEXT NOT NULL,
    credited         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (order_row, number)
) STRICT, WITHOUT ROWID;

-- One per authentication of the buyer, however often he returns with it. The state machine keeps the keys of an order apart
-- and at most one of its attempts open; an order has ten at most, and is read and written with all of them.
CREATE TABLE attempts (
    order_row   INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    attempt_id  TEXT NOT NULL,
    payment_key TEXT NOT NULL,
    state       TEXT NOT NULL,
    dialogue    TEXT,                -- JSON, while the PSP is being asked
    refusal     TEXT,                -- JSON, after a refusal
    trace       TEXT,                -- W3C trace context of the return that began it
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (order_row, number)
) STRICT, WITHOUT ROWID;

-- Every change of a payment's status, append only.
CREATE TABLE history (
    order_row       INTEGER NOT NULL,
    number          INTEGER NOT NULL,
    previous_status TEXT,
    new_status      TEXT NOT NULL,
    changed_by      TEXT NOT NULL,
    reason          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (order_row, number)
) STRICT, WITHOUT ROWID;

-- What has to be done at a time: expire an order (attempt 0), or go on with an attempt's dialogue.
-- tries is committed before each piece of work, so that one that fails badly cannot stop the others.
CREATE TABLE due (
    order_row INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('expire', 'call', 'pause')),
    at        INTEGER NOT NULL,
    tries     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (order_row, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX due_at ON due (at);

-- What a person has to look at, or should know.
CREATE TABLE notices (
    number      INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    order_row   INTEGER NOT NULL,
    payment_key TEXT NOT NULL,
    reason      TEXT NOT NULL,
    open        INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_by_order ON notices (order_row);

-- Answers by idempotency key, for 24 hours. status is NULL while the request runs.
CREATE TABLE idempotency (
    scope      TEXT PRIMARY KEY,
    request    TEXT NOT NULL,
    status     INTEGER,
    body       TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Running sums in won over all orders, kept in the transactions that change them. One row.
CREATE TABLE totals (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    charges    INTEGER NOT NULL,
    refunds    INTEGER NOT NULL,
    uncredited INTEGER NOT NULL
) STRICT;
INSERT INTO totals (id, charges, refunds, uncredited) VALUES (1, 0, 0, 0);

-- The log: appended in the transaction that changes the state. seq has no gaps: rows are never removed at the end.
CREATE TABLE outbox (
    seq   INTEGER PRIMARY KEY,
    key   TEXT NOT NULL,   -- the events of one key stay in order
    value BLOB NOT NULL,   -- Avro in the Confluent wire format, with the ids of edge/schemas
    trace TEXT             -- W3C trace context of the request behind it
) STRICT;
CREATE INDEX outbox_by_key ON outbox (key)

-- Accounts with credit balances positive, in won. A balance is the sum of its transfers.
CREATE TABLE accounts (
    merchant_id TEXT NOT NULL,
    account     TEXT NOT NULL,
    balance     INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, account)
) STRICT, WITHOUT ROWID;

-- Money moved from the debit account to the credit account, append only.
CREATE TABLE transfers (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,  -- chosen by the caller: a repeat is recognised by it
    merchant_id      TEXT NOT NULL,
    debit            TEXT NOT NULL,
    credit           TEXT NOT NULL CHECK (credit <> debit),
    amount           INTEGER NOT NULL CHECK (amount > 0),
    order_id         TEXT NOT NULL,
    payment_order_id TEXT NOT NULL,
    fund             TEXT NOT NULL,
    event_id         TEXT NOT NULL,
    created_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX transfers_by_credit ON transfers (merchant_id, credit, seq);

-- The log: appended in the transaction that changes the state. seq has no gaps: rows are never removed at the end.
CREATE TABLE outbox (
    seq   INTEGER PRIMARY KEY,
    key   TEXT NOT NULL,   -- the events of one key stay in order
    value BLOB NOT NULL,   -- Avro in the Confluent wire format, with the ids of edge/schemas
    trace TEXT             -- W3C trace context of the request behind it
) STRICT;
CREATE INDEX outbox_by_key ON outbox (key)

-- Counts the processes that have opened this store. Only the last one may write: an earlier one that still runs finds another
-- number here and stops. One row.
CREATE TABLE processes (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    latest INTEGER NOT NULL
) STRICT;
INSERT INTO processes (id, latest) VALUES (1, 0);

-- The relay's identity at the brokers: the one writer under it is whoever owns this database. At most one row.
CREATE TABLE producer (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    producer_id INTEGER NOT NULL,
    epoch       INTEGER NOT NULL
) STRICT;

-- The topics as they were first seen: neither id nor number of partitions may change.
CREATE TABLE topics (
    topic      TEXT PRIMARY KEY,
    id         TEXT NOT NULL,
    partitions INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The partitions published to: the sequence of the next record, and the offset from which read-back starts.
CREATE TABLE partitions (
    topic         TEXT NOT NULL,
    partition     INTEGER NOT NULL,
    producer_id   INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL,
    scan_from     INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- Batches that the brokers have not acknowledged: sent again as they are, byte for byte, in the order of number.
CREATE TABLE frozen (
    number        INTEGER PRIMARY KEY,
    topic         TEXT NOT NULL,
    partition     INTEGER NOT NULL,
    base_sequence INTEGER NOT NULL,
    count         INTEGER NOT NULL,
    bytes         BLOB NOT NULL,
    source        TEXT NOT NULL,    -- JSON: the shard whose records these are
    first_seq     INTEGER NOT NULL, -- the position of the first of them
    UNIQUE (topic, partition, base_sequence)
) STRICT;

-- For each shard, the last position of its log that is frozen: written with the batches, so each record is in exactly one.
CREATE TABLE sources (
    source     TEXT PRIMARY KEY,    -- JSON
    taken_over INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The ids that schema registries have given to our schemas. The last one of a schema is in use; those before are still read.
CREATE TABLE registry_ids (
    number   INTEGER PRIMARY KEY,
    registry TEXT NOT NULL,    -- its address
    schema   INTEGER NOT NULL, -- our id
    id       INTEGER NOT NULL  -- the registry's
) STRICT

-- How far the partition has been read. One row.
CREATE TABLE position (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO position (id, position) VALUES (1, 0);

-- Records that cannot be handled, with the reason.
CREATE TABLE dead_letters (
    seq        INTEGER PRIMARY KEY,
    event      TEXT NOT NULL,        -- JSON
    reason     TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT

-- How far the partition has been read, and why it is not read on. One row.
CREATE TABLE position (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    position          INTEGER NOT NULL,
    located           INTEGER NOT NULL CHECK (located IN (0, 1)), -- 0: a topic is read from where its log begins
    topic             TEXT,             -- JSON: the topic must stay the one it is
    paused_at         INTEGER,          -- by an operator
    paused_reason     TEXT,
    stopped_at        INTEGER,          -- by itself
    stopped_reason    TEXT,
    position_in_doubt INTEGER NOT NULL CHECK (position_in_doubt IN (0, 1)) -- 1: only an operator can say where to go on
) STRICT;
INSERT INTO position (id, position, located, position_in_doubt) VALUES (1, 0, 0, 0);

-- Records that could not be handled, with the reason. Kept when they are replayed, so that operators can explain them.
CREATE TABLE dead_letters (
    position    INTEGER PRIMARY KEY,
    event       TEXT,                   -- JSON
    value       BLOB,                   -- as it was read, when it is no event
    reason      TEXT NOT NULL,
    tries       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    replayed_at INTEGER,
    CHECK ((event IS NULL) <> (value IS NULL))
) STRICT;

-- The ids that schema registries have given to our schemas. The last one of a schema is in use; those before are still read.
CREATE TABLE registry_ids (
    number   INTEGER PRIMARY KEY,
    registry TEXT NOT NULL,    -- its address
    schema   INTEGER NOT NULL, -- our id
    id       INTEGER NOT NULL  -- the registry's
) STRICT

-- What operators have asked to be published once more, in the order of their requests. Kept for a while after it is done, so that a
-- repeated request is recognised.
CREATE TABLE republications (
    number     INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,                             -- of the request
    source     TEXT NOT NULL,                                    -- JSON: the shard
    first      INTEGER NOT NULL CHECK (first >= 1),
    last       INTEGER NOT NULL CHECK (last >= first),
    next       INTEGER NOT NULL CHECK (next BETWEEN first AND last + 1), -- the first that is not frozen yet: written with the batches
    created_at INTEGER NOT NULL,
    failed     TEXT                                              -- why the rest cannot be published
) STRICT;

-- The republication that a batch belongs to; NULL when its records are published for the first time.
ALTER TABLE frozen ADD COLUMN republication INTEGER

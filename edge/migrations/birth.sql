-- Who this object is: its name and the number of shards of its kind when it was first called. One row.
CREATE TABLE IF NOT EXISTS birth (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    identity TEXT NOT NULL,
    target   TEXT NOT NULL
) STRICT

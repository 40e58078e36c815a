-- Of a consumer that writes a read model: where an operator wants it to read on, until the query database has heard of it.
ALTER TABLE position ADD COLUMN move_to INTEGER

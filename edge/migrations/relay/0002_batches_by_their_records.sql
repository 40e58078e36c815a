-- A batch is made of rows of a log, which are never edited: after a restart its bytes are made again from them, instead of
-- being stored here. It has those records of the source from first_seq on that belong to its partition, as many as count
-- says; partitions is how many the topic had then, because that decides which belong to it.
ALTER TABLE frozen DROP COLUMN bytes;
ALTER TABLE frozen ADD COLUMN partitions INTEGER NOT NULL DEFAULT 0;
UPDATE frozen SET partitions = (SELECT topics.partitions FROM topics WHERE topics.topic = frozen.topic)

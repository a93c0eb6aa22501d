-- Delays are told for each recipient. The SQLite file of the same number describes the same tables.

-- When the sender was told that this recipient has to wait, milliseconds of Unix time; 0: not yet. What the leg has of it
-- (queue_legs.delayed) is read no more: it said of all its recipients what was true of some.
ALTER TABLE queue_recipients ADD COLUMN delayed BIGINT NOT NULL DEFAULT 0;
UPDATE queue_recipients SET delayed = (SELECT l.delayed FROM queue_legs l WHERE l.id = queue_recipients.leg)
WHERE leg IN (SELECT l.id FROM queue_legs l WHERE l.delayed > 0);

-- Reports that could not be stored yet. The PostgreSQL file of the same number describes the same tables.

-- What the sender is still to be told of a recipient that is done, as the queue's user wrote it; empty: nothing.
ALTER TABLE queue_recipients ADD COLUMN owed TEXT NOT NULL DEFAULT '';

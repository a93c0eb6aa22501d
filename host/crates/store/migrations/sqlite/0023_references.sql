-- References of contents that were counted since they were written. The PostgreSQL file of the same number describes the same tables.

-- A content is named as often as its own row says and delta more, or fewer. Its row lies beside its octets, so that to count there would
-- write them again. Without a row here nothing was counted since.
CREATE TABLE blob_references (
    blob INTEGER PRIMARY KEY,
    delta INTEGER NOT NULL
) STRICT;

-- Its name tells a program from before this that it does not know what it counts: of hosts that share a database, one that was not brought up
-- to date yet would remove contents that others have copies of.
ALTER TABLE blobs RENAME COLUMN refs TO first_refs;

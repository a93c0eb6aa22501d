-- References of contents that were counted since they were written. The PostgreSQL file of the same number describes the same tables.

-- A content is named as often as its own row says and delta more, or fewer. Its row lies beside its octets, so that to count there would
-- write them again. Without a row here nothing was counted since; one that says 0 may stay, and says the same.
-- Under the old name a host of the version before, which may run on beside, would count in the row alone, and remove contents that are
-- named here: its statements are to fail.
ALTER TABLE blobs RENAME COLUMN refs TO refs_as_written;

CREATE TABLE blob_references (
    blob INTEGER PRIMARY KEY,
    delta INTEGER NOT NULL
) STRICT;

-- References of contents that were counted since they were written. The PostgreSQL file of the same number describes the same tables.

-- A content is named as often as its own row says and delta more, or fewer. Its row lies beside its octets, so that to count there would
-- write them again. Without a row here nothing was counted since.
CREATE TABLE blob_references (
    blob INTEGER PRIMARY KEY,
    delta INTEGER NOT NULL
) STRICT;

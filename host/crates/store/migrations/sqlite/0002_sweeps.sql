-- Housekeeping finds what it looks for without reading whole tables.

CREATE INDEX blobs_file ON blobs (file) WHERE file <> '';
CREATE INDEX vanished_at ON vanished (at);

-- When messages were saved in their mailboxes. The PostgreSQL file of the same number describes the same tables.

-- Milliseconds of Unix time (RFC 8514 §3); 0: before this was kept, so that the internal date stands for it.
ALTER TABLE messages ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;

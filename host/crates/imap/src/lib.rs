//! waxwing-imap

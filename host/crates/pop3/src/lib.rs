//! waxwing-pop3

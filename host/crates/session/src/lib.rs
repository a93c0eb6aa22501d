//! waxwing-session

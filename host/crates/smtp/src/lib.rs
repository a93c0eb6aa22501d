//! waxwing-smtp

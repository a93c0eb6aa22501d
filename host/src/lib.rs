//! waxwing

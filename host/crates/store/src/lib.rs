//! waxwing-store

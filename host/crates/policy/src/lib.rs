//! waxwing-policy

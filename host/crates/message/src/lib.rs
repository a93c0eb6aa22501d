//! waxwing-message

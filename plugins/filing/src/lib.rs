//! waxwing-plugin-filing

//! waxwing-plugin-access

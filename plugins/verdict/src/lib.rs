//! waxwing-plugin-verdict

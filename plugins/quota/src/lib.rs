//! waxwing-plugin-quota

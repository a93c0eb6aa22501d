//! waxwing-plugin-recipients

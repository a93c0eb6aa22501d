//! waxwing-plugin-rules

//! waxwing-plugin

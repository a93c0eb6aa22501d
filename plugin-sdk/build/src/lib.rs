//! waxwing-plugin-build

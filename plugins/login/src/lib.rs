//! waxwing-plugin-login

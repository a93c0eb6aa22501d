//! waxwing-tests

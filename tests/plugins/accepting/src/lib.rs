//! waxwing-accepting

//! waxwing-mail

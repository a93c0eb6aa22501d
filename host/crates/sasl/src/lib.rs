//! waxwing-sasl

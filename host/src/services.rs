//! What policy may use of the store.

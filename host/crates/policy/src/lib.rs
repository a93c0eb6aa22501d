//! Policy: the engine that runs plugins.

mod bindings;

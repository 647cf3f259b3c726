//! What survives a restart, per tenant.

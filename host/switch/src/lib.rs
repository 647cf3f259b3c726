//! Tenants and call tasks: the only place effects run.

//! A sans-IO client for TabbyAPI servers.

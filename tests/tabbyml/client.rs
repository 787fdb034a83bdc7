//! Keys, detection, limits, timeouts.

//! A TabbyAPI server for demos and tests.

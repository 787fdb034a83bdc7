//! One file or folder per service: types, operations, accessors.

//! Tests of several rooms at once; see `tests/`.

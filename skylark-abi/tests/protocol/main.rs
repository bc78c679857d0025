//! The protocol against a model store: many tasks, interleaved step by step,
//! crashed, delivered twice — and every effect there exactly once.

mod rules;
mod schedules;
mod world;

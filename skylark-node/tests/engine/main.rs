//! The engine against modules of every kind: good, broken, greedy and rude.

mod calling;
mod commands;
mod fixtures;
mod isolation;
mod loading;
mod sharing;
mod state;

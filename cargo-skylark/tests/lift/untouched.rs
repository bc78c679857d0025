//! Nothing that lift knows of: not a byte changes.

use std::fmt::Write as _;

/*  odd   formatting */
pub fn f( x:u32 )->u32 { x+1 } // kept

macro_rules! m { ($a:expr) => { $a } }

pub struct S { a : u8 }

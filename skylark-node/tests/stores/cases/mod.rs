//! What every store does.

/// Lists a module's cases by name.
macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        pub(super) const CASES: &[(&str, crate::Case)] =
            &[$((stringify!($name), |app| Box::pin($name(app)))),+];
    };
}

mod collections;
mod commits;
mod lasting;
mod leases;
mod messages;
mod values;

/// All cases, by name.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, crate::Case)> {
    [
        collections::CASES,
        commits::CASES,
        lasting::CASES,
        leases::CASES,
        messages::CASES,
        values::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

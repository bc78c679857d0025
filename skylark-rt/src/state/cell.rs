//! The types that may hold a state variable.

use std::{
    cell::{Cell, RefCell},
    sync::{LazyLock, Mutex, RwLock, TryLockError, atomic},
};

/// A guard, or a borrow, that is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locked;

/// A type that holds a value which can be read, replaced and swapped through a
/// shared reference, without waiting. What is put in makes a poisoned lock
/// whole again, since nothing of the old value is left.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a state variable",
    label = "not a type that Skylark can load and store",
    note = "use `Mutex<T>`, `RwLock<T>`, an atomic, or `LazyLock` of one of these in a `static`; \
            `Cell<T>` with `T: Copy` or `RefCell<T>` in a `thread_local!`"
)]
pub trait StateCell: 'static {
    /// What is stored.
    type Value: 'static;

    /// Lends the value to `read`.
    ///
    /// # Errors
    /// Somebody holds a lock on it.
    fn with<R>(&self, read: impl FnOnce(&Self::Value) -> R) -> Result<R, Locked>;

    /// Puts `value` in.
    ///
    /// # Errors
    /// Somebody holds a lock on it.
    fn put(&self, value: Self::Value) -> Result<(), Locked>;

    /// Exchanges the values of two cells.
    ///
    /// # Errors
    /// Somebody holds a lock on one of them.
    fn exchange(&self, other: &Self) -> Result<(), Locked>;
}

impl<T: 'static> StateCell for Mutex<T> {
    type Value = T;

    fn with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, Locked> {
        match self.try_lock() {
            Ok(guard) => Ok(read(&guard)),
            Err(TryLockError::Poisoned(poisoned)) => Ok(read(&poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => Err(Locked),
        }
    }

    fn put(&self, value: T) -> Result<(), Locked> {
        self.clear_poison();
        *self.try_lock().map_err(|_| Locked)? = value;
        Ok(())
    }

    fn exchange(&self, other: &Self) -> Result<(), Locked> {
        self.clear_poison();
        other.clear_poison();
        let mut ours = self.try_lock().map_err(|_| Locked)?;
        let mut theirs = other.try_lock().map_err(|_| Locked)?;
        std::mem::swap(&mut *ours, &mut *theirs);
        Ok(())
    }
}

impl<T: 'static> StateCell for RwLock<T> {
    type Value = T;

    fn with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, Locked> {
        match self.try_read() {
            Ok(guard) => Ok(read(&guard)),
            Err(TryLockError::Poisoned(poisoned)) => Ok(read(&poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => Err(Locked),
        }
    }

    fn put(&self, value: T) -> Result<(), Locked> {
        self.clear_poison();
        *self.try_write().map_err(|_| Locked)? = value;
        Ok(())
    }

    fn exchange(&self, other: &Self) -> Result<(), Locked> {
        self.clear_poison();
        other.clear_poison();
        let mut ours = self.try_write().map_err(|_| Locked)?;
        let mut theirs = other.try_write().map_err(|_| Locked)?;
        std::mem::swap(&mut *ours, &mut *theirs);
        Ok(())
    }
}

impl<C, F> StateCell for LazyLock<C, F>
where
    C: StateCell,
    F: FnOnce() -> C + 'static,
{
    type Value = C::Value;

    fn with<R>(&self, read: impl FnOnce(&C::Value) -> R) -> Result<R, Locked> {
        LazyLock::force(self).with(read)
    }

    fn put(&self, value: C::Value) -> Result<(), Locked> {
        LazyLock::force(self).put(value)
    }

    fn exchange(&self, other: &Self) -> Result<(), Locked> {
        LazyLock::force(self).exchange(LazyLock::force(other))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Copy + 'static> StateCell for Cell<T> {
    type Value = T;

    fn with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, Locked> {
        Ok(read(&self.get()))
    }

    fn put(&self, value: T) -> Result<(), Locked> {
        self.set(value);
        Ok(())
    }

    fn exchange(&self, other: &Self) -> Result<(), Locked> {
        self.set(other.replace(self.get()));
        Ok(())
    }
}

impl<T: 'static> StateCell for RefCell<T> {
    type Value = T;

    fn with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, Locked> {
        self.try_borrow().map(|v| read(&v)).map_err(|_| Locked)
    }

    fn put(&self, value: T) -> Result<(), Locked> {
        *self.try_borrow_mut().map_err(|_| Locked)? = value;
        Ok(())
    }

    fn exchange(&self, other: &Self) -> Result<(), Locked> {
        let mut ours = self.try_borrow_mut().map_err(|_| Locked)?;
        let mut theirs = other.try_borrow_mut().map_err(|_| Locked)?;
        std::mem::swap(&mut *ours, &mut *theirs);
        Ok(())
    }
}

macro_rules! atomics {
    ($($atomic:ident: $value:ty),* $(,)?) => {$(
        impl StateCell for atomic::$atomic {
            type Value = $value;

            fn with<R>(&self, read: impl FnOnce(&$value) -> R) -> Result<R, Locked> {
                Ok(read(&self.load(atomic::Ordering::SeqCst)))
            }

            fn put(&self, value: $value) -> Result<(), Locked> {
                self.store(value, atomic::Ordering::SeqCst);
                Ok(())
            }

            fn exchange(&self, other: &Self) -> Result<(), Locked> {
                let ours = self.load(atomic::Ordering::SeqCst);
                self.store(other.swap(ours, atomic::Ordering::SeqCst), atomic::Ordering::SeqCst);
                Ok(())
            }
        }
    )*};
}

atomics! {
    AtomicBool: bool,
    AtomicI8: i8,
    AtomicI16: i16,
    AtomicI32: i32,
    AtomicI64: i64,
    AtomicIsize: isize,
    AtomicU8: u8,
    AtomicU16: u16,
    AtomicU32: u32,
    AtomicU64: u64,
    AtomicUsize: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::*;

    #[test]
    fn every_cell_is_read_replaced_and_swapped() {
        fn check<C>(new: impl Fn() -> C, first: C::Value, second: C::Value)
        where
            C: StateCell,
            C::Value: PartialEq + std::fmt::Debug + Clone,
        {
            let (cell, other) = (new(), new());
            let read = |cell: &C| cell.with(Clone::clone).unwrap();
            assert_eq!(read(&cell), first);
            cell.put(second.clone()).unwrap();
            assert_eq!((read(&cell), read(&other)), (second.clone(), first.clone()));
            cell.exchange(&other).unwrap();
            assert_eq!((read(&cell), read(&other)), (first, second));
        }
        fn text() -> String {
            "a".to_owned()
        }
        check(|| Mutex::new(text()), text(), "b".into());
        check(|| RwLock::new(text()), text(), "b".into());
        check(|| RefCell::new(text()), text(), "b".into());
        check(|| Cell::new('a'), 'a', 'b');
        check(
            || LazyLock::<_>::new(|| Mutex::new(text())),
            text(),
            "b".into(),
        );
        check(|| LazyLock::<_>::new(|| AtomicU8::new(1)), 1, 2);
        check(|| AtomicBool::new(false), false, true);
        check(|| AtomicI8::new(-1), -1, 2);
        check(|| AtomicI16::new(-1), -1, 2);
        check(|| AtomicI32::new(-1), -1, 2);
        check(|| AtomicI64::new(-1), -1, 2);
        check(|| AtomicIsize::new(-1), -1, 2);
        check(|| AtomicU8::new(1), 1, 2);
        check(|| AtomicU16::new(1), 1, 2);
        check(|| AtomicU32::new(1), 1, 2);
        check(|| AtomicU64::new(1), 1, 2);
        check(|| AtomicUsize::new(1), 1, 2);
    }

    #[test]
    fn held_locks_are_reported() {
        fn check<C: StateCell<Value = u8>>(held: &C, free: &C, read: Result<u8, Locked>) {
            assert_eq!(held.with(|v| *v), read);
            assert_eq!(held.put(2), Err(Locked));
            assert_eq!(held.exchange(free), Err(Locked));
            assert_eq!(free.exchange(held), Err(Locked));
            assert_eq!(free.with(|v| *v), Ok(0));
        }
        let (mutex, rwlock, refcell) = (Mutex::new(1), RwLock::new(1), RefCell::new(1));
        {
            let _guard = mutex.lock().unwrap();
            check(&mutex, &Mutex::new(0), Err(Locked));
        }
        {
            let _reader = rwlock.read().unwrap();
            check(&rwlock, &RwLock::new(0), Ok(1));
        }
        {
            let _writer = rwlock.write().unwrap();
            check(&rwlock, &RwLock::new(0), Err(Locked));
        }
        {
            let _borrow = refcell.borrow_mut();
            check(&refcell, &RefCell::new(0), Err(Locked));
        }
    }

    #[test]
    fn poisoned_locks_are_read_and_mended() {
        fn check<C: StateCell<Value = u8>>(
            cell: &C,
            poison: impl FnOnce(),
            poisoned: fn(&C) -> bool,
        ) {
            let unwinding = std::panic::AssertUnwindSafe(poison);
            assert!(std::panic::catch_unwind(unwinding).is_err());
            assert!(poisoned(cell));
            assert_eq!(cell.with(|v| *v), Ok(1));
            cell.put(2).unwrap();
            assert!(!poisoned(cell));
        }
        fn unwind<T>(_held: T) {
            std::panic::resume_unwind(Box::new(()));
        }
        let (mutex, rwlock) = (Mutex::new(1), RwLock::new(1));
        check(&mutex, || unwind(mutex.lock()), Mutex::is_poisoned);
        check(&rwlock, || unwind(rwlock.write()), RwLock::is_poisoned);
    }
}

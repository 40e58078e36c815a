//! A bounded map whose entries live for a time.

use gyesan_core::time::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Entries of one map, at most.
const ENTRIES_MAX: usize = 10_000;

/// Values by text; never borrowed across an await.
pub struct Cache<T> {
    entries: RefCell<HashMap<String, (Timestamp, Rc<T>)>>,
}

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache { entries: RefCell::new(HashMap::new()) }
    }
}

impl<T> Cache<T> {
    /// The value, while it lives.
    pub fn get(&self, key: &str, now: Timestamp) -> Option<Rc<T>> {
        let entries = self.entries.borrow();
        entries.get(key).filter(|(until, _)| now < *until).map(|(_, value)| Rc::clone(value))
    }

    /// Keeps a value until then. When the map is full, the dead go first; if none are, all go: refilling costs one query
    /// each, an order of eviction would cost every request.
    pub fn put(&self, key: &str, value: T, until: Timestamp, now: Timestamp) -> Rc<T> {
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= ENTRIES_MAX {
            entries.retain(|_, (until, _)| now < *until);
            if entries.len() >= ENTRIES_MAX {
                entries.clear();
            }
        }
        let value = Rc::new(value);
        entries.insert(key.to_owned(), (until, Rc::clone(&value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, ENTRIES_MAX};
    use gyesan_core::time::Timestamp;

    #[test]
    fn an_entry_lives_for_its_time() {
        let cache = Cache::default();
        cache.put("a", 1, Timestamp(10), Timestamp(0));
        assert_eq!(cache.get("a", Timestamp(9)).as_deref(), Some(&1));
        assert_eq!(cache.get("a", Timestamp(10)), None);
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let cache = Cache::default();
        for i in 0..=ENTRIES_MAX {
            cache.put(&i.to_string(), i, Timestamp(10), Timestamp(0));
        }
        assert!(cache.entries.borrow().len() <= ENTRIES_MAX);
    }
}

//! A bounded table that forgets what was not touched for long.
//!
//! Two generations instead of a list of uses: what is touched lies in the young one; when that is half of the bound, it
//! becomes the old one and the former old one is forgotten. So one addition costs a few steps whatever is thrown at it, and
//! a flood of new keys pushes out what is idle, never what is in use.

use std::collections::BTreeMap;

/// At most `max` values by key.
#[derive(Clone, Debug)]
pub(in crate::sip) struct Recent<K, V> {
    young: BTreeMap<K, V>,
    old: BTreeMap<K, V>,
    half: usize,
}

impl<K: Ord + Copy, V> Recent<K, V> {
    /// An empty table for at most `max` values.
    pub fn new(max: usize) -> Recent<K, V> {
        Recent { young: BTreeMap::new(), old: BTreeMap::new(), half: (max / 2).max(1) }
    }

    /// Looks without touching.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// The value of `key`, made anew when there is none; it is in use from now on.
    pub fn touch(&mut self, key: K, new: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key).unwrap_or_else(new);
            if self.young.len() >= self.half {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, value);
        }
        self.young.get_mut(&key).expect("found, or put there just now")
    }

    /// Forgets one.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many keys come, the bound holds; a key in use survives them, an idle one does not.
    #[test]
    fn a_flood_pushes_out_what_is_idle() {
        let mut table: Recent<u32, u32> = Recent::new(100);
        table.touch(1, || 7);
        table.touch(2, || 7);
        for n in 10..10_000 {
            table.touch(n, || 0);
            *table.touch(1, || 0) += 1;
            assert!(table.len() <= 101);
        }
        assert_eq!(table.get(&1), Some(&(7 + 9_990)));
        assert_eq!(table.get(&2), None);
        assert_eq!(table.remove(&1), Some(9_997));
        assert_eq!(table.get(&1), None);
    }
}

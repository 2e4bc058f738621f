//! The last offset of each key, in bounded memory.

use siphasher::sip128::SipHasher13;

/// One key: 16 bytes of hash and the offset.
#[derive(Clone, Copy)]
struct Slot {
    hash: (u64, u64),
    /// -1 if nothing is here.
    offset: i64,
}

const EMPTY: Slot = Slot { hash: (0, 0), offset: -1 };
const SLOT_LEN: usize = size_of::<Slot>();
/// Fewest slots, whatever the limit.
const SLOTS_MIN: usize = 16;

/// A table of hashes, filled up to three quarters. Two keys with one hash would
/// be taken for one; with 128 bits of a secret function nobody meets that.
pub(super) struct KeyMap {
    slots: Vec<Slot>,
    used: usize,
    hasher: SipHasher13,
}

impl KeyMap {
    /// A map for so many keys, or for as many as fit into `bytes_max`.
    pub(super) fn new(keys: i64, bytes_max: usize, secret: (u64, u64)) -> Self {
        let wanted = usize::try_from(keys).unwrap_or(0).saturating_mul(4) / 3 + 1;
        let slots = wanted.min(bytes_max / SLOT_LEN).max(SLOTS_MIN);
        let hasher = SipHasher13::new_with_keys(secret.0, secret.1);
        Self { slots: vec![EMPTY; slots], used: 0, hasher }
    }

    /// Index of the slot that holds this hash, or the free one for it.
    fn find(&self, hash: (u64, u64)) -> usize {
        let scaled = u128::from(hash.0) * self.slots.len() as u128;
        let mut index = usize::try_from(scaled >> 64).unwrap_or(0);
        // There is a free slot: a quarter of them is.
        while self.slots[index].offset >= 0 && self.slots[index].hash != hash {
            index += 1;
            if index == self.slots.len() {
                index = 0;
            }
        }
        index
    }

    fn hash(&self, key: &[u8]) -> (u64, u64) {
        self.hasher.hash(key).as_u64()
    }

    /// Notes a record. False if the map is full.
    pub(super) fn put(&mut self, key: &[u8], offset: i64) -> bool {
        let hash = self.hash(key);
        let index = self.find(hash);
        if self.slots[index].offset < 0 {
            if (self.used + 1) * 4 > self.slots.len() * 3 {
                return false;
            }
            self.used += 1;
        }
        self.slots[index] = Slot { hash, offset };
        true
    }

    /// Offset of the last record with this key that was noted.
    pub(super) fn get(&self, key: &[u8]) -> Option<i64> {
        if self.used == 0 {
            return None;
        }
        let slot = self.slots[self.find(self.hash(key))];
        (slot.offset >= 0).then_some(slot.offset)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn keys_have_their_last_offsets() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut map = KeyMap::new(10_000, 1 << 20, (1, 2));
        let mut model = HashMap::new();
        for offset in 0..10_000 {
            let key = rng.u32(..5_000).to_string();
            assert!(map.put(key.as_bytes(), offset));
            model.insert(key, offset);
        }
        for (key, offset) in model {
            assert_eq!(map.get(key.as_bytes()), Some(offset), "{key}");
        }
        assert_eq!(map.get(b"none"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut map = KeyMap::new(i64::MAX, 64 * 1024, (1, 2));
        assert!(map.slots.len() * SLOT_LEN <= 64 * 1024);
        let held = (0..).take_while(|n: &i64| map.put(&n.to_be_bytes(), *n)).count();
        assert_eq!(held, map.slots.len() * 3 / 4);
        // A key that is known needs no room.
        assert!(map.put(&0i64.to_be_bytes(), 9_999_999));
        assert_eq!(map.get(&0i64.to_be_bytes()), Some(9_999_999));
    }
}

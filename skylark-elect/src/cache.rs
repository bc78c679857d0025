//! Plans that were made, so that elections need not.

use crate::{
    fronts::Fronts,
    plan::{Leg, Plan},
    schedule::Schedule,
    topology::NodeId,
};
use skylark_abi::schema::NodeType;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// After how many elections without it a plan is made: about as many as cost
/// what it costs.
const PAYS_AFTER: u64 = 8;

/// Plans that are counted before all counts begin anew.
const MAX_ASKED: usize = 4_096;

/// Which plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) from: NodeId,
    /// The frame on which the bytes move.
    pub(crate) frame: usize,
    /// The successor's node, and the frame on which it reads.
    pub(crate) destination: Option<(NodeId, usize)>,
    pub(crate) on: Option<NodeType>,
}

/// The plans of one schedule, each made once, when it is first needed. What
/// was used least recently goes when they take too much memory.
#[derive(Debug)]
pub(crate) struct Cache {
    limit: usize,
    plans: RwLock<HashMap<Key, Arc<Slot>>>,
    /// Of (node, frame, whether the ways end there): plans share them.
    fronts: Mutex<HashMap<(NodeId, usize, bool), Weak<Fronts>>>,
    /// Memory of all plans; a shared front counts once for each.
    bytes: AtomicUsize,
    uses: AtomicU64,
    /// How often plans were wanted that are not made; at most [`MAX_ASKED`].
    asked: Mutex<HashMap<Key, u64>>,
}

#[derive(Debug, Default)]
struct Slot {
    plan: OnceLock<Arc<Plan>>,
    last_use: AtomicU64,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            plans: RwLock::default(),
            fronts: Mutex::default(),
            bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            asked: Mutex::default(),
        }
    }

    /// The plan, if it was made or now pays: answering without one costs a
    /// fraction of making it.
    pub(crate) fn plan_if_it_pays(&self, schedule: &Schedule, key: Key) -> Option<Arc<Plan>> {
        if let Some(slot) = self.known(key) {
            return Some(self.plan_in(&slot, schedule, key));
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MAX_ASKED {
            asked.clear();
        }
        let times = asked.entry(key).or_default();
        *times += 1;
        let pays = *times > PAYS_AFTER;
        if pays {
            asked.remove(&key);
        }
        drop(asked);
        pays.then(|| self.plan(schedule, key))
    }

    /// The plan, made now if need be. Others who need the same wait for it;
    /// nobody else does.
    pub(crate) fn plan(&self, schedule: &Schedule, key: Key) -> Arc<Plan> {
        let slot = self.known(key).unwrap_or_else(|| {
            let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
            plans.entry(key).or_default().clone()
        });
        self.plan_in(&slot, schedule, key)
    }

    fn known(&self, key: Key) -> Option<Arc<Slot>> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        plans.get(&key).cloned()
    }

    fn plan_in(&self, slot: &Slot, schedule: &Schedule, key: Key) -> Arc<Plan> {
        let use_number = self.uses.fetch_add(1, Ordering::Relaxed);
        slot.last_use.store(use_number, Ordering::Relaxed);
        if let Some(plan) = slot.plan.get() {
            return plan.clone();
        }
        let mut made = false;
        let plan = slot.plan.get_or_init(|| {
            made = true;
            let plan = self.make(schedule, key);
            // Before others can see it and drop it again.
            self.bytes.fetch_add(plan.bytes(), Ordering::Relaxed);
            Arc::new(plan)
        });
        if made {
            self.make_room(key);
        }
        plan.clone()
    }

    /// Bytes that the plans take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn make(&self, schedule: &Schedule, key: Key) -> Plan {
        let moves = self.leg(schedule, key.from, key.frame, false);
        let reads = key
            .destination
            .map(|(node, frame)| self.leg(schedule, node, frame, true));
        Plan::new(moves, reads, schedule.of_type(key.on))
    }

    fn leg(&self, schedule: &Schedule, node: NodeId, index: usize, to: bool) -> Leg {
        let frame = schedule.frames()[index].clone();
        let known = |cache: &HashMap<_, Weak<Fronts>>| {
            cache.get(&(node, index, to)).and_then(Weak::upgrade)
        };
        let lock = || self.fronts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known(&lock());
        let fronts = found.unwrap_or_else(|| {
            // Not under the lock: two searches at once are better than one
            // waiting for the other's different one.
            let fronts = Arc::new(Fronts::search(frame.graph(to), node.0));
            let mut cache = lock();
            cache.retain(|_, held| held.strong_count() > 0);
            cache.insert((node, index, to), Arc::downgrade(&fronts));
            fronts
        });
        Leg { frame, fronts, to }
    }

    fn make_room(&self, newest: Key) {
        if self.bytes() <= self.limit {
            return;
        }
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        while self.bytes() > self.limit {
            let oldest = plans
                .iter()
                .filter(|(key, slot)| **key != newest && slot.plan.get().is_some())
                .min_by_key(|(_, slot)| slot.last_use.load(Ordering::Relaxed))
                .map(|(key, _)| *key);
            let Some(slot) = oldest.and_then(|key| plans.remove(&key)) else {
                return;
            };
            if let Some(plan) = slot.plan.get() {
                self.bytes.fetch_sub(plan.bytes(), Ordering::Relaxed);
            }
        }
    }
}

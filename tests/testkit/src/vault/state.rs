//! Tokens and leases, and their times.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::cloud::Cloud;

pub(super) struct State {
    pub(super) cloud: Option<Cloud>,
    pub(super) lease: (u64, u64),
    pub(super) token: (u64, u64),
    pub(super) kv: BTreeMap<String, Vec<Option<Value>>>,
    pub(super) static_version: u64,
    pub(super) is_sealed: bool,
    tokens: HashMap<String, Life>,
    leases: BTreeMap<u64, Lease>,
    minted: u64,
    faults: Vec<(String, usize, Fault)>,
}

#[derive(Clone)]
pub(super) enum Fault {
    Answer(u16, Value),
    LoseAnswer,
}

/// How long something lives.
#[derive(Clone, Copy)]
pub(super) struct Life {
    created: Instant,
    end: Option<Instant>,
    ttl: u64,
    /// Zero: no maximum.
    max: u64,
    pub(super) is_renewable: bool,
}

struct Lease {
    id: String,
    token: String,
    life: Life,
    /// The key in the cloud.
    key: Option<String>,
}

impl State {
    pub(super) fn new(cloud: Option<Cloud>) -> Self {
        Self {
            cloud,
            lease: (60, 3600),
            token: (3600, 0),
            kv: BTreeMap::new(),
            static_version: 1,
            is_sealed: false,
            tokens: HashMap::new(),
            leases: BTreeMap::new(),
            minted: 0,
            faults: Vec::new(),
        }
    }

    pub(super) fn add_fault(&mut self, call: &str, times: usize, fault: Fault) {
        self.faults.push((call.to_owned(), times, fault));
    }

    pub(super) fn take_fault(&mut self, call: &str) -> Option<Fault> {
        let due =
            |(name, left, _): &&mut (String, usize, Fault)| *left > 0 && call.contains(&**name);
        let (_, left, fault) = self.faults.iter_mut().find(due)?;
        *left -= 1;
        Some(fault.clone())
    }

    pub(super) fn create_token(&mut self, ttl: u64, max: u64, is_renewable: bool) -> String {
        let token = format!("hvs.{}", uuid::Uuid::new_v4().simple());
        self.tokens
            .insert(token.clone(), Life::new(ttl, max, is_renewable));
        token
    }

    pub(super) fn token(&self, token: Option<&str>) -> Option<Life> {
        self.tokens.get(token?).copied()
    }

    pub(super) fn renew_token(&mut self, token: &str) -> Option<Life> {
        let life = self.tokens.get_mut(token)?;
        life.renew();
        Some(*life)
    }

    /// Ends a token, and its leases.
    pub(super) fn revoke_token(&mut self, token: &str) {
        self.tokens.remove(token);
        self.revoke_leases(|lease| lease == token);
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.tokens.clear();
        self.revoke_leases(|_| true);
    }

    pub(super) fn rotate_static(&mut self) {
        self.static_version += 1;
    }

    /// Creates a lease of this token, and returns its number, its id and its time.
    pub(super) fn create_lease(
        &mut self,
        path: &str,
        token: &str,
        is_renewable: bool,
    ) -> (u64, String, u64) {
        self.minted += 1;
        let (ttl, max) = self.lease;
        let id = format!("{path}/lease{}", self.minted);
        let lease = Lease {
            id: id.clone(),
            token: token.to_owned(),
            life: Life::new(ttl, max, is_renewable),
            key: None,
        };
        self.leases.insert(self.minted, lease);
        (self.minted, id, ttl)
    }

    pub(super) fn attach_key(&mut self, lease: u64, key: &str) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.key = Some(key.to_owned());
        }
    }

    pub(super) fn renew_lease(&mut self, id: &str) -> Option<Life> {
        let lease = self.leases.values_mut().find(|lease| lease.id == id)?;
        lease.life.renew();
        Some(lease.life)
    }

    pub(super) fn revoke_lease(&mut self, id: &str) -> bool {
        let found = self.leases.iter().find(|(_, lease)| lease.id == id);
        let number = found.map(|(number, _)| *number);
        number.is_some_and(|number| self.end_lease(number))
    }

    /// Revokes the leases of the tokens that match.
    pub(super) fn revoke_leases(&mut self, token: impl Fn(&str) -> bool) {
        let matching = self.leases.iter().filter(|(_, lease)| token(&lease.token));
        let numbers: Vec<_> = matching.map(|(number, _)| *number).collect();
        for number in numbers {
            self.end_lease(number);
        }
    }

    pub(super) fn lease_ids(&self) -> Vec<String> {
        self.leases.values().map(|lease| lease.id.clone()).collect()
    }

    pub(super) fn minted(&self) -> usize {
        self.minted as usize
    }

    /// Ends what has come to its end.
    pub(super) fn sweep(&mut self, now: Instant) {
        let ended = |life: &Life| life.end.is_some_and(|end| end <= now);
        let tokens: Vec<_> = self
            .tokens
            .iter()
            .filter(|(_, life)| ended(life))
            .map(|(t, _)| t.clone())
            .collect();
        for token in tokens {
            self.revoke_token(&token);
        }
        let leases: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, l)| ended(&l.life))
            .map(|(n, _)| *n)
            .collect();
        for lease in leases {
            self.end_lease(lease);
        }
    }

    fn end_lease(&mut self, number: u64) -> bool {
        let Some(lease) = self.leases.remove(&number) else {
            return false;
        };
        if let (Some(cloud), Some(key)) = (&self.cloud, lease.key) {
            cloud.delete_key(&key);
        }
        true
    }
}

impl Life {
    fn new(ttl: u64, max: u64, is_renewable: bool) -> Self {
        let created = Instant::now();
        Self {
            created,
            end: (ttl > 0).then(|| created + Duration::from_secs(ttl)),
            ttl,
            max,
            is_renewable,
        }
    }

    fn renew(&mut self) {
        let now = Instant::now();
        let mut end = now + Duration::from_secs(self.ttl);
        if self.max > 0 {
            end = end.min(self.created + Duration::from_secs(self.max));
        }
        self.end = Some(end);
    }

    /// Returns the seconds that are left, rounded down; zero if it does not end.
    pub(super) fn left(&self) -> u64 {
        self.end.map_or(0, |end| {
            end.saturating_duration_since(Instant::now()).as_secs()
        })
    }
}

//! The truth about a fleet: who runs, who uses what, which reports are in flight.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use credswap::fleet::{
    DrainingVersion, Incarnation, InstanceId, Ledger, LiveVersion, Report, VersionAge,
};
use proptest::prelude::*;

use super::process::{LogKind, Process, Record};
use super::step::Step;
use super::{DELAY, LATE_ADOPTION, LONGEST_TTL, SECOND, SECRET, SKEW, TICK, assumptions, version};

/// A fleet, its network and its ledger.
pub(super) struct Simulation {
    pub(super) now: u64,
    pub(super) rng: fastrand::Rng,
    pub(super) current: usize,
    /// When each version stopped being current.
    pub(super) replaced: BTreeMap<usize, u64>,
    pub(super) running: Vec<Process>,
    pub(super) started: u64,
    pub(super) in_flight: Vec<(u64, i64, Record)>,
    pub(super) kind: LogKind,
    pub(super) log: Vec<Record>,
    pub(super) ledger: Ledger,
    /// When each key's newest record arrived, and its TTL.
    pub(super) last_reports: HashMap<String, (u64, u64)>,
    /// Until when the longest presigned URL of each version is valid, of all that were ever reported.
    pub(super) pinned_until: BTreeMap<usize, u64>,
}

impl Simulation {
    pub(super) fn new(seed: u64, kind: LogKind) -> Self {
        Self {
            now: 1_000_000,
            rng: fastrand::Rng::with_seed(seed),
            current: 0,
            replaced: BTreeMap::new(),
            running: Vec::new(),
            started: 0,
            in_flight: Vec::new(),
            kind,
            log: Vec::new(),
            ledger: Ledger::new(assumptions()),
            last_reports: HashMap::new(),
            pinned_until: BTreeMap::new(),
        }
    }

    pub(super) fn apply(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(time) => self.wait(time)?,
            Step::Rotate => {
                self.replaced.insert(self.current, self.now);
                self.current += 1;
            }
            Step::Refresh { who, stale, leases } => {
                if let Some(index) = self.not_paused(who) {
                    self.refresh(index, stale, leases);
                }
            }
            Step::Drain(who, which) => {
                if let Some(index) = self.not_paused(who) {
                    self.drain(index, which);
                }
            }
            Step::Presign { who, for_s } => {
                if let Some(index) = self.not_paused(who) {
                    let until = self.now + for_s * SECOND;
                    let process = &mut self.running[index];
                    let until_now = process.presigned.entry(process.live).or_default();
                    *until_now = (*until_now).max(until);
                    self.report(index, false);
                }
            }
            Step::Start { like, stale, ttl } => self.start(like, stale, ttl),
            Step::Crash(who) if !self.running.is_empty() => {
                self.running.swap_remove(who % self.running.len());
            }
            Step::End(who) => {
                if let Some(index) = self.not_paused(who) {
                    self.report(index, true);
                    self.running.swap_remove(index);
                }
            }
            Step::Pause(who) => self.pick(who).into_iter().for_each(|p| p.paused = true),
            Step::Resume(who) => self.pick(who).into_iter().for_each(|p| p.paused = false),
            Step::Disconnect(who) => self
                .pick(who)
                .into_iter()
                .for_each(|p| p.disconnected = true),
            Step::Reconnect(who) => self
                .pick(who)
                .into_iter()
                .for_each(|p| p.disconnected = false),
            Step::LoseNext(who) => self.pick(who).into_iter().for_each(|p| p.lose_next = true),
            Step::Compact => self.compact(),
            Step::Crash(_) => {}
        }
        self.check(&self.ledger)?;
        let again = self.refolded();
        self.check(&again)
    }

    /// Lets time pass in small ticks, and checks the invariants at each.
    pub(super) fn wait(&mut self, time: u64) -> Result<(), TestCaseError> {
        let end = self.now + time;
        while self.now < end {
            self.now += TICK;
            self.deliver();
            for index in 0..self.running.len() {
                let process = &self.running[index];
                if process.next_report <= self.now && !process.paused {
                    self.report(index, false);
                }
            }
            self.check(&self.ledger)?;
        }
        Ok(())
    }

    /// Reconnects and resumes every process, and drains all old versions.
    pub(super) fn recover(&mut self) {
        if self.running.is_empty() {
            self.start(None, false, LONGEST_TTL);
        }
        for index in 0..self.running.len() {
            let process = &mut self.running[index];
            process.paused = false;
            process.disconnected = false;
            process.lose_next = false;
            self.refresh(index, false, 0);
            while !self.running[index].draining.is_empty() {
                self.drain(index, 0);
            }
        }
    }

    pub(super) fn start(&mut self, like: Option<usize>, stale: bool, ttl: u64) {
        let instance = match like.and_then(|who| self.pick(who)) {
            Some(process) => process.instance.clone(),
            None => InstanceId::new(format!("pod-{}", self.started)).unwrap(),
        };
        self.started += 1;
        let live = self.fetch(stale);
        let skew = self.rng.u64(..=2 * SKEW) as i64 - SKEW as i64;
        self.running.push(Process {
            instance,
            incarnation: Incarnation::new(SystemTime::UNIX_EPOCH, self.started),
            sequence: 0,
            ttl,
            skew,
            live,
            since: self.now,
            draining: BTreeMap::new(),
            released: Vec::new(),
            presigned: BTreeMap::new(),
            paused: false,
            disconnected: false,
            lose_next: false,
            next_report: 0,
        });
        self.report(self.running.len() - 1, false);
    }

    fn refresh(&mut self, index: usize, stale: bool, leases: u32) {
        let fetched = self.fetch(stale);
        let now = self.now;
        let process = &mut self.running[index];
        if fetched == process.live {
            return;
        }
        let old = std::mem::replace(&mut process.live, fetched);
        process.since = now;
        process.released.retain(|(version, _)| *version != fetched);
        if leases > 0 {
            *process.draining.entry(old).or_default() += leases;
        } else if !process.draining.contains_key(&old) {
            process.released.push((old, now));
        }
        self.report(index, false);
    }

    fn drain(&mut self, index: usize, which: usize) {
        let now = self.now;
        let process = &mut self.running[index];
        let Some(&version) = process
            .draining
            .keys()
            .nth(which % process.draining.len().max(1))
        else {
            return;
        };
        let leases = process.draining.get_mut(&version).unwrap();
        *leases -= 1;
        if *leases == 0 {
            process.draining.remove(&version);
            if version != process.live {
                process
                    .released
                    .retain(|(released, _)| *released != version);
                process.released.push((version, now));
            }
        }
        self.report(index, false);
    }

    fn report(&mut self, index: usize, is_final: bool) {
        let now = self.now;
        let process = &mut self.running[index];
        process.next_report = now + process.ttl / 3;
        process.sequence += 1;
        let age = |at: u64| Duration::from_millis(now - at);
        let mut report = Report::new(
            process.instance.clone(),
            process.incarnation,
            process.sequence,
            SECRET,
            Duration::from_millis(process.ttl),
        );
        let mut released = process.released.clone();
        if is_final {
            released.push((process.live, now));
        } else {
            report.live = Some(LiveVersion::new(version(process.live), age(process.since)));
        }
        let presigned = process.presigned.iter().filter(|(_, until)| **until > now);
        let mut draining: BTreeMap<_, _> = process
            .draining
            .iter()
            .map(|(v, n)| (*v, (*n, None)))
            .collect();
        for (version, until) in presigned {
            draining.entry(*version).or_insert((0, None)).1 =
                Some(Duration::from_millis(until - now));
        }
        report.draining = draining
            .into_iter()
            .take(16)
            .map(|(number, (outstanding, pinned))| {
                let mut draining = DrainingVersion::new(version(number), outstanding);
                draining.pinned = pinned;
                draining
            })
            .collect();
        report.released = released
            .iter()
            .rev()
            .take(8)
            .map(|(number, at)| VersionAge::new(version(*number), age(*at)))
            .collect();
        if process.paused || process.disconnected || std::mem::take(&mut process.lose_next) {
            return;
        }
        let record = Record {
            key: report.key(),
            report,
            at: 0,
            presigned: process.presigned.clone(),
            ttl: process.ttl,
        };
        let skew = process.skew;
        let copies = 1 + usize::from(self.kind == LogKind::Unordered && self.rng.u8(..) < 40);
        for _ in 0..copies {
            let mut arrives = now + self.rng.u64(..=DELAY);
            if self.kind == LogKind::Kafka {
                let before = self
                    .in_flight
                    .iter()
                    .filter(|(_, _, other)| other.key == record.key);
                arrives = before.map(|(at, _, _)| *at).fold(arrives, u64::max);
            }
            self.in_flight.push((arrives, skew, record.clone()));
        }
    }

    /// Fetches the current version, or one that was current until recently.
    fn fetch(&mut self, stale: bool) -> usize {
        let now = self.now;
        let recent = |(version, replaced): (&usize, &u64)| {
            (now < replaced + LATE_ADOPTION).then_some(*version)
        };
        let choices: Vec<_> = self.replaced.iter().filter_map(recent).collect();
        match choices.is_empty() || !stale {
            true => self.current,
            false => choices[self.rng.usize(..choices.len())],
        }
    }

    fn pick(&mut self, who: usize) -> Option<&mut Process> {
        let count = self.running.len();
        (count > 0).then(|| &mut self.running[who % count])
    }

    /// Returns the index of a process that is not paused.
    fn not_paused(&self, who: usize) -> Option<usize> {
        let index = who % self.running.len().max(1);
        self.running
            .get(index)
            .is_some_and(|process| !process.paused)
            .then_some(index)
    }
}

//! Any fleet, any network, any ledger's life: never "released" while somebody holds, always released soon after.
//!
//! The model knows the truth (who uses what). The ledger knows only the reports that came through.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use credswap::VersionId;
use credswap::fleet::{
    Assumptions, DrainingVersion, FoldOutcome, Incarnation, InstanceId, Ledger, LiveVersion,
    ReleaseStatus, Report, VersionAge,
};
use proptest::prelude::*;

const SECRET: &str = "prod/uploader";
const SECOND: u64 = 1000;
const TICK: u64 = SECOND;
const LONGEST_TTL: u64 = 60 * SECOND;
const SETTLE: u64 = 20 * SECOND;
const GRACE: u64 = 7 * SECOND;
/// A report is this long on its way, at most, and the brokers' clocks are this far off: twice the second (one clock has
/// received a report, another the next) and the first must fit into the grace.
const DELAY: u64 = 4 * SECOND;
const SKEW: u64 = SECOND;

/// How records come into the log.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Log {
    /// Doubled and in any order, and kept for ever.
    Wild,
    /// As from Kafka's idempotent producer: of one key in their order; and compacted.
    Kafka,
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Rotate,
    Look {
        who: usize,
        stale: bool,
        leases: u32,
    },
    Drain(usize, usize),
    Sign {
        who: usize,
        for_s: u64,
    },
    Start {
        like: Option<usize>,
        stale: bool,
        ttl: u64,
    },
    Crash(usize),
    Goodbye(usize),
    Pause(usize),
    Resume(usize),
    CutOff(usize),
    Heal(usize),
    LoseNext(usize),
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..64_usize;
    prop_oneof![
        8 => (0..40 * SECOND).prop_map(Step::Wait),
        2 => Just(Step::Rotate),
        6 => (who(), any::<bool>(), 0..3_u32).prop_map(|(who, stale, leases)| Step::Look { who, stale, leases }),
        4 => (who(), who()).prop_map(|(who, which)| Step::Drain(who, which)),
        1 => (who(), 1..200_u64).prop_map(|(who, for_s)| Step::Sign { who, for_s }),
        3 => (prop::option::of(who()), any::<bool>(), 5..=60_u64)
            .prop_map(|(like, stale, ttl)| Step::Start { like, stale, ttl: ttl * SECOND }),
        1 => who().prop_map(Step::Crash),
        1 => who().prop_map(Step::Goodbye),
        1 => who().prop_map(Step::Pause),
        1 => who().prop_map(Step::Resume),
        2 => who().prop_map(Step::CutOff),
        1 => who().prop_map(Step::Heal),
        1 => who().prop_map(Step::LoseNext),
        1 => Just(Step::Compact),
    ]
}

/// One process.
struct Process {
    instance: InstanceId,
    incarnation: Incarnation,
    sequence: u64,
    ttl: u64,
    /// Of the broker that receives its reports.
    skew: i64,
    live: usize,
    since: u64,
    held: BTreeMap<usize, u32>,
    released: Vec<(usize, u64)>,
    signed: BTreeMap<usize, u64>,
    paused: bool,
    cut_off: bool,
    lose_next: bool,
    next_heartbeat: u64,
}

#[derive(Clone)]
struct Record {
    key: String,
    report: Report,
    /// By the broker's clock.
    at: u64,
    /// What the signed URLs of the report really are.
    signed: BTreeMap<usize, u64>,
    ttl: u64,
}

struct World {
    now: u64,
    rng: fastrand::Rng,
    current: usize,
    /// When each version stopped to be current.
    left: BTreeMap<usize, u64>,
    running: Vec<Process>,
    lives: u64,
    in_flight: Vec<(u64, i64, Record)>,
    kind: Log,
    log: Vec<Record>,
    ledger: Ledger,
    /// When each key's newest record came, and how long it counts.
    heard: HashMap<String, (u64, u64)>,
    /// The longest that a signed URL of a version is good, of all that were ever reported.
    horizons: BTreeMap<usize, u64>,
}

fn limits() -> Assumptions {
    let mut limits = Assumptions::default();
    limits.ttl = (Duration::from_secs(5), Duration::from_millis(LONGEST_TTL));
    limits.grace = Duration::from_millis(GRACE);
    limits.settle = Duration::from_millis(SETTLE);
    limits
}

fn version(number: usize) -> VersionId {
    format!("v{number}").into()
}

impl World {
    fn new(seed: u64, kind: Log) -> Self {
        Self {
            now: 1_000_000,
            rng: fastrand::Rng::with_seed(seed),
            current: 0,
            left: BTreeMap::new(),
            running: Vec::new(),
            lives: 0,
            in_flight: Vec::new(),
            kind,
            log: Vec::new(),
            ledger: Ledger::new(limits()),
            heard: HashMap::new(),
            horizons: BTreeMap::new(),
        }
    }

    /// What a read finds: the current version, or one that was current just now.
    fn read(&mut self, stale: bool) -> usize {
        let now = self.now;
        let lately = |(version, left): (&usize, &u64)| (now < left + SETTLE).then_some(*version);
        let choices: Vec<_> = self.left.iter().filter_map(lately).collect();
        match choices.is_empty() || !stale {
            true => self.current,
            false => choices[self.rng.usize(..choices.len())],
        }
    }

    fn pick(&mut self, who: usize) -> Option<&mut Process> {
        let count = self.running.len();
        (count > 0).then(|| &mut self.running[who % count])
    }

    fn start(&mut self, like: Option<usize>, stale: bool, ttl: u64) {
        let instance = match like.and_then(|who| self.pick(who)) {
            Some(process) => process.instance.clone(),
            None => InstanceId::new(format!("pod-{}", self.lives)).unwrap(),
        };
        self.lives += 1;
        let live = self.read(stale);
        let skew = self.rng.u64(..=2 * SKEW) as i64 - SKEW as i64;
        self.running.push(Process {
            instance,
            incarnation: Incarnation::new(SystemTime::UNIX_EPOCH, self.lives),
            sequence: 0,
            ttl,
            skew,
            live,
            since: self.now,
            held: BTreeMap::new(),
            released: Vec::new(),
            signed: BTreeMap::new(),
            paused: false,
            cut_off: false,
            lose_next: false,
            next_heartbeat: 0,
        });
        self.report(self.running.len() - 1, false);
    }

    fn look(&mut self, index: usize, stale: bool, leases: u32) {
        let found = self.read(stale);
        let now = self.now;
        let process = &mut self.running[index];
        if found == process.live {
            return;
        }
        let old = std::mem::replace(&mut process.live, found);
        process.since = now;
        process.released.retain(|(version, _)| *version != found);
        if leases > 0 {
            *process.held.entry(old).or_default() += leases;
        } else if !process.held.contains_key(&old) {
            process.released.push((old, now));
        }
        self.report(index, false);
    }

    fn drain(&mut self, index: usize, which: usize) {
        let now = self.now;
        let process = &mut self.running[index];
        let Some(&version) = process.held.keys().nth(which % process.held.len().max(1)) else {
            return;
        };
        let leases = process.held.get_mut(&version).unwrap();
        *leases -= 1;
        if *leases == 0 {
            process.held.remove(&version);
            if version != process.live {
                process
                    .released
                    .retain(|(released, _)| *released != version);
                process.released.push((version, now));
            }
        }
        self.report(index, false);
    }

    fn report(&mut self, index: usize, goodbye: bool) {
        let now = self.now;
        let process = &mut self.running[index];
        process.next_heartbeat = now + process.ttl / 3;
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
        if goodbye {
            released.push((process.live, now));
        } else {
            report.live = Some(LiveVersion {
                version: version(process.live),
                age: age(process.since),
            });
        }
        let signed = process.signed.iter().filter(|(_, until)| **until > now);
        let mut held: BTreeMap<_, _> = process.held.iter().map(|(v, n)| (*v, (*n, None))).collect();
        for (version, until) in signed {
            held.entry(*version).or_insert((0, None)).1 = Some(Duration::from_millis(until - now));
        }
        report.held = held
            .into_iter()
            .take(16)
            .map(|(number, (count, horizon))| DrainingVersion {
                version: version(number),
                count,
                horizon,
            })
            .collect();
        report.released = released
            .iter()
            .rev()
            .take(8)
            .map(|(number, at)| VersionAge {
                version: version(*number),
                age: age(*at),
            })
            .collect();
        if process.paused || process.cut_off || std::mem::take(&mut process.lose_next) {
            return;
        }
        let record = Record {
            key: report.key(),
            report,
            at: 0,
            signed: process.signed.clone(),
            ttl: process.ttl,
        };
        let skew = process.skew;
        let copies = 1 + usize::from(self.kind == Log::Wild && self.rng.u8(..) < 40);
        for _ in 0..copies {
            let mut arrives = now + self.rng.u64(..=DELAY);
            if self.kind == Log::Kafka {
                let before = self
                    .in_flight
                    .iter()
                    .filter(|(_, _, other)| other.key == record.key);
                arrives = before.map(|(at, _, _)| *at).fold(arrives, u64::max);
            }
            self.in_flight.push((arrives, skew, record.clone()));
        }
    }

    /// Lets time pass in small ticks, so that what happens in between is seen.
    fn wait(&mut self, time: u64) -> Result<(), TestCaseError> {
        let end = self.now + time;
        while self.now < end {
            self.now += TICK;
            self.deliver();
            for index in 0..self.running.len() {
                let process = &self.running[index];
                if process.next_heartbeat <= self.now && !process.paused {
                    self.report(index, false);
                }
            }
            self.check(&self.ledger)?;
        }
        Ok(())
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (mut arrived, in_flight): (Vec<_>, _) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|(at, _, _)| *at <= now);
        self.in_flight = in_flight;
        if self.kind == Log::Wild {
            self.rng.shuffle(&mut arrived);
        }
        for (_, skew, mut record) in arrived {
            record.at = now.checked_add_signed(skew).unwrap();
            if self.ledger.fold(&record.report, record.at) == FoldOutcome::Counts {
                self.heard.insert(record.key.clone(), (now, record.ttl));
            }
            for (version, until) in &record.signed {
                let horizon = self.horizons.entry(*version).or_default();
                *horizon = (*horizon).max(*until);
            }
            self.log.push(record);
        }
    }

    fn compact(&mut self) {
        if self.kind == Log::Wild {
            return;
        }
        let mut newer = BTreeSet::new();
        self.log.reverse();
        self.log.retain(|record| newer.insert(record.key.clone()));
        self.log.reverse();
    }

    fn refolded(&self) -> Ledger {
        let mut ledger = Ledger::new(limits());
        for record in &self.log {
            ledger.fold(&record.report, record.at);
        }
        ledger
    }

    /// Whatever the ledger says is released is used by nobody who was ever heard, and is not in `presumed_gone`.
    fn check(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        let current = version(self.current);
        for number in self.left.keys() {
            let verdict = ledger.verdict(SECRET, &version(*number), &current, self.now);
            let ReleaseStatus::Released {
                presumed_gone,
                since,
                ..
            } = verdict
            else {
                continue;
            };
            prop_assert!(since <= self.now + SKEW, "since {since}, now {}", self.now);
            let presumed_gone: BTreeSet<_> = presumed_gone
                .into_iter()
                .map(|silent| (silent.instance, silent.incarnation))
                .collect();
            for process in &self.running {
                let key = format!("{}|{}|{SECRET}", process.instance, process.incarnation);
                let Some((heard, ttl)) = self.heard.get(&key) else {
                    continue; // nobody can know of it
                };
                let silent = self.now + SKEW > heard + ttl + GRACE;
                let is_assumed =
                    presumed_gone.contains(&(process.instance.clone(), process.incarnation));
                prop_assert!(silent || !is_assumed, "{} is not silent", process.instance);
                let uses = process.live == *number || process.held.contains_key(number);
                prop_assert!(
                    !uses || is_assumed,
                    "v{number} is released, and {} uses it",
                    process.instance
                );
            }
            let horizon = self.horizons.get(number).copied().unwrap_or(0);
            prop_assert!(self.now > horizon, "v{number}: URLs of it are good");
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(time) => self.wait(time)?,
            Step::Rotate => {
                self.left.insert(self.current, self.now);
                self.current += 1;
            }
            Step::Look { who, stale, leases } => {
                if let Some(index) = self.awake(who) {
                    self.look(index, stale, leases);
                }
            }
            Step::Drain(who, which) => {
                if let Some(index) = self.awake(who) {
                    self.drain(index, which);
                }
            }
            Step::Sign { who, for_s } => {
                if let Some(index) = self.awake(who) {
                    let until = self.now + for_s * SECOND;
                    let process = &mut self.running[index];
                    let horizon = process.signed.entry(process.live).or_default();
                    *horizon = (*horizon).max(until);
                    self.report(index, false);
                }
            }
            Step::Start { like, stale, ttl } => self.start(like, stale, ttl),
            Step::Crash(who) if !self.running.is_empty() => {
                self.running.swap_remove(who % self.running.len());
            }
            Step::Goodbye(who) => {
                if let Some(index) = self.awake(who) {
                    self.report(index, true);
                    self.running.swap_remove(index);
                }
            }
            Step::Pause(who) => self.pick(who).into_iter().for_each(|p| p.paused = true),
            Step::Resume(who) => self.pick(who).into_iter().for_each(|p| p.paused = false),
            Step::CutOff(who) => self.pick(who).into_iter().for_each(|p| p.cut_off = true),
            Step::Heal(who) => self.pick(who).into_iter().for_each(|p| p.cut_off = false),
            Step::LoseNext(who) => self.pick(who).into_iter().for_each(|p| p.lose_next = true),
            Step::Compact => self.compact(),
            Step::Crash(_) => {}
        }
        self.check(&self.ledger)?;
        let again = self.refolded();
        self.check(&again)
    }

    /// The index of a process that is not paused.
    fn awake(&self, who: usize) -> Option<usize> {
        let index = who % self.running.len().max(1);
        self.running
            .get(index)
            .is_some_and(|process| !process.paused)
            .then_some(index)
    }

    /// Everybody is well, and lets go of everything.
    fn heal(&mut self) {
        if self.running.is_empty() {
            self.start(None, false, LONGEST_TTL);
        }
        for index in 0..self.running.len() {
            let process = &mut self.running[index];
            process.paused = false;
            process.cut_off = false;
            process.lose_next = false;
            self.look(index, false, 0);
            while !self.running[index].held.is_empty() {
                self.drain(index, 0);
            }
        }
    }

    fn all_released(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        let current = version(self.current);
        for number in self.left.keys() {
            let verdict = ledger.verdict(SECRET, &version(*number), &current, self.now);
            prop_assert!(
                matches!(verdict, ReleaseStatus::Released { .. }),
                "v{number}: {verdict:?}"
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_released_while_one_holds_and_always_soon_after_the_last_let_go(
        seed in any::<u64>(),
        kind in prop::sample::select(vec![Log::Wild, Log::Kafka]),
        fleet in 1..5_usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(seed, kind);
        for _ in 0..fleet {
            let ttl = world.rng.u64(5..=60) * SECOND;
            world.start(None, false, ttl);
        }
        for step in steps {
            world.take(step)?;
        }
        world.heal();
        // Of crashed processes, too: a report may be on its way.
        let on_the_way = world.in_flight.iter().flat_map(|(_, _, record)| record.signed.values());
        let signers = world.running.iter().flat_map(|process| process.signed.values());
        let last = world.horizons.values().chain(on_the_way).chain(signers).max().copied().unwrap_or(0);
        if last > world.now {
            world.wait(last + GRACE - world.now)?;
        }
        // Stated in the module's documentation.
        let bound = LONGEST_TTL.max(SETTLE + LONGEST_TTL / 3) + 2 * GRACE;
        world.wait(bound)?;
        world.all_released(&world.ledger)?;
        world.compact();
        world.all_released(&world.refolded())?;
    }
}

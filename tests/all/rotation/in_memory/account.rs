//! The state of an account, and the rules that hold for it after every call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use credswap::rotation::seam::{CURRENT, KeyUse, PENDING, PREVIOUS};
use credswap::rotation::{Policy, Rejection};
use credswap::{ErrorKind, VersionId};

use super::{HOUR, MINUTE, USER};
use crate::rotation::faults::Fault;

/// What AWS and the consumers have, and the faults to come.
pub(crate) struct Account {
    pub(crate) now: SystemTime,
    pub(crate) versions: Vec<Version>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) keys: Vec<Key>,
    pub(crate) announced: Vec<VersionId>,
    /// Which version each consumer uses.
    pub(crate) consumers: BTreeMap<&'static str, BTreeSet<String>>,
    pub(crate) released: BTreeMap<String, SystemTime>,
    pub(crate) rejections: BTreeMap<String, Vec<Rejection>>,
    /// Consumers that go on working and whose reports are lost: they are presumed gone.
    pub(crate) cut_off: BTreeSet<&'static str>,
    pub(crate) calls: usize,
    pub(crate) log: Vec<(usize, SystemTime, &'static str, Option<Fault>)>,
    pub(crate) faults: BTreeMap<usize, Fault>,
    pub(crate) dead: BTreeSet<usize>,
    pub(crate) moved: SystemTime,
    pub(crate) not_yet: usize,
    pub(crate) last_error: String,
    /// Versions that cannot be read, and why.
    pub(crate) unreadable: BTreeMap<String, ErrorKind>,
    /// Keys that did not work when a person moved a label to them: nobody has broken rule 8 yet.
    inactive_when_labelled: BTreeSet<String>,
    /// The secret holds something else than access keys.
    pub(crate) has_no_keys: bool,
    pub(super) in_flight: Vec<(SystemTime, Write)>,
    made: usize,
}

pub(super) type Write = Box<dyn FnOnce(&mut Account) + Send>;

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) content: Option<String>,
    pub(crate) created: SystemTime,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) active: bool,
    pub(crate) created: SystemTime,
    pub(crate) used: Option<KeyUse>,
    /// Since when, if it was a rotation that deactivated it.
    pub(crate) inactive_since: Option<SystemTime>,
}

impl Account {
    /// One key, current, used by one consumer.
    pub(super) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut account = Self {
            now,
            versions: Vec::new(),
            tags: BTreeMap::new(),
            keys: Vec::new(),
            announced: Vec::new(),
            consumers: BTreeMap::new(),
            released: BTreeMap::new(),
            rejections: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            calls: 0,
            log: Vec::new(),
            faults: BTreeMap::new(),
            dead: BTreeSet::new(),
            moved: now,
            not_yet: 0,
            last_error: String::new(),
            unreadable: BTreeMap::new(),
            inactive_when_labelled: BTreeSet::new(),
            has_no_keys: false,
            in_flight: Vec::new(),
            made: 0,
        };
        let id = account.new_key();
        account.add_version("version-0", Some(&id), &[CURRENT]);
        account.now += 24 * HOUR;
        account.moved = account.now;
        account.consumer_refreshes("first");
        account
    }

    pub(crate) fn new_key(&mut self) -> String {
        self.made += 1;
        let id = format!("AKIATESTKEY{:09}", self.made);
        self.keys.push(Key {
            id: id.clone(),
            active: true,
            created: self.now,
            used: None,
            inactive_since: None,
        });
        id
    }

    pub(crate) fn add_version(&mut self, id: &str, key: Option<&str>, labels: &[&str]) {
        let content = key.map(|key| {
            format!(r#"{{"accesskey":"{key}","secretkey":"s-{key}","username":"{USER}"}}"#)
        });
        self.versions.push(Version {
            id: id.to_owned(),
            labels: BTreeSet::new(),
            content,
            created: self.now,
        });
        for label in labels {
            self.label(label, id);
        }
    }

    pub(super) fn label(&mut self, label: &str, id: &str) {
        let left = self.labelled(label).map(|version| version.id.clone());
        for version in &mut self.versions {
            version.labels.remove(label);
            if version.id == id {
                version.labels.insert(label.to_owned());
            }
        }
        if let (CURRENT, Some(left)) = (label, left) {
            self.moved = self.now;
            self.label(PREVIOUS, &left);
        }
    }

    /// A person moves a label to a version, whatever the state of its key.
    pub(crate) fn label_by_hand(&mut self, label: &str, id: &str) {
        let version = self.versions.iter().find(|v| v.id == id).cloned();
        let key = version.and_then(|version| self.key_of(&version));
        if let Some(key) = key.filter(|key| self.key(key).is_some_and(|key| !key.active)) {
            self.inactive_when_labelled.insert(key);
        }
        self.label(label, id);
    }

    /// Another field of the version gets this value.
    pub(crate) fn add_field(&mut self, id: &str, field: &str, value: &str) {
        let version = self.versions.iter_mut().find(|v| v.id == id);
        let content = version.and_then(|version| version.content.as_mut());
        let content = content.expect("the version has content");
        let end = content.len() - 1;
        content.insert_str(end, &format!(r#","{field}":"{value}""#));
    }

    pub(crate) fn unlabel(&mut self, label: &str) {
        for version in &mut self.versions {
            version.labels.remove(label);
        }
    }

    pub(crate) fn labelled(&self, label: &str) -> Option<&Version> {
        self.versions.iter().find(|v| v.labels.contains(label))
    }

    pub(crate) fn key_of(&self, version: &Version) -> Option<String> {
        // As `add_version` writes it, and a rotation keeps it. This is asked after every call.
        let content = version.content.as_deref()?;
        let key = content.strip_prefix(r#"{"accesskey":""#)?;
        Some(key.split('"').next()?.to_owned())
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    pub(crate) fn key_mut(&mut self, id: &str) -> &mut Key {
        let key = self.keys.iter_mut().find(|key| key.id == id);
        key.expect("the key is there")
    }

    /// A consumer's reports arrive; it releases what it has and uses what is current.
    pub(crate) fn consumer_refreshes(&mut self, name: &'static str) {
        self.cut_off.remove(name);
        let current = self.labelled(CURRENT).expect("current").id.clone();
        let before = self
            .consumers
            .insert(name, BTreeSet::from([current.clone()]));
        let used: Vec<_> = before
            .into_iter()
            .flatten()
            .chain([current.clone()])
            .collect();
        for id in &used {
            let version = self.versions.iter().find(|v| v.id == *id).cloned();
            if let Some(key) = version.and_then(|version| self.key_of(&version)) {
                let now = self.now;
                if let Some(key) = self.keys.iter_mut().find(|k| k.id == key) {
                    key.used = Some(KeyUse {
                        at: now,
                        service: "s3".to_owned(),
                    });
                }
            }
            if *id != current {
                self.released.insert(id.clone(), self.now);
            }
        }
    }

    /// What is on its way arrives, or AWS finds it too old.
    pub(crate) fn deliver_one(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let (until, write) = self.in_flight.remove(0);
        if self.now <= until {
            write(self);
            self.assert_rule_8();
        }
    }

    fn consumers_with(&self, key: &str) -> Vec<&'static str> {
        let with_key = |id: &String| {
            let version = self.versions.iter().find(|v| v.id == *id);
            version.and_then(|v| self.key_of(v)).as_deref() == Some(key)
        };
        self.consumers
            .iter()
            .filter(|(_, used)| used.iter().any(with_key))
            .map(|(name, _)| *name)
            .collect()
    }

    /// The keys of AWSCURRENT and AWSPENDING work, whatever happens.
    pub(crate) fn assert_rule_8(&self) {
        if self.has_no_keys {
            return;
        }
        for label in [CURRENT, PENDING] {
            let Some(key) = self
                .labelled(label)
                .and_then(|version| self.key_of(version))
            else {
                assert_ne!(
                    label, CURRENT,
                    "there is a current version: {:#?}",
                    self.log
                );
                continue;
            };
            if self.inactive_when_labelled.contains(&key) {
                continue;
            }
            let works = self.key(&key).is_some_and(|key| key.active);
            assert!(works, "the key of {label} works: {}", self.history());
        }
    }

    /// One working current key, labels that fit, the event published, and nothing left behind.
    pub(crate) fn assert_converged(&self, token: &VersionId) {
        let log = self.history();
        self.assert_rule_8();
        let current = self.labelled(CURRENT).expect("current");
        assert_eq!(current.id, token.as_str(), "{log}");
        let key = self.key_of(current).expect("it has a key");
        let keys: Vec<_> = self.keys.iter().map(|key| key.id.clone()).collect();
        assert_eq!(keys, [key], "no key is left behind: {log}");
        let pending = self.labelled(PENDING).map(|v| v.id.as_str());
        assert!(pending.is_none_or(|id| id == current.id), "{log}");
        assert!(
            self.announced.contains(token),
            "the event is published: {log}"
        );
        let tags = self
            .tags
            .keys()
            .filter(|tag| tag.starts_with("credswap:key:"));
        assert_eq!(tags.count(), 0, "no tag is left behind: {log}");
    }

    /// How many calls of this name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.log.iter().filter(|(_, _, n, _)| *n == name).count()
    }

    /// What happened, for the message of a test that failed.
    pub(crate) fn history(&self) -> String {
        let since = |at: SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
        };
        let mut history = String::new();
        for (actor, at, name, fault) in &self.log {
            history += &format!("{actor}@{}:{name}", since(*at));
            history += &fault.map_or("".to_owned(), |fault| format!("({fault:?})"));
            history.push(' ');
        }
        for key in &self.keys {
            let (active, created) = (key.active, since(key.created));
            let used = key
                .used
                .as_ref()
                .map(|used| (since(used.at), &used.service));
            history += &format!(
                "\nkey {} active={active} created@{created} used={used:?}",
                key.id
            );
        }
        for v in &self.versions {
            history += &format!(
                "\nversion {} {:?} created@{} {:?}",
                v.id,
                v.labels,
                since(v.created),
                self.key_of(v)
            );
        }
        history += &format!(
            "\ntags {:#?}\nnow {}\n{}",
            self.tags,
            since(self.now),
            self.last_error
        );
        history
    }

    pub(super) fn remove_key(&mut self, id: &str) {
        let policy = Policy::default();
        let Some(key) = self.key(id) else {
            return; // a late one: it is gone already
        };
        // What is written was decided on before the action deadline, and signed within 5 minutes.
        let watched = policy.watch - policy.action_deadline - 5 * MINUTE;
        for consumer in self.consumers_with(id) {
            let was_watched = match key.inactive_since {
                Some(since) => self.now >= since + watched,
                None => !key.active,
            };
            assert!(
                self.cut_off.contains(consumer) && was_watched,
                "{consumer} uses what is deleted: {}",
                self.history()
            );
        }
        self.keys.retain(|key| key.id != id);
    }

    pub(super) fn deactivate(&mut self, id: &str) {
        let mut reporting = self.consumers_with(id);
        reporting.retain(|consumer| !self.cut_off.contains(consumer));
        let overdue = self.now >= self.moved + Policy::default().deadline;
        assert!(
            reporting.is_empty() || overdue,
            "{reporting:?} use what is deactivated: {}",
            self.history()
        );
        let now = self.now;
        let key = self.key_mut(id);
        key.active = false;
        key.inactive_since = Some(now);
    }

    pub(super) fn activate(&mut self, id: &str) {
        let key = self.key_mut(id);
        key.active = true;
        key.inactive_since = None;
        self.inactive_when_labelled.remove(id);
    }
}

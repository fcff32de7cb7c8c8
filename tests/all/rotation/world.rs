//! An IAM and a Secrets Manager in memory, at the level of the rotation's traits: fast enough for many thousands of
//! schedules, with rule 8 asserted after every call.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use credswap::aws::Check;
use credswap::connect::Verdict;
use credswap::rotation::*;
use credswap::{Error, ErrorKind, Secret, VersionId};

pub(crate) const USER: &str = "uploader";
pub(crate) const SECRET: &str = "prod/uploader";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// The caller dies before it.
    DieBefore,
    /// The caller dies after it.
    DieAfter,
    /// It is not done, and fails.
    FailBefore,
    /// It is done, and its answer is lost.
    FailAfter,
    /// It fails, and is done later; AWS accepts it for 5 minutes.
    Late,
}

pub(crate) const CRASHES: [Fate; 4] = [
    Fate::DieBefore,
    Fate::DieAfter,
    Fate::FailBefore,
    Fate::FailAfter,
];

/// A caller's hands on the world.
#[derive(Clone)]
pub(crate) struct Hands {
    world: Arc<Mutex<World>>,
    actor: usize,
}

pub(crate) struct World {
    pub(crate) now: SystemTime,
    pub(crate) versions: Vec<Version>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) keys: Vec<Key>,
    pub(crate) announced: Vec<VersionId>,
    /// Which version each consumer uses.
    pub(crate) consumers: BTreeMap<&'static str, BTreeSet<String>>,
    pub(crate) released: BTreeMap<String, SystemTime>,
    pub(crate) refused: BTreeMap<String, Vec<Rejection>>,
    /// Consumers that work on and are not heard: their silence is taken for their word.
    pub(crate) cut_off: BTreeSet<&'static str>,
    pub(crate) calls: usize,
    pub(crate) log: Vec<(usize, SystemTime, &'static str, Option<Fate>)>,
    pub(crate) plan: BTreeMap<usize, Fate>,
    pub(crate) dead: BTreeSet<usize>,
    pub(crate) moved: SystemTime,
    pub(crate) not_yet: usize,
    pub(crate) last_error: String,
    /// The secret holds something else than access keys.
    pub(crate) keyless: bool,
    in_flight: Vec<(SystemTime, Write)>,
    made: usize,
}

type Write = Box<dyn FnOnce(&mut World) + Send>;

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
    pub(crate) used: Option<(SystemTime, String)>,
    /// Since when, if it was a rotation that deactivated it.
    pub(crate) inactive_since: Option<SystemTime>,
}

pub(crate) type Rotating = Rotation<Hands, AccessKeys<Hands, Hands, Hands, Hands>, Hands>;

impl Hands {
    /// One key, current, used by one consumer.
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let world = World {
            now,
            versions: Vec::new(),
            tags: BTreeMap::new(),
            keys: Vec::new(),
            announced: Vec::new(),
            consumers: BTreeMap::new(),
            released: BTreeMap::new(),
            refused: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            calls: 0,
            log: Vec::new(),
            plan: BTreeMap::new(),
            dead: BTreeSet::new(),
            moved: now,
            not_yet: 0,
            last_error: String::new(),
            keyless: false,
            in_flight: Vec::new(),
            made: 0,
        };
        let hands = Self {
            world: Arc::new(Mutex::new(world)),
            actor: 0,
        };
        {
            let mut world = hands.world();
            let id = world.new_key();
            world.add_version("version-0", Some(&id), &[CURRENT]);
            world.now += 24 * HOUR;
            world.moved = world.now;
            world.consumer_reloads("first");
        }
        hands
    }

    pub(crate) fn actor(&self, actor: usize) -> Self {
        Self {
            world: Arc::clone(&self.world),
            actor,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn rotation(&self) -> Rotating {
        self.rotation_within(Policy::default())
    }

    pub(crate) fn rotation_within(&self, policy: Policy) -> Rotating {
        let clock = |hands: Self| move || hands.world().now;
        let keys = AccessKeys::new(self.clone(), self.clone(), self.clone(), self.clone())
            .policy(policy.clone())
            .clock(clock(self.clone()));
        Rotation::new(self.clone(), keys, self.clone())
            .policy(policy)
            .clock(clock(self.clone()))
            .accept_new_tokens()
    }

    /// The whole rotation, once. The token is taken over from one that is under way.
    pub(crate) async fn rotate(&self, token: &str) -> Result<VersionId, Error> {
        let rotation = self.rotation();
        let under_way = rotation.under_way(SECRET).await?;
        let token = under_way.unwrap_or_else(|| VersionId::from(token));
        for step in Step::ALL {
            rotation.step(&request(step, token.as_str())).await?;
        }
        Ok(token)
    }

    /// Runs until it ends, or its process dies: `None`.
    pub(crate) async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.world().dead.remove(&self.actor);
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.world().dead.contains(&self.actor) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    async fn call<T: Send>(
        &self,
        name: &'static str,
        write: impl FnOnce(&mut World) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let signed = self.world().now;
        // One call per poll, so that a test can interleave two callers between any two calls.
        let mut yielded = false;
        poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        let lost = || Err(Error::new(ErrorKind::Unavailable, "no answer"));
        let answer = {
            let mut world = self.world();
            // AWS refuses a signature that is older than this.
            let too_old = world.now > signed + 5 * MINUTE;
            let fate = match too_old {
                true => Some(Fate::FailBefore),
                false => world.plan.get(&world.calls).copied(),
            };
            world.calls += 1;
            let now = world.now;
            world.log.push((self.actor, now, name, fate));
            match fate {
                None | Some(Fate::DieAfter | Fate::FailAfter) => {
                    let answer = write(&mut world);
                    world.assert_rule_8();
                    match fate {
                        Some(Fate::FailAfter) => lost(),
                        Some(_) => {
                            world.dead.insert(self.actor);
                            answer
                        }
                        None => answer,
                    }
                }
                Some(Fate::DieBefore) => {
                    world.dead.insert(self.actor);
                    lost()
                }
                Some(Fate::FailBefore) => lost(),
                Some(Fate::Late) => {
                    let until = signed + 5 * MINUTE;
                    let write = Box::new(move |world: &mut World| drop(write(world)));
                    world.in_flight.push((until, write));
                    lost()
                }
            }
        };
        if self.world().dead.contains(&self.actor) {
            pending::<()>().await;
        }
        answer
    }
}

pub(crate) fn request(step: Step, token: &str) -> StepRequest {
    StepRequest {
        step,
        secret_id: SECRET.to_owned(),
        token: VersionId::from(token),
        rotation_token: None,
    }
}

impl World {
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

    fn label(&mut self, label: &str, id: &str) {
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

    /// A consumer is heard, lets go of what it has and takes what is current.
    pub(crate) fn consumer_reloads(&mut self, name: &'static str) {
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
                    key.used = Some((now, "s3".to_owned()));
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

    fn holders(&self, key: &str) -> Vec<&'static str> {
        let with_key = |id: &String| {
            let version = self.versions.iter().find(|v| v.id == *id);
            version.and_then(|v| self.key_of(v)).as_deref() == Some(key)
        };
        self.consumers
            .iter()
            .filter(|(_, held)| held.iter().any(with_key))
            .map(|(name, _)| *name)
            .collect()
    }

    /// The keys of AWSCURRENT and AWSPENDING work, whatever happens.
    pub(crate) fn assert_rule_8(&self) {
        if self.keyless {
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
            let works = self.key(&key).is_some_and(|key| key.active);
            assert!(works, "the key of {label} works: {}", self.story());
        }
    }

    /// One working current key, labels that fit, the event published, and nothing left behind.
    pub(crate) fn assert_converged(&self, token: &VersionId) {
        let log = self.story();
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
        let notes = self
            .tags
            .keys()
            .filter(|tag| tag.starts_with("credswap:key:"));
        assert_eq!(notes.count(), 0, "no note is left behind: {log}");
    }

    /// How many calls of this name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.log.iter().filter(|(_, _, n, _)| *n == name).count()
    }

    /// For the reader of a test that failed.
    pub(crate) fn story(&self) -> String {
        let since = |at: SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
        };
        let mut story = String::new();
        for (actor, at, name, fate) in &self.log {
            story += &format!("{actor}@{}:{name}", since(*at));
            story += &fate.map_or("".to_owned(), |fate| format!("({fate:?})"));
            story.push(' ');
        }
        for key in &self.keys {
            let (active, created) = (key.active, since(key.created));
            let used = key.used.as_ref().map(|(at, by)| (since(*at), by));
            story += &format!(
                "\nkey {} active={active} created@{created} used={used:?}",
                key.id
            );
        }
        for v in &self.versions {
            story += &format!(
                "\nversion {} {:?} created@{} {:?}",
                v.id,
                v.labels,
                since(v.created),
                self.key_of(v)
            );
        }
        story += &format!(
            "\ntags {:#?}\nnow {}\n{}",
            self.tags,
            since(self.now),
            self.last_error
        );
        story
    }

    fn remove_key(&mut self, id: &str) {
        let policy = Policy::default();
        let Some(key) = self.key(id) else {
            return; // a late one: it is gone already
        };
        // What is written was decided on within a lap, and signed within 5 minutes.
        let watched = policy.watch - policy.lap - 5 * MINUTE;
        for holder in self.holders(id) {
            let was_watched = match key.inactive_since {
                Some(since) => self.now >= since + watched,
                None => !key.active,
            };
            assert!(
                self.cut_off.contains(holder) && was_watched,
                "{holder} uses what is deleted: {}",
                self.story()
            );
        }
        self.keys.retain(|key| key.id != id);
    }

    fn deactivate(&mut self, id: &str) {
        let mut heard = self.holders(id);
        heard.retain(|holder| !self.cut_off.contains(holder));
        let overdue = self.now >= self.moved + Policy::default().deadline;
        assert!(
            heard.is_empty() || overdue,
            "{heard:?} use what is deactivated: {}",
            self.story()
        );
        let now = self.now;
        let key = self.key_mut(id);
        key.active = false;
        key.inactive_since = Some(now);
    }

    fn activate(&mut self, id: &str) {
        let key = self.key_mut(id);
        key.active = true;
        key.inactive_since = None;
    }
}

impl Store for Hands {
    async fn describe(&self, _: &str) -> Result<SecretDescription, Error> {
        self.call("describe", |world| {
            let labelled = world.versions.iter().filter(|v| !v.labels.is_empty());
            Ok(SecretDescription {
                arn: format!("arn:{SECRET}"),
                name: SECRET.to_owned(),
                labels: labelled
                    .map(|v| (v.id.clone(), v.labels.iter().cloned().collect()))
                    .collect(),
                tags: world.tags.clone(),
            })
        })
        .await
    }

    async fn versions(&self, _: &str) -> Result<Vec<VersionInfo>, Error> {
        self.call("versions", |world| {
            let info = |v: &Version| VersionInfo {
                id: VersionId::from(&v.id),
                labels: v.labels.iter().cloned().collect(),
                created: v.created,
            };
            Ok(world.versions.iter().map(info).collect())
        })
        .await
    }

    async fn read(&self, _: &str, which: VersionSelector<'_>) -> Result<Option<Content>, Error> {
        let (label, id) = match which {
            VersionSelector::Label(label) => (Some(label.to_owned()), String::new()),
            VersionSelector::Version(id) => (None, id.to_string()),
        };
        self.call("read", move |world| {
            let version = match &label {
                Some(label) => world.labelled(label),
                None => world.versions.iter().find(|v| v.id == id),
            };
            Ok(version.and_then(|version| {
                let secret = Secret::new(version.content.clone()?, &version.id);
                Some(Content::new(secret, Encoding::Text))
            }))
        })
        .await
    }

    async fn put_pending(
        &self,
        _: &str,
        token: &VersionId,
        content: &Content,
        _: Option<&RotationToken>,
    ) -> Result<PutOutcome, Error> {
        let (token, text) = (token.to_string(), content.secret().expose_str()?.to_owned());
        self.call("put_pending", move |world| {
            let now = world.now;
            match world.versions.iter_mut().find(|v| v.id == token) {
                Some(Version {
                    content: Some(there),
                    ..
                }) => match *there == text {
                    true => return Ok(PutOutcome::Stored),
                    false => return Ok(PutOutcome::Taken),
                },
                Some(empty) => empty.content = Some(text),
                None => world.versions.push(Version {
                    id: token.clone(),
                    labels: BTreeSet::new(),
                    content: Some(text),
                    created: now,
                }),
            }
            world.label(PENDING, &token);
            Ok(PutOutcome::Stored)
        })
        .await
    }

    async fn move_current(
        &self,
        _: &str,
        to: &VersionId,
        from: &VersionId,
    ) -> Result<MoveOutcome, Error> {
        let (to, from) = (to.to_string(), from.to_string());
        self.call("move_current", move |world| {
            match world.labelled(CURRENT).map(|v| v.id.clone()) {
                Some(current) if current == to => {}
                Some(current) if current == from => world.label(CURRENT, &to),
                _ => return Ok(MoveOutcome::NotThere),
            }
            Ok(MoveOutcome::Moved)
        })
        .await
    }

    async fn tag(&self, _: &str, key: &str, value: &str) -> Result<(), Error> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.call("tag", move |world| {
            world.tags.insert(key, value);
            Ok(())
        })
        .await
    }

    async fn untag(&self, _: &str, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.call("untag", move |world| {
            world.tags.remove(&key);
            Ok(())
        })
        .await
    }
}

impl Iam for Hands {
    async fn keys(&self, _: &Caller, _: &str) -> Result<Vec<KeyInfo>, Error> {
        self.call("keys", |world| {
            let info = |key: &Key| KeyInfo {
                id: key.id.clone(),
                status: match key.active {
                    true => KeyStatus::Active,
                    false => KeyStatus::Inactive,
                },
                created: key.created,
            };
            Ok(world.keys.iter().map(info).collect())
        })
        .await
    }

    async fn create(&self, _: &Caller, _: &str) -> Result<CreateOutcome, Error> {
        self.call("create", |world| {
            if world.keys.len() >= 2 {
                return Ok(CreateOutcome::LimitExceeded);
            }
            let id = world.new_key();
            let secret = format!("s-{id}").into();
            Ok(CreateOutcome::Key(NewKey { id, secret }))
        })
        .await
    }

    async fn set_status(
        &self,
        _: &Caller,
        _: &str,
        id: &str,
        status: KeyStatus,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.call("set_status", move |world| {
            if world.key(&id).is_none() {
                return Err(Error::new(ErrorKind::Malformed, "no such key"));
            }
            match status {
                KeyStatus::Active => world.activate(&id),
                KeyStatus::Inactive => world.deactivate(&id),
            }
            Ok(())
        })
        .await
    }

    async fn delete(&self, _: &Caller, _: &str, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.call("delete", move |world| {
            world.remove_key(&id);
            Ok(())
        })
        .await
    }

    async fn last_used(&self, _: &Caller, id: &str) -> Result<Option<LastUsed>, Error> {
        let id = id.to_owned();
        self.call("last_used", move |world| {
            Ok(world.key(&id).map(|key| LastUsed {
                user: USER.to_owned(),
                at: key.used.clone(),
            }))
        })
        .await
    }
}

impl Check for Hands {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        let id = credentials.access_key_id().to_owned();
        let answer = self.call("check", move |world| {
            let now = world.now;
            if world.not_yet > 0 {
                world.not_yet -= 1;
                return Ok(false);
            }
            let works = world.key(&id).is_some_and(|key| key.active);
            if works {
                world.key_mut(&id).used = Some((now, "sts".to_owned()));
            }
            Ok(works)
        });
        match answer.await {
            Ok(true) => Verdict::Good,
            Ok(false) => Verdict::NotYet(Error::new(ErrorKind::NotPropagated, "not known")),
            Err(error) => Verdict::Unknown(error),
        }
    }
}

impl UsageSource for Hands {
    async fn usage_of(&self, _: &SecretDescription, version: &VersionId) -> Result<Usage, Error> {
        let version = version.to_string();
        self.call("usage_of", move |world| {
            let by: Vec<_> = world
                .consumers
                .iter()
                .filter(|(name, held)| held.contains(&version) && !world.cut_off.contains(*name))
                .map(|(name, _)| Holder {
                    instance: (*name).to_owned(),
                    using: "it is live there".to_owned(),
                    until: None,
                })
                .collect();
            let standing = match world.released.get(&version) {
                _ if !by.is_empty() => UsageState::InUse { by },
                Some(since) => UsageState::Released {
                    since: *since,
                    presumed_gone: world
                        .cut_off
                        .iter()
                        .map(|name| (*name).to_owned())
                        .collect(),
                },
                None => UsageState::Unknown,
            };
            Ok(Usage {
                standing,
                refused: world.refused.get(&version).cloned().unwrap_or_default(),
            })
        })
        .await
    }
}

impl Announcer for Hands {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let version = event.version_id.clone();
        self.call("announce", move |world| {
            world.announced.push(version);
            Ok(())
        })
        .await
    }
}

//! The services of the account, as a process calls them.

use std::collections::BTreeSet;

use aws_credential_types::Credentials;
use credswap::aws::Check;
use credswap::connect::Verdict;
use credswap::rotation::seam::{
    BoxFuture, CURRENT, CreateOutcome, Iam, IamUser, KeyInfo, KeyStatus, KeyUse, LastUsed,
    MoveLabel, MoveOutcome, NewKey, PENDING, PutOutcome, Store, Tag, VersionInfo, VersionSelector,
};
use credswap::rotation::{
    Announcer, Consumer, Content, RotationEvent, RotationToken, SecretDescription, Usage,
    UsageSource, UsageState,
};
use credswap::{Error, ErrorKind, Secret, VersionId};

use super::account::{Key, Version};
use super::{Process, SECRET, USER};

impl Store for Process {
    fn describe<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretDescription, Error>> {
        Box::pin(self.call("describe", |account| {
            let labelled = account.versions.iter().filter(|v| !v.labels.is_empty());
            let mut secret = SecretDescription::default();
            secret.arn = format!("arn:{SECRET}");
            secret.name = SECRET.to_owned();
            secret.labels = labelled
                .map(|v| (v.id.clone(), v.labels.iter().cloned().collect()))
                .collect();
            secret.tags = account.tags.clone();
            Ok(secret)
        }))
    }

    fn versions<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<VersionInfo>, Error>> {
        Box::pin(self.call("versions", |account| {
            let info = |v: &Version| VersionInfo {
                id: VersionId::from(&v.id),
                labels: v.labels.iter().cloned().collect(),
                created: v.created,
            };
            Ok(account.versions.iter().map(info).collect())
        }))
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        version: VersionSelector<'a>,
    ) -> BoxFuture<'a, Result<Option<Content>, Error>> {
        let (label, id) = match version {
            VersionSelector::Label(label) => (Some(label.to_owned()), String::new()),
            VersionSelector::Id(id) => (None, id.to_string()),
        };
        Box::pin(self.call("read", move |account| {
            let version = match &label {
                Some(label) => account.labelled(label),
                None => account.versions.iter().find(|v| v.id == id),
            };
            let Some(version) = version else {
                return Ok(None);
            };
            if let Some(kind) = account.unreadable.get(&version.id) {
                return Err(Error::new(*kind, "`kms:Decrypt` is denied"));
            }
            Ok(version.content.clone().map(|content| {
                let secret = Secret::new(content, &version.id);
                Content::text(secret.with_created(version.created))
            }))
        }))
    }

    fn put_pending<'a>(
        &'a self,
        _: &'a str,
        token: &'a VersionId,
        content: &'a Content,
        _: Option<&'a RotationToken>,
    ) -> BoxFuture<'a, Result<PutOutcome, Error>> {
        let token = token.to_string();
        let text = content.secret().expose_str().expect("text").to_owned();
        Box::pin(self.call("put_pending", move |account| {
            let now = account.now;
            match account.versions.iter_mut().find(|v| v.id == token) {
                Some(Version {
                    content: Some(there),
                    ..
                }) => match *there == text {
                    true => return Ok(PutOutcome::Stored),
                    false => return Ok(PutOutcome::Taken),
                },
                Some(empty) => empty.content = Some(text),
                None => account.versions.push(Version {
                    id: token.clone(),
                    labels: BTreeSet::new(),
                    content: Some(text),
                    created: now,
                }),
            }
            account.label(PENDING, &token);
            Ok(PutOutcome::Stored)
        }))
    }

    fn move_current<'a>(
        &'a self,
        _: &'a str,
        label: MoveLabel<'a>,
    ) -> BoxFuture<'a, Result<MoveOutcome, Error>> {
        let (to, from) = (label.to.to_string(), label.from.to_string());
        Box::pin(self.call("move_current", move |account| {
            match account.labelled(CURRENT).map(|v| v.id.clone()) {
                Some(current) if current == to => {}
                Some(current) if current == from => account.label(CURRENT, &to),
                _ => return Ok(MoveOutcome::NotThere),
            }
            Ok(MoveOutcome::Moved)
        }))
    }

    fn remove_pending<'a>(
        &'a self,
        _: &'a str,
        version: &'a VersionId,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let version = version.to_string();
        Box::pin(self.call("remove_pending", move |account| {
            let version = account.versions.iter_mut().find(|v| v.id == version);
            version.map(|version| version.labels.remove(PENDING));
            Ok(())
        }))
    }

    fn tag<'a>(&'a self, _: &'a str, tag: Tag<'a>) -> BoxFuture<'a, Result<(), Error>> {
        let (key, value) = (tag.key.to_owned(), tag.value.to_owned());
        Box::pin(self.call("tag", move |account| {
            account.tags.insert(key, value);
            Ok(())
        }))
    }

    fn untag<'a>(&'a self, _: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let key = key.to_owned();
        Box::pin(self.call("untag", move |account| {
            account.tags.remove(&key);
            Ok(())
        }))
    }
}

impl Iam for Process {
    fn keys<'a>(&'a self, _: &'a IamUser) -> BoxFuture<'a, Result<Vec<KeyInfo>, Error>> {
        Box::pin(self.call("keys", |account| {
            let info = |key: &Key| KeyInfo {
                id: key.id.clone(),
                status: match key.active {
                    true => KeyStatus::Active,
                    false => KeyStatus::Inactive,
                },
                created: key.created,
            };
            Ok(account.keys.iter().map(info).collect())
        }))
    }

    fn create<'a>(&'a self, _: &'a IamUser) -> BoxFuture<'a, Result<CreateOutcome, Error>> {
        Box::pin(self.call("create", |account| {
            if account.keys.len() >= 2 {
                return Ok(CreateOutcome::LimitExceeded);
            }
            let id = account.new_key();
            let secret = format!("s-{id}").into();
            Ok(CreateOutcome::Key(NewKey { id, secret }))
        }))
    }

    fn set_status<'a>(
        &'a self,
        _: &'a IamUser,
        key_id: &'a str,
        status: KeyStatus,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let id = key_id.to_owned();
        Box::pin(self.call("set_status", move |account| {
            if account.key(&id).is_none() {
                return Err(Error::new(ErrorKind::Malformed, "no such key"));
            }
            match status {
                KeyStatus::Active => account.activate(&id),
                KeyStatus::Inactive => account.deactivate(&id),
            }
            Ok(())
        }))
    }

    fn delete<'a>(&'a self, _: &'a IamUser, key_id: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        let id = key_id.to_owned();
        Box::pin(self.call("delete", move |account| {
            account.remove_key(&id);
            Ok(())
        }))
    }

    fn last_used<'a>(
        &'a self,
        _: &'a IamUser,
        key_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<LastUsed>, Error>> {
        let id = key_id.to_owned();
        Box::pin(self.call("last_used", move |account| {
            Ok(account.key(&id).map(|key| LastUsed {
                user: USER.to_owned(),
                last: key.used.clone(),
            }))
        }))
    }
}

impl Check for Process {
    async fn check(&self, credentials: &Credentials) -> Verdict {
        let id = credentials.access_key_id().to_owned();
        let answer = self.call("check", move |account| {
            if account.not_yet > 0 {
                account.not_yet -= 1;
                return Ok(false);
            }
            let works = account.key(&id).is_some_and(|key| key.active);
            if works {
                let (at, service) = (account.now, "sts".to_owned());
                account.key_mut(&id).used = Some(KeyUse { at, service });
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

impl UsageSource for Process {
    async fn usage_of(&self, _: &SecretDescription, version: &VersionId) -> Result<Usage, Error> {
        let version = version.to_string();
        self.call("usage_of", move |account| {
            let by: Vec<_> = account
                .consumers
                .iter()
                .filter(|(name, used)| used.contains(&version) && !account.cut_off.contains(*name))
                .map(|(name, _)| Consumer::new(*name).reason("live version"))
                .collect();
            let state = match account.released.get(&version) {
                _ if !by.is_empty() => UsageState::InUse { by },
                Some(since) => UsageState::Released {
                    since: *since,
                    presumed_gone: account
                        .cut_off
                        .iter()
                        .map(|name| (*name).to_owned())
                        .collect(),
                },
                None => UsageState::Unknown,
            };
            let rejections = account.rejections.get(&version).cloned();
            let current = account.labelled(CURRENT).map(|current| current.id.clone());
            let adopted = account.consumers.iter().filter(|(name, used)| {
                let is_new = current.as_ref().is_some_and(|id| used.contains(id));
                is_new && !account.cut_off.contains(*name)
            });
            let adopted = adopted.map(|(name, _)| *name).collect::<Vec<_>>();
            let usage = Usage::new(state).adopted_by(adopted);
            Ok(usage.rejections(rejections.unwrap_or_default()))
        })
        .await
    }
}

impl Announcer for Process {
    async fn announce(&self, event: &RotationEvent) -> Result<(), Error> {
        let version = event.version_id.clone();
        self.call("announce", move |account| {
            account.announced.push(version);
            Ok(())
        })
        .await
    }
}

//! Users, their access keys, and the services that accept them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::access_key::{AccessKey, KeyInfo, KeyStatus, User, generate, random};
use crate::calls::Service;
use crate::clock;
use crate::error::ApiError;
use crate::scheduled_faults::matches;

/// The account that owns everything.
pub(crate) const ACCOUNT: &str = "123456789012";
/// IAM's quota per user.
const KEYS_PER_USER: usize = 2;

/// The owner of an accepted key.
pub(crate) struct Signer {
    pub(crate) user: String,
    pub(crate) secret: String,
}

pub(crate) struct Keys {
    users: BTreeMap<String, User>,
    // In order of creation, as IAM lists them.
    keys: Vec<Key>,
    denied: BTreeMap<String, BTreeSet<String>>,
    propagation: Propagation,
}

struct Key {
    user: String,
    secret: String,
    info: KeyInfo,
    // The services that do not know the key yet, and for how many more checks; `None` until released.
    unknown_to: HashMap<Service, Option<usize>>,
}

/// How new keys propagate.
#[derive(Default)]
pub(crate) struct Propagation {
    pub(crate) services: Vec<Service>,
    pub(crate) checks: Option<usize>,
}

impl Keys {
    pub(crate) fn new(root: &AccessKey) -> Self {
        let arn = format!("arn:aws:iam::{ACCOUNT}:root");
        let user = User {
            name: root.user.clone(),
            id: ACCOUNT.to_owned(),
            arn,
            created: clock::now(),
        };
        let mut keys = Self {
            users: BTreeMap::from([(user.name.clone(), user)]),
            keys: Vec::new(),
            denied: BTreeMap::new(),
            propagation: Propagation::default(),
        };
        keys.add(root.clone());
        keys
    }

    pub(crate) fn create_user(&mut self, name: &str) -> Result<User, ApiError> {
        if self.users.contains_key(name) {
            return Err(ApiError::new(
                409,
                "EntityAlreadyExists",
                format!("User with name {name} already exists."),
            ));
        }
        let user = User {
            name: name.to_owned(),
            id: format!("AIDA{}", random(16)),
            arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            created: clock::now(),
        };
        self.users.insert(name.to_owned(), user.clone());
        Ok(user)
    }

    pub(crate) fn user(&self, name: &str) -> Result<&User, ApiError> {
        self.users
            .get(name)
            .ok_or_else(|| no_such(format!("The user with name {name} cannot be found.")))
    }

    pub(crate) fn create_key(&mut self, user: &str) -> Result<AccessKey, ApiError> {
        self.user(user)?;
        if self.list(user).count() >= KEYS_PER_USER {
            let message = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}");
            return Err(ApiError::new(409, "LimitExceeded", message));
        }
        let key = generate(user);
        self.add(key.clone());
        Ok(key)
    }

    /// Creates the key of a session of a role, which is a user here. A role may have any number of them.
    pub(crate) fn create_session(&mut self, role: &str) -> Result<AccessKey, ApiError> {
        if !self.users.contains_key(role) {
            self.create_user(role)?;
        }
        let key = generate(role);
        self.add(key.clone());
        Ok(key)
    }

    pub(crate) fn set_status(&mut self, id: &str, status: KeyStatus) -> Result<(), ApiError> {
        self.find_mut(id)?.info.status = status;
        Ok(())
    }

    pub(crate) fn delete_key(&mut self, id: &str) -> Result<(), ApiError> {
        self.find_mut(id)?;
        self.keys.retain(|key| key.info.id != id);
        Ok(())
    }

    pub(crate) fn list(&self, user: &str) -> impl Iterator<Item = &KeyInfo> {
        self.keys
            .iter()
            .filter(move |key| key.user == user)
            .map(|key| &key.info)
    }

    /// Returns a key with its user's name.
    pub(crate) fn find(&self, id: &str) -> Result<(&str, &KeyInfo), ApiError> {
        let key = self
            .keys
            .iter()
            .find(|key| key.info.id == id)
            .ok_or_else(|| no_such_key(id))?;
        Ok((&key.user, &key.info))
    }

    /// Returns the owner of a key, or `None` if this service does not accept it.
    ///
    /// Counts as one check of a key that has not propagated yet.
    pub(crate) fn accept(&mut self, id: &str, service: Service) -> Option<Signer> {
        let key = self.keys.iter_mut().find(|key| key.info.id == id)?;
        match key.unknown_to.get_mut(&service) {
            Some(None) => return None,
            Some(Some(0)) => drop(key.unknown_to.remove(&service)),
            Some(Some(left)) => {
                *left -= 1;
                return None;
            }
            None => {}
        }
        (key.info.status == KeyStatus::Active).then(|| Signer {
            user: key.user.clone(),
            secret: key.secret.clone(),
        })
    }

    pub(crate) fn mark_used(&mut self, id: &str, service: Service) {
        if let Ok(key) = self.find_mut(id) {
            key.info.last_used = Some((clock::now(), service));
        }
    }

    pub(crate) fn deny(&mut self, user: &str, action: &str) {
        self.denied
            .entry(user.to_owned())
            .or_default()
            .insert(action.to_owned());
    }

    pub(crate) fn allow(&mut self, user: &str, action: &str) {
        if let Some(denied) = self.denied.get_mut(user) {
            denied.remove(action);
        }
    }

    pub(crate) fn is_denied(&self, user: &str, permission: &str) -> bool {
        self.denied
            .get(user)
            .is_some_and(|denied| denied.iter().any(|pattern| matches(pattern, permission)))
    }

    pub(crate) fn set_propagation(&mut self, propagation: Propagation) {
        self.propagation = propagation;
    }

    pub(crate) fn release(&mut self, id: &str) -> Result<(), ApiError> {
        self.find_mut(id)?.unknown_to.clear();
        Ok(())
    }

    fn add(&mut self, key: AccessKey) {
        let checks = self.propagation.checks;
        self.keys.push(Key {
            user: key.user,
            secret: key.secret,
            info: KeyInfo {
                id: key.id,
                status: KeyStatus::Active,
                created: clock::now(),
                last_used: None,
            },
            unknown_to: self
                .propagation
                .services
                .iter()
                .map(|service| (*service, checks))
                .collect(),
        });
    }

    fn find_mut(&mut self, id: &str) -> Result<&mut Key, ApiError> {
        self.keys
            .iter_mut()
            .find(|key| key.info.id == id)
            .ok_or_else(|| no_such_key(id))
    }
}

pub(crate) fn no_such_key(id: &str) -> ApiError {
    no_such(format!("The Access Key with id {id} cannot be found."))
}

fn no_such(message: String) -> ApiError {
    ApiError::new(404, "NoSuchEntity", message)
}

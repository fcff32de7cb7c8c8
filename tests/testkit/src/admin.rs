//! The account's own hands: set-up and inspection without a client.
//!
//! Nothing here is refused, delayed or recorded. What cannot be done panics with the message AWS would give.

use std::collections::BTreeMap;

use crate::access_key::{AccessKey, KeyInfo, KeyStatus, User};
use crate::cloud::Cloud;
use crate::content::SecretContent;
use crate::error::ApiError;
use crate::secrets::CURRENT;

/// Users, keys and buckets.
impl Cloud {
    /// Creates a user.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    pub fn create_user(&self, name: &str) -> User {
        done(self.shared().state().keys.create_user(name))
    }

    /// Creates an access key.
    ///
    /// # Panics
    ///
    /// If there is no such user, or it has two keys.
    pub fn create_access_key(&self, user: &str) -> AccessKey {
        done(self.shared().state().keys.create_key(user))
    }

    /// Activates or deactivates a key.
    ///
    /// # Panics
    ///
    /// If there is no such key.
    pub fn set_key_status(&self, id: &str, status: KeyStatus) {
        done(self.shared().state().keys.set_status(id, status));
    }

    /// Deletes a key.
    ///
    /// # Panics
    ///
    /// If there is no such key.
    pub fn delete_key(&self, id: &str) {
        done(self.shared().state().keys.delete_key(id));
    }

    /// The user's keys, oldest first.
    pub fn keys(&self, user: &str) -> Vec<KeyInfo> {
        self.shared().state().keys.list(user).cloned().collect()
    }

    /// Creates a bucket.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    pub fn create_bucket(&self, name: &str) {
        std::fs::create_dir(self.bucket_directory(name)).expect("a new bucket");
    }
}

/// Secrets.
impl Cloud {
    /// Creates a secret and gives its version id.
    ///
    /// # Panics
    ///
    /// If there is one of that name.
    pub fn create_secret(&self, name: &str, content: impl Into<SecretContent>) -> String {
        let version_id = new_version_id();
        let region = self.region();
        let mut state = self.shared().state();
        done(
            state
                .secrets
                .create(region, name, &version_id, Some(content.into())),
        );
        version_id
    }

    /// Makes this the secret's current version and gives its version id.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn put_secret(&self, name: &str, content: impl Into<SecretContent>) -> String {
        let version_id = new_version_id();
        self.put_secret_version(name, &version_id, content, &[CURRENT]);
        version_id
    }

    /// Adds a version with these staging labels.
    ///
    /// # Panics
    ///
    /// If there is no such secret, or a version of this id with another content.
    pub fn put_secret_version(
        &self,
        name: &str,
        version_id: &str,
        content: impl Into<SecretContent>,
        stages: &[&str],
    ) {
        let stages: Vec<_> = stages.iter().map(|&stage| stage.to_owned()).collect();
        let mut state = self.shared().state();
        done(done(state.secrets.find_live(name)).put(version_id, content.into(), &stages));
    }

    /// Moves a staging label, wherever it is now.
    ///
    /// # Panics
    ///
    /// If there is no such secret or version.
    pub fn move_stage(&self, name: &str, stage: &str, version_id: &str) {
        let mut state = self.shared().state();
        let secret = done(state.secrets.find_live(name));
        let holder = secret.staged(stage).map(|version| version.id.clone());
        done(secret.move_stage(stage, holder.as_deref(), Some(version_id)));
    }

    /// The id of the version that has this label.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn staged(&self, name: &str, stage: &str) -> Option<String> {
        let mut state = self.shared().state();
        done(state.secrets.find(name))
            .staged(stage)
            .map(|version| version.id.clone())
    }

    /// Every version's labels.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn stages(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let mut state = self.shared().state();
        let versions = &done(state.secrets.find(name)).versions;
        versions
            .iter()
            .map(|v| (v.id.clone(), v.stages.iter().cloned().collect()))
            .collect()
    }

    /// The current version's content.
    ///
    /// # Panics
    ///
    /// If there is no such secret, or it has no current version.
    pub fn current_secret(&self, name: &str) -> SecretContent {
        let mut state = self.shared().state();
        let secret = done(state.secrets.find(name));
        secret
            .staged(CURRENT)
            .and_then(|version| version.content.clone())
            .expect("a current version")
    }

    /// A version's content; `None` if there is no such version, or nothing in it.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn secret_version(&self, name: &str, version_id: &str) -> Option<SecretContent> {
        let mut state = self.shared().state();
        let secret = done(state.secrets.find(name));
        let version = secret.versions.iter().find(|v| v.id == version_id)?;
        version.content.clone()
    }

    /// Stages a new version without a content as AWSPENDING and gives its id: what RotateSecret does before it
    /// calls the function.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn begin_rotation(&self, name: &str) -> String {
        let token = new_version_id();
        let mut state = self.shared().state();
        done(done(state.secrets.find_live(name)).stage_empty(&token, "AWSPENDING"));
        token
    }

    /// Takes a staging label from the version that has it.
    ///
    /// # Panics
    ///
    /// If there is no such secret, or for AWSCURRENT.
    pub fn remove_stage(&self, name: &str, stage: &str) {
        let mut state = self.shared().state();
        let secret = done(state.secrets.find_live(name));
        let holder = secret.staged(stage).map(|version| version.id.clone());
        done(secret.move_stage(stage, holder.as_deref(), None));
    }

    /// The secret's tags.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        done(self.shared().state().secrets.find(name)).tags.clone()
    }

    /// The secret's ARN.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn secret_arn(&self, name: &str) -> String {
        done(self.shared().state().secrets.find(name)).arn.clone()
    }

    /// Schedules the secret for deletion.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn delete_secret(&self, name: &str) {
        done(self.shared().state().secrets.find(name)).schedule_deletion();
    }

    /// Takes the deletion back.
    ///
    /// # Panics
    ///
    /// If there is no such secret.
    pub fn restore_secret(&self, name: &str) {
        done(self.shared().state().secrets.find(name)).deleted = None;
    }
}

#[track_caller]
fn done<T>(result: Result<T, ApiError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {}", error.code, error.message),
    }
}

fn new_version_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

//! Administration: set-up and inspection without a client.
//!
//! Nothing here is rejected, delayed or recorded. Invalid operations panic with the message that AWS would answer.

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
    /// If the name is taken.
    pub fn create_user(&self, name: &str) -> User {
        unwrap(self.shared().state().keys.create_user(name))
    }

    /// Creates an access key.
    ///
    /// # Panics
    ///
    /// If the user does not exist or has two keys.
    pub fn create_access_key(&self, user: &str) -> AccessKey {
        unwrap(self.shared().state().keys.create_key(user))
    }

    /// Activates or deactivates a key.
    ///
    /// # Panics
    ///
    /// If the key does not exist.
    pub fn set_key_status(&self, id: &str, status: KeyStatus) {
        unwrap(self.shared().state().keys.set_status(id, status));
    }

    /// Deletes a key.
    ///
    /// # Panics
    ///
    /// If the key does not exist.
    pub fn delete_key(&self, id: &str) {
        unwrap(self.shared().state().keys.delete_key(id));
    }

    /// Returns the user's keys, oldest first.
    pub fn keys(&self, user: &str) -> Vec<KeyInfo> {
        self.shared().state().keys.list(user).cloned().collect()
    }

    /// Creates a bucket.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn create_bucket(&self, name: &str) {
        std::fs::create_dir(self.bucket_directory(name)).expect("a new bucket");
    }
}

/// Secrets.
impl Cloud {
    /// Creates a secret, and returns its version id.
    ///
    /// # Panics
    ///
    /// If the name is taken.
    pub fn create_secret(&self, name: &str, content: impl Into<SecretContent>) -> String {
        let version_id = new_version_id();
        let region = self.region();
        let mut state = self.shared().state();
        unwrap(
            state
                .secrets
                .create(region, name, &version_id, Some(content.into())),
        );
        version_id
    }

    /// Adds a version, makes it the current one, and returns its id.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn put_secret(&self, name: &str, content: impl Into<SecretContent>) -> String {
        let version_id = new_version_id();
        self.put_secret_version(name, &version_id, content, &[CURRENT]);
        version_id
    }

    /// Adds a version with these staging labels.
    ///
    /// # Panics
    ///
    /// If the secret does not exist, or has a version with this id and another content.
    pub fn put_secret_version(
        &self,
        name: &str,
        version_id: &str,
        content: impl Into<SecretContent>,
        stages: &[&str],
    ) {
        let stages: Vec<_> = stages.iter().map(|&stage| stage.to_owned()).collect();
        let mut state = self.shared().state();
        unwrap(unwrap(state.secrets.find_live(name)).put(version_id, content.into(), &stages));
    }

    /// Moves a staging label from the version that has it.
    ///
    /// # Panics
    ///
    /// If the secret or the version does not exist.
    pub fn move_stage(&self, name: &str, stage: &str, version_id: &str) {
        let mut state = self.shared().state();
        let secret = unwrap(state.secrets.find_live(name));
        let holder = secret.staged(stage).map(|version| version.id.clone());
        unwrap(secret.move_stage(stage, holder.as_deref(), Some(version_id)));
    }

    /// Returns the id of the version with this label.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn staged(&self, name: &str, stage: &str) -> Option<String> {
        let mut state = self.shared().state();
        unwrap(state.secrets.find(name))
            .staged(stage)
            .map(|version| version.id.clone())
    }

    /// Returns the labels of every version.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn stages(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let mut state = self.shared().state();
        let versions = &unwrap(state.secrets.find(name)).versions;
        versions
            .iter()
            .map(|v| (v.id.clone(), v.stages.iter().cloned().collect()))
            .collect()
    }

    /// Returns the content of the current version.
    ///
    /// # Panics
    ///
    /// If the secret does not exist or has no current version.
    pub fn current_secret(&self, name: &str) -> SecretContent {
        let mut state = self.shared().state();
        let secret = unwrap(state.secrets.find(name));
        secret
            .staged(CURRENT)
            .and_then(|version| version.content.clone())
            .expect("a current version")
    }

    /// Returns the content of a version; `None` if the version does not exist or has no content.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn secret_version(&self, name: &str, version_id: &str) -> Option<SecretContent> {
        let mut state = self.shared().state();
        let secret = unwrap(state.secrets.find(name));
        let version = secret.versions.iter().find(|v| v.id == version_id)?;
        version.content.clone()
    }

    /// Adds a version without content, labels it `AWSPENDING`, and returns its id, as `RotateSecret` does before it calls the
    /// function.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn begin_rotation(&self, name: &str) -> String {
        let token = new_version_id();
        let mut state = self.shared().state();
        unwrap(unwrap(state.secrets.find_live(name)).stage_empty(&token, "AWSPENDING"));
        token
    }

    /// Removes a staging label from the version that has it.
    ///
    /// # Panics
    ///
    /// If the secret does not exist, or the label is `AWSCURRENT`.
    pub fn remove_stage(&self, name: &str, stage: &str) {
        let mut state = self.shared().state();
        let secret = unwrap(state.secrets.find_live(name));
        let holder = secret.staged(stage).map(|version| version.id.clone());
        unwrap(secret.move_stage(stage, holder.as_deref(), None));
    }

    /// Returns the secret's tags.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        unwrap(self.shared().state().secrets.find(name))
            .tags
            .clone()
    }

    /// Returns the secret's ARN.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn secret_arn(&self, name: &str) -> String {
        unwrap(self.shared().state().secrets.find(name)).arn.clone()
    }

    /// Schedules the secret for deletion.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn delete_secret(&self, name: &str) {
        unwrap(self.shared().state().secrets.find(name)).schedule_deletion();
    }

    /// Cancels the scheduled deletion.
    ///
    /// # Panics
    ///
    /// If the secret does not exist.
    pub fn restore_secret(&self, name: &str) {
        unwrap(self.shared().state().secrets.find(name)).deleted = None;
    }
}

#[track_caller]
fn unwrap<T>(result: Result<T, ApiError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {}", error.code, error.message),
    }
}

fn new_version_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

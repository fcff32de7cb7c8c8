//! Secrets, their versions and staging labels: the rules of Secrets Manager, without its protocol.
//!
//! The content of a version never changes; its id is the `ClientRequestToken` of the request that created it. A staging
//! label is on at most one version. Moving `AWSCURRENT` puts `AWSPREVIOUS` on the version that had it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::clock;
use crate::content::SecretContent;
use crate::error::ApiError;
use crate::keys::ACCOUNT;

pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) arn: String,
    // In order of creation.
    pub(crate) versions: Vec<Version>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: SystemTime,
    pub(crate) changed: SystemTime,
    pub(crate) deleted: Option<SystemTime>,
    stale: Stale,
}

pub(crate) struct Version {
    pub(crate) id: String,
    /// `None` while a rotation has staged the version without content.
    pub(crate) content: Option<SecretContent>,
    pub(crate) stages: BTreeSet<String>,
    pub(crate) created: SystemTime,
}

/// Reads that still return the version before the last move of `AWSCURRENT`.
#[derive(Default)]
struct Stale {
    after_each_move: usize,
    left: usize,
}

#[derive(Default)]
pub(crate) struct Secrets {
    by_name: BTreeMap<String, Secret>,
}

impl Secrets {
    pub(crate) fn create(
        &mut self,
        region: &str,
        name: &str,
        token: &str,
        content: Option<SecretContent>,
    ) -> Result<&Secret, ApiError> {
        check_token(token)?;
        match self.by_name.get(name) {
            Some(secret) if secret.deleted.is_some() => {
                return Err(invalid_request(
                    "You can't create this secret because a secret with this name is already scheduled for deletion.",
                ));
            }
            // A retry of the same request, whose first answer was lost.
            Some(secret)
                if secret
                    .versions
                    .iter()
                    .any(|v| v.id == token && v.content == content) =>
            {
                return Ok(&self.by_name[name]);
            }
            Some(_) => {
                return Err(exists(format!(
                    "The operation failed because the secret {name} already exists."
                )));
            }
            None => {}
        }
        let suffix = &uuid::Uuid::new_v4().simple().to_string()[..6];
        let created = clock::now();
        let mut secret = Secret {
            name: name.to_owned(),
            arn: format!("arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-{suffix}"),
            versions: Vec::new(),
            tags: BTreeMap::new(),
            created,
            changed: created,
            deleted: None,
            stale: Stale::default(),
        };
        if let Some(content) = content {
            secret.put(token, content, &[CURRENT.to_owned()])?;
        }
        Ok(self.by_name.entry(name.to_owned()).or_insert(secret))
    }

    /// Returns the secret with this name, ARN, or ARN without its random suffix.
    pub(crate) fn find(&mut self, id: &str) -> Result<&mut Secret, ApiError> {
        self.by_name
            .values_mut()
            .find(|secret| {
                let short_arn = &secret.arn[..secret.arn.len() - 7];
                secret.name == id || secret.arn == id || short_arn == id
            })
            .ok_or_else(|| not_found("Secrets Manager can't find the specified secret.".to_owned()))
    }

    /// Returns the secret unless it is scheduled for deletion.
    pub(crate) fn find_live(&mut self, id: &str) -> Result<&mut Secret, ApiError> {
        let secret = self.find(id)?;
        match secret.deleted {
            None => Ok(secret),
            Some(_) => Err(invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }
}

impl Secret {
    /// Adds a version, unless the same request has added it before.
    pub(crate) fn put(
        &mut self,
        token: &str,
        content: SecretContent,
        stages: &[String],
    ) -> Result<(), ApiError> {
        check_token(token)?;
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == token) {
            return match &version.content {
                None => {
                    version.content = Some(content);
                    for stage in stages {
                        self.label(stage, token);
                    }
                    Ok(())
                }
                Some(existing) if *existing == content => Ok(()),
                Some(_) => Err(exists(format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version \
                     of secret {}.",
                    self.arn
                ))),
            };
        }
        let created = clock::now();
        self.changed = created;
        self.versions.push(Version {
            id: token.to_owned(),
            content: Some(content),
            stages: BTreeSet::new(),
            created,
        });
        for stage in stages {
            self.label(stage, token);
        }
        Ok(())
    }

    /// Adds a version with a label and without content, as `RotateSecret` does before it calls the function.
    pub(crate) fn stage_empty(&mut self, token: &str, stage: &str) -> Result<(), ApiError> {
        check_token(token)?;
        self.versions.push(Version {
            id: token.to_owned(),
            content: None,
            stages: BTreeSet::new(),
            created: clock::now(),
        });
        self.label(stage, token);
        Ok(())
    }

    /// Returns the requested version; by default the one with `AWSCURRENT`.
    pub(crate) fn get(
        &mut self,
        version_id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&Version, ApiError> {
        let Some(version_id) = version_id else {
            let stage = self.stage_seen(stage.unwrap_or(CURRENT));
            return self.staged(stage).filter(|v| v.content.is_some()).ok_or_else(|| {
                not_found(format!(
                    "Secrets Manager can't find the specified secret value for staging label: {stage}"
                ))
            });
        };
        let version = self
            .versions
            .iter()
            .find(|version| version.id == version_id && version.content.is_some())
            .ok_or_else(|| {
            not_found(format!("Secrets Manager can't find the specified secret value for VersionId: {version_id}"))
        })?;
        match stage {
            Some(stage) if !version.stages.contains(stage) => Err(invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            )),
            _ => Ok(version),
        }
    }

    pub(crate) fn move_stage(
        &mut self,
        stage: &str,
        remove_from: Option<&str>,
        move_to: Option<&str>,
    ) -> Result<(), ApiError> {
        for version_id in [remove_from, move_to].into_iter().flatten() {
            if !self.versions.iter().any(|version| version.id == version_id) {
                return Err(not_found(format!(
                    "Secrets Manager can't find the specified secret value for VersionId: {version_id}"
                )));
            }
        }
        let holder = self.staged(stage).map(|version| version.id.clone());
        if move_to.is_some() && holder.as_deref() == move_to {
            return Ok(());
        }
        match (&holder, remove_from) {
            (Some(holder), None) => {
                return Err(invalid_parameter(format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached \
                     to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
                )));
            }
            (holder, Some(from)) if holder.as_deref() != Some(from) => {
                return Err(invalid_parameter(format!(
                    "The parameter RemoveFromVersionId is not valid. Staging label {stage} is not attached to \
                     version {from}."
                )));
            }
            _ => {}
        }
        match move_to {
            Some(version_id) => self.label(stage, version_id),
            None if stage == CURRENT => {
                return Err(invalid_parameter(format!(
                    "You can't remove the staging label {CURRENT}."
                )));
            }
            None => self.unlabel(stage),
        }
        self.changed = clock::now();
        Ok(())
    }

    pub(crate) fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.stages.contains(stage))
    }

    pub(crate) fn schedule_deletion(&mut self) {
        self.deleted = Some(clock::now());
    }

    /// Makes the next `reads` of `AWSCURRENT` after each move return the version with `AWSPREVIOUS`.
    pub(crate) fn read_stale(&mut self, reads: usize) {
        self.stale = Stale {
            after_each_move: reads,
            left: 0,
        };
    }

    fn label(&mut self, stage: &str, version_id: &str) {
        let left = self.staged(stage).map(|version| version.id.clone());
        self.unlabel(stage);
        for version in &mut self.versions {
            if version.id == version_id {
                version.stages.insert(stage.to_owned());
            }
        }
        if let (CURRENT, Some(left)) = (stage, left) {
            self.label(PREVIOUS, &left);
            self.stale.left = self.stale.after_each_move;
        }
    }

    fn unlabel(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.remove(stage);
        }
    }

    fn stage_seen<'a>(&mut self, stage: &'a str) -> &'a str {
        if stage != CURRENT || self.stale.left == 0 {
            return stage;
        }
        self.stale.left -= 1;
        PREVIOUS
    }
}

fn check_token(token: &str) -> Result<(), ApiError> {
    match token.len() {
        32..=64 => Ok(()),
        _ => Err(invalid_parameter(
            "ClientRequestToken must be 32-64 characters long.".to_owned(),
        )),
    }
}

fn not_found(message: String) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", message)
}

fn exists(message: String) -> ApiError {
    ApiError::new(400, "ResourceExistsException", message)
}

fn invalid_request(message: &str) -> ApiError {
    ApiError::new(400, "InvalidRequestException", message)
}

pub(crate) fn invalid_parameter(message: String) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}

//! Reads a secret from AWS Secrets Manager.
/// x
#[derive(Debug)]
pub struct SecretsManager;

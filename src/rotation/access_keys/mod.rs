//! IAM access keys as a kind of secret.
//!
//! | file | |
//! |---|---|
//! | `keys` | what a rotation of access keys consists of |
//! | `kind` | the steps of this kind, by the files below |
//! | `account` | whose keys, and who may call IAM for them |
//! | `diagnose` | why a new key is not accepted |
//! | `create` | a new key, and the room for it |
//! | `retire` | the next action for each old key |
//! | `apply` | carries out one decision on one key |
//! | `decide` | the decision: the rules, without a call |
//! | `inventory` | the facts that the decision needs |
//! | `tags` | what is remembered between calls |
//! | `iam` | the calls of IAM |

mod account;
mod apply;
mod create;
mod decide;
mod diagnose;
pub(super) mod iam;
mod inventory;
mod keys;
mod kind;
mod retire;
mod tags;

pub use keys::AccessKeys;

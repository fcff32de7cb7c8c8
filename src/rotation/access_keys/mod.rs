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
//! | `release` | whether a key is released: the rules, without a call |
//! | `facts` | what the decision needs to know about a key |
//! | `inventory` | reads the facts |
//! | `tags` | what is remembered between calls about keys |
//! | `current_since` | what is remembered between calls about the current version |
//! | `iam` | the calls of IAM |

mod account;
mod apply;
mod create;
mod current_since;
mod decide;
mod diagnose;
mod facts;
pub(super) mod iam;
mod inventory;
mod keys;
mod kind;
mod release;
mod retire;
mod tags;
#[cfg(test)]
mod test_facts;

pub use keys::AccessKeys;

//! The policies for AWS are policies, and have a line for each call that the code makes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::page::{Section, is_action, is_operation, names, section, sections};
use crate::layering::source_files;

/// The parts of the code that call AWS, by the section that allows what they call.
const CALLERS: [(&str, &[&str]); 9] = [
    ("Secrets Manager", &["source/secrets_manager.rs"]),
    ("Copies in other regions", &["source/secrets_manager.rs"]),
    ("Parameter Store", &["source/parameter_store.rs"]),
    ("S3 object", &["source/s3_object.rs"]),
    ("Ciphertext of KMS", &["source/kms_encrypted.rs"]),
    ("Check of a new key", &["aws/check/head_bucket.rs"]),
    (
        "Calls that need no permission",
        &[
            "aws/check/caller_identity.rs",
            "aws/s3/own_request.rs",
            "source/vault/login/aws.rs",
        ],
    ),
    ("A role that is assumed", &["aws/client/assume_role.rs"]),
    (
        "The rotation function",
        &[
            "rotation/access_keys/iam/client.rs",
            "rotation/store/secrets_manager.rs",
        ],
    ),
];

/// Permissions whose name is not that of the operation that needs them.
const NAMED_OTHERWISE: [(&str, &str); 1] = [("s3:ListBucket", "HeadBucket")];

/// Permissions that are not checked by a call of this process.
const CHECKED_ELSEWHERE: [&str; 1] = ["rds-db:connect"];

#[test]
fn every_statement_is_valid_and_names_its_resource() {
    let mut policies = 0;
    for section in sections() {
        for statement in statements(&section) {
            policies += 1;
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            let is_trust_policy = statement.get("Principal").is_some();
            let resources = texts(&statement["Resource"]);
            assert_eq!(resources.is_empty(), is_trust_policy, "{statement}");
            for action in texts(&statement["Action"]) {
                let (service, name) = action.split_once(':').expect("a permission");
                assert!(name.chars().all(char::is_alphanumeric), "{action}");
                let of = if service == "sts" { "iam" } else { service };
                for resource in &resources {
                    let arn: Vec<_> = resource.splitn(6, ':').collect();
                    let begin = ["arn", "aws", of];
                    assert_eq!(arn.get(..3), Some(&begin[..]), "{action} on {resource}");
                    assert_ne!(arn[5], "*", "{action} on everything");
                }
            }
        }
    }
    assert!(policies > 12, "the page was not read: {policies}");
}

#[test]
fn every_permission_is_explained_and_every_explained_one_is_in_a_policy() {
    for section in sections() {
        let in_policy: BTreeSet<_> = actions(&section);
        let explained: BTreeSet<_> = lines(&section).into_keys().collect();
        assert_eq!(in_policy, explained, "section {:?}", section.name);
        for (action, used_by) in lines(&section) {
            let operation = NAMED_OTHERWISE
                .iter()
                .find_map(|(named, operation)| (*named == action).then_some(*operation))
                .unwrap_or(action.split_once(':').expect("a permission").1);
            let used = names(&used_by, is_operation);
            // AWS's services check KMS's permissions of their callers.
            let for_a_caller = action.starts_with("kms:") && used_by.contains("for the caller of");
            assert!(
                used.contains(operation)
                    || (for_a_caller && !used.is_empty())
                    || CHECKED_ELSEWHERE.contains(&action.as_str()),
                "{action} is used by {used_by:?}"
            );
        }
    }
}

#[test]
fn every_call_of_the_code_is_allowed_and_nothing_else() {
    let called = calls();
    for (name, files) in CALLERS {
        let mut of_code = BTreeSet::new();
        for file in files {
            let of_file = called.get(*file);
            of_code.extend(of_file.unwrap_or_else(|| panic!("{file} calls nothing")));
        }
        let section = section(name);
        let on_page: BTreeSet<_> = match actions(&section).is_empty() {
            true => {
                let cells = section.rows.iter().map(|row| &row[0]);
                cells.flat_map(|cell| names(cell, is_operation)).collect()
            }
            false => {
                let cells = lines(&section).into_values();
                cells.flat_map(|cell| names(&cell, is_operation)).collect()
            }
        };
        assert_eq!(
            on_page.iter().collect::<BTreeSet<_>>(),
            of_code,
            "section {name:?}"
        );
    }
    let listed: BTreeSet<_> = CALLERS.iter().flat_map(|(_, files)| *files).collect();
    let unlisted: Vec<_> = called
        .keys()
        .filter(|file| !listed.contains(&&***file))
        .collect();
    assert!(
        unlisted.is_empty(),
        "add these to the page, and to CALLERS: {unlisted:?}"
    );
}

/// Returns the permissions in the policies of a section.
pub(super) fn actions(section: &Section) -> BTreeSet<String> {
    let statements = statements(section).into_iter();
    statements.flat_map(|one| texts(&one["Action"])).collect()
}

fn statements(section: &Section) -> Vec<Value> {
    let mut statements = Vec::new();
    for policy in section.blocks("json") {
        let policy: Value = serde_json::from_str(policy)
            .unwrap_or_else(|error| panic!("section {:?}: {error}", section.name));
        assert_eq!(policy["Version"], "2012-10-17");
        statements.extend(policy["Statement"].as_array().expect("a list").clone());
    }
    statements
}

/// Returns the permissions that the tables of a section explain, and what uses each.
fn lines(section: &Section) -> BTreeMap<String, String> {
    let rows = section.rows.iter();
    rows.flat_map(|row| {
        let actions = names(&row[0], is_action).into_iter();
        actions.map(|action| (action, row[1].clone()))
    })
    .collect()
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// Returns the operations of AWS that each source file calls.
fn calls() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (path, text) in source_files() {
        let code: Vec<_> = text.lines().filter(|line| !is_comment(line)).collect();
        let code: String = code.concat().split_whitespace().collect();
        if !code.contains("useaws_sdk_") || !code.contains(".send()") {
            continue;
        }
        let file = path.to_str().expect("a name").replace('\\', "/");
        let operations = operations(&code);
        assert!(!operations.is_empty(), "no call is found in {file}");
        found.insert(file, operations);
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Returns the operations that are called on a client in code without white space.
fn operations(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for client in ["client.", ".sts."] {
        for (at, _) in code.match_indices(client) {
            let name = &code[at + client.len()..];
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let (name, rest) = name.split_at(end.unwrap_or(name.len()));
            // These are not operations.
            if rest.starts_with("()") && !["clone", "config"].contains(&name) {
                found.insert(pascal_case(name));
            }
        }
    }
    found
}

fn pascal_case(name: &str) -> String {
    let words = name.split('_');
    words
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

#[test]
fn calls_are_found_across_lines() {
    let code: String =
        "let a = self\n  .client\n  .get_object()\n .bucket(b); client.list_objects_v2().send(); \
                        self.client.config().region(); let c = client.clone();"
            .split_whitespace()
            .collect();
    let found: Vec<_> = operations(&code).into_iter().collect();
    assert_eq!(found, ["GetObject", "ListObjectsV2"]);
}

//! The ACLs for Kafka are those under which the tests against a real broker run, which denies by default.

use std::collections::BTreeSet;

use super::page::section;

const EVENTS: &str = "s3.test.secret.manager";
const REPORTS: &str = "credswap.usage";

#[test]
fn the_acls_are_those_of_the_tests_with_a_real_broker() {
    let page = section("Kafka");
    let mut on_page = BTreeSet::new();
    let block = page.blocks("text").remove(0);
    for line in block.lines() {
        let word = |option: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != option);
            words
                .nth(1)
                .unwrap_or_else(|| panic!("no {option} in {line}"))
        };
        let user = match word("--allow-principal") {
            "User:uploader" => "consumer",
            "User:rotator" => "publisher",
            other => panic!("who is {other}?"),
        };
        let operation = word("--operation").to_lowercase();
        let topic = match word("--topic") {
            EVENTS => "$topic",
            REPORTS => "$REPORTS-$1",
            other => panic!("what is in {other}?"),
        };
        on_page.insert(format!("{user}:{operation}:topic:{topic}"));
    }
    let scripts = [
        include_str!("../../real/kafka.sh"),
        include_str!("../../real/rotation.sh"),
    ];
    let granted: BTreeSet<_> = scripts
        .iter()
        .flat_map(|script| script.split('"'))
        .filter(|text| text.contains(":topic:$") && !text.starts_with("straggler"))
        .map(str::to_owned)
        .collect();
    assert_eq!(on_page, granted);
    assert_eq!(page.rows.len(), granted.len(), "each is explained");
}

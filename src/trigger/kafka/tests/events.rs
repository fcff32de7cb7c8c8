//! Which messages request a refresh, on which instances.

use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::super::positions::Positions;
use super::*;
use crate::kafka::Consumer;

#[tokio::test]
async fn an_event_on_an_empty_topic_requests_a_refresh() {
    let brokers = Brokers::with_topic(3);
    let mut running = Running::listening(brokers.trigger()).await;
    for partition in 0..3 {
        brokers.publish_to(partition, FINISHED).await;
        assert!(running.next().await.has(Reason::Event), "{partition}");
    }
}

#[tokio::test]
async fn earlier_events_are_covered_by_the_catch_up() {
    let brokers = Brokers::with_topic(1);
    brokers.publish(FINISHED).await;
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.publish(r#"{"step": "createSecret"}"#).await;
    brokers.publish(FINISHED).await;
    running.until_event().await;
    assert_eq!(running.requests.take(), None);
}

#[tokio::test]
async fn an_event_after_fixing_the_offsets_is_received() {
    let brokers = Brokers::with_topic(1);
    brokers.publish("before").await;
    let client = Consumer::new(brokers.config()).await.expect("a client");
    let survey = client.survey(TOPIC.into(), TIMEOUT).await;
    brokers.publish("between").await;
    let mut positions = Positions::default();
    positions.adopt(&survey.expect("a survey"));
    client
        .assign(TOPIC.into(), positions.iter())
        .await
        .expect("assigned");

    let first = timeout(TIMEOUT, async {
        loop {
            if let Ok(message) = client.receive().await {
                return rdkafka::Message::payload(&message).map(<[u8]>::to_vec);
            }
        }
    });
    assert_eq!(first.await.expect("a message"), Some(b"between".to_vec()));
}

#[tokio::test]
async fn every_instance_receives_every_event() {
    let brokers = Brokers::with_topic(2);
    let mut one = Running::listening(brokers.trigger()).await;
    let mut two = Running::listening(brokers.trigger()).await;
    for partition in [0, 1, 1, 0] {
        brokers.publish_to(partition, FINISHED).await;
        one.until_event().await;
        two.until_event().await;
    }
}

#[tokio::test]
async fn only_finished_rotations_of_our_secret_are_accepted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    // A current-thread runtime: the trigger's task runs on this thread, under this recorder.
    let _here = metrics::set_default_local_recorder(&recorder);

    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    for skipped in [
        "",
        "{",
        "\u{1b}[31mred",
        r#"{"step": "testSecret"}"#,
        r#"{"step": "finishSecret", "secretId": "prod/other"}"#,
    ] {
        brokers.publish(skipped).await;
    }
    brokers
        .publish(r#"{"step": "finish_secret", "secret_id": "prod/uploader"}"#)
        .await;
    running.until_event().await;

    let mut counts: Vec<(String, u64)> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| match value {
            DebugValue::Counter(count) if key.key().name() == "credswap_events_total" => {
                let mut labels = key.key().labels();
                let label = labels.find(|label| label.key() == "outcome");
                Some((label.expect("an outcome").value().to_owned(), count))
            }
            _ => None,
        })
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [
            ("accepted".to_owned(), 1),
            ("ignored".to_owned(), 2),
            ("unrecognized".to_owned(), 3)
        ]
    );
}

#[tokio::test]
async fn the_version_that_an_event_names_is_expected() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    for (version, expected) in [("8f2b-01", Some("8f2b-01")), ("two words", None)] {
        let event = format!(r#"{{"step": "finishSecret", "versionId": "{version}"}}"#);
        brokers.publish(&event).await;
        let request = running.next().await;
        assert!(request.has(Reason::Event));
        assert_eq!(request.expected_version, expected.map(Into::into));
    }
}

#[tokio::test]
async fn what_may_be_an_event_leads_to_a_refresh() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.publish(r#"{"state": "rotated"}"#).await;
    let request = running.next().await;
    assert!(request.has(Reason::CatchUp) && !request.has(Reason::Event));
}

#[tokio::test]
async fn a_flood_of_unrecognized_messages_hides_no_event() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    for _ in 0..500 {
        brokers.publish("\0malformed").await;
    }
    brokers.publish(FINISHED).await;
    running.until_event().await;
    assert!(running.health.borrow().is_listening());
}

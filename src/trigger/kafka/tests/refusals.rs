//! What is refused or set up wrongly, and the words for it.

use super::*;

#[tokio::test]
async fn an_unknown_topic_is_named_and_heard_once_it_exists() {
    let brokers = Brokers::start();
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_deaf().await;
    assert!(
        reason.contains(TOPIC) && reason.contains("does not exist"),
        "{reason}"
    );
    brokers.cluster.create_topic(TOPIC, 1, 1).expect("created");
    running.until_listening().await;
}

#[tokio::test]
async fn a_refused_description_names_the_acl() {
    let brokers = Brokers::with_topic(1);
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers.cluster.topic_error(TOPIC, denied).expect("set");
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_deaf().await;
    assert!(
        reason.contains("--operation Read") && reason.contains(TOPIC),
        "{reason}"
    );
    let granted = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    brokers.cluster.topic_error(TOPIC, granted).expect("set");
    running.until_listening().await;
}

#[tokio::test]
async fn a_grant_that_is_taken_away_is_noticed() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers
        .cluster
        .request_errors(Api::Fetch, &[denied; 10_000]);
    let reason = running.until_deaf().await;
    assert!(reason.contains("--operation Read"), "{reason}");
}

#[tokio::test]
async fn a_group_that_may_not_be_described_does_not_matter() {
    let brokers = Brokers::with_topic(1);
    let denied = Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    brokers
        .cluster
        .request_errors(Api::FindCoordinator, &[denied; 1_000]);
    let mut running = Running::start(brokers.trigger());
    let first = running.until(|health| *health != Health::Starting).await;
    assert_eq!(first, Health::Listening);
    brokers.publish(FINISHED).await;
    running.until_event().await;
    assert!(running.health.borrow().is_listening());
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_said_and_read_again() {
    let brokers = Brokers::with_topic(1);
    let (asked, mut times) = watch::channel(0);
    let password = Password::from_fn(move || {
        asked.send_modify(|times| *times += 1);
        Err("the vault is closed")
    });
    let config = brokers.config().scram_sha_512("uploader", password);
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .reconnect(crate::Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ));
    let mut running = Running::start(trigger);
    let reason = running.until_deaf().await;
    assert!(reason.contains("the vault is closed"), "{reason}");
    let again = times.wait_for(|times| *times >= 3);
    timeout(BOUND, again)
        .await
        .expect("asked again")
        .expect("alive");
}

#[tokio::test]
async fn a_plaintext_client_at_a_port_that_hangs_up_is_told_of_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let hang_up = tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else {
                return;
            };
            let mut request = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut request).await;
        }
    });
    let config = KafkaConfig::new(&address).plaintext();
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .answer_within(Duration::from_millis(500));
    let mut running = Running::start(trigger);
    let reason = running.until_deaf().await;
    assert!(reason.contains("TLS port"), "{reason}");
    hang_up.abort();
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told() {
    let brokers = Brokers::with_topic(1);
    let config = KafkaConfig::new(brokers.cluster.bootstrap_servers());
    let trigger = Kafka::new(config, TOPIC)
        .expect("a good config")
        .answer_within(Duration::from_millis(1500));
    let reason = Running::start(trigger).until_deaf().await;
    assert!(
        reason.contains("TLS handshake") || reason.contains("reached"),
        "{reason}"
    );
}

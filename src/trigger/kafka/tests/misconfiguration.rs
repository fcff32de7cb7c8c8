//! Denied access and wrong settings, and the reasons that the health gives.

use super::*;

#[tokio::test]
async fn an_unknown_topic_is_named_and_used_once_it_exists() {
    let brokers = Brokers::start();
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_disconnected().await;
    assert!(
        reason.contains(TOPIC) && reason.contains("does not exist"),
        "{reason}"
    );
    brokers.cluster.create_topic(TOPIC, 1, 1).expect("created");
    running.until_listening().await;
}

#[tokio::test]
async fn a_denied_description_names_the_acl() {
    let brokers = Brokers::with_topic(1);
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers.cluster.topic_error(TOPIC, denied).expect("set");
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_disconnected().await;
    assert!(
        reason.contains("--operation Read") && reason.contains(TOPIC),
        "{reason}"
    );
    let granted = Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    brokers.cluster.topic_error(TOPIC, granted).expect("set");
    running.until_listening().await;
}

#[tokio::test]
async fn a_revoked_permission_is_detected() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    let denied = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    brokers
        .cluster
        .request_errors(Api::Fetch, &[denied; 10_000]);
    let reason = running.until_disconnected().await;
    assert!(reason.contains("--operation Read"), "{reason}");
}

#[tokio::test]
async fn access_to_the_group_is_not_needed() {
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
async fn a_password_that_cannot_be_read_is_read_again() {
    let brokers = Brokers::with_topic(1);
    let (reads, mut count) = watch::channel(0);
    let password = Password::from_fn(move || {
        reads.send_modify(|reads| *reads += 1);
        Err("the vault is closed")
    });
    let config = brokers.config().scram_sha_512("uploader", password);
    let trigger = Kafka::new(&config, TOPIC)
        .expect("a good config")
        .reconnect(crate::Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ));
    let mut running = Running::start(trigger);
    let reason = running.until_disconnected().await;
    assert!(reason.contains("the vault is closed"), "{reason}");
    let again = count.wait_for(|reads| *reads >= 3);
    timeout(TIMEOUT, again)
        .await
        .expect("read again")
        .expect("alive");
}

#[tokio::test]
async fn a_plaintext_client_at_a_tls_port_is_detected() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let close_all = tokio::spawn(async move {
        loop {
            let Ok((mut socket, _)) = listener.accept().await else {
                return;
            };
            let mut request = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut request).await;
        }
    });
    let config = KafkaConfig::new(&address).plaintext();
    let trigger = Kafka::new(&config, TOPIC)
        .expect("a good config")
        .response_timeout(Duration::from_millis(500));
    let mut running = Running::start(trigger);
    let reason = running.until_disconnected().await;
    assert!(reason.contains("TLS port"), "{reason}");
    close_all.abort();
}

#[tokio::test]
async fn a_tls_client_at_a_plaintext_port_is_detected() {
    let brokers = Brokers::with_topic(1);
    let config = KafkaConfig::new(brokers.cluster.bootstrap_servers());
    let trigger = Kafka::new(&config, TOPIC)
        .expect("a good config")
        .response_timeout(Duration::from_millis(1500));
    let reason = Running::start(trigger).until_disconnected().await;
    assert!(
        reason.contains("TLS handshake") || reason.contains("reached"),
        "{reason}"
    );
}

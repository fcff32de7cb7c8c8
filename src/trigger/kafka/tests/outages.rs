//! Brokers, connections and positions that are lost and come back.

use super::*;

#[tokio::test]
async fn a_broker_that_restarts_costs_no_event() {
    let brokers = Brokers::with_topic(2);
    let mut running = Running::listening(brokers.trigger()).await;
    for round in 0..2 {
        brokers.cluster.broker_down(-1).expect("down");
        let reason = running.until_disconnected().await;
        assert!(reason.contains("be reached"), "{round}: {reason}");

        // The event is published before the trigger can read again.
        brokers.break_fetches();
        brokers.cluster.broker_up(-1).expect("up");
        brokers.publish_to(1, FINISHED).await;
        brokers.cluster.clear_request_errors(Api::Fetch);
        running.until_event().await;

        // And it listens as before.
        running.until_listening().await;
        while running.requests.take().is_some() {}
        brokers.publish_to(0, FINISHED).await;
        running.until_event().await;
    }
}

#[tokio::test]
async fn it_requests_a_catch_up_when_it_listens_again() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.cluster.broker_down(-1).expect("down");
    running.until_disconnected().await;
    assert_eq!(running.requests.take(), None);
    brokers.cluster.broker_up(-1).expect("up");
    running.until_listening().await;
    assert!(running.next().await.has(Reason::CatchUp));
}

#[tokio::test]
async fn a_broker_that_is_down_at_the_start_is_waited_for() {
    let brokers = Brokers::with_topic(1);
    brokers.cluster.broker_down(-1).expect("down");
    let trigger = brokers
        .trigger()
        .response_timeout(Duration::from_millis(1500));
    let mut running = Running::start(trigger);
    let reason = running.until_disconnected().await;
    assert!(
        reason.contains(&brokers.cluster.bootstrap_servers()) && reason.contains("reached"),
        "{reason}"
    );
    brokers.cluster.broker_up(-1).expect("up");
    running.until_listening().await;
    brokers.publish(FINISHED).await;
    running.until_event().await;
}

// Fetches that break the connection stand for denied ones: the mock broker responds to those with a high watermark,
// which a real one does not, and librdkafka takes it for the end of the partition.
#[tokio::test]
async fn it_does_not_listen_before_a_fetch_succeeded() {
    let brokers = Brokers::with_topic(1);
    brokers.break_fetches();
    let mut running = Running::start(brokers.trigger());
    let first = running.until(|health| *health != Health::Starting).await;
    assert!(matches!(first, Health::Disconnected { .. }), "{first:?}");
    assert_eq!(running.requests.take(), None);

    // What is published meanwhile is received later.
    brokers.publish(FINISHED).await;
    brokers.cluster.clear_request_errors(Api::Fetch);
    running.until_listening().await;
    running.until_event().await;
}

#[tokio::test]
async fn a_lost_position_requests_a_catch_up() {
    let brokers = Brokers::with_topic(1);
    let mut running = Running::listening(brokers.trigger()).await;
    let gone = Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    brokers.cluster.request_errors(Api::Fetch, &[gone]);
    assert!(running.next().await.has(Reason::CatchUp));
    brokers.publish(FINISHED).await;
    running.until_event().await;
}

#[tokio::test]
async fn dropping_the_trigger_closes_its_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let config = KafkaConfig::new(&address)
        .plaintext()
        // librdkafka does not close the connection by itself.
        .property("socket.connection.setup.timeout.ms", "300000")
        .property("api.version.request.timeout.ms", "300000")
        .property("socket.timeout.ms", "300000");
    let running = Running::start(Kafka::new(&config, TOPIC).expect("a good config"));
    let (mut socket, _) = timeout(TIMEOUT, listener.accept())
        .await
        .expect("in time")
        .expect("a client");
    drop(running);
    let mut sent = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut sent);
    timeout(TIMEOUT, closed).await.expect("closed").ok();
}

//! Batches that cannot be read, partitions without a leader, and brokers that swallow requests.

use credswap_testkit::BadBatch;

use super::*;

#[tokio::test]
async fn a_batch_that_cannot_be_read_requests_a_refresh_and_hides_no_event() {
    for bad in BadBatch::ALL {
        let brokers = Brokers::with_topic(2);
        let trigger = brokers
            .trigger()
            // Noise is not an error of librdkafka: it is noticed when nothing more is read.
            .metadata_interval(Duration::from_millis(300));
        let mut running = Running::listening(trigger).await;
        let servers = brokers.cluster.bootstrap_servers();
        bad.publish(&servers, TOPIC, 1, 3).await;
        assert!(running.next().await.has(Reason::CatchUp), "{bad:?}");
        brokers.publish_to(0, FINISHED).await;
        running.until_event().await;
        loop {
            // What was in the partition together with the batch is skipped, and covered by the refresh.
            brokers.publish_to(1, FINISHED).await;
            let heard = timeout(Duration::from_millis(500), running.until_event());
            if heard.await.is_ok() {
                break;
            }
        }
        running.until_listening().await;
    }
}

#[tokio::test]
async fn a_batch_that_was_written_while_the_brokers_were_down_does_not_keep_it_from_listening() {
    let brokers = Brokers::with_topic(1);
    let trigger = brokers.trigger().response_timeout(Duration::from_secs(1));
    let mut running = Running::listening(trigger).await;
    brokers.cluster.broker_down(-1).expect("down");
    running.until_disconnected().await;
    brokers.break_fetches();
    brokers.cluster.broker_up(-1).expect("up");
    let servers = brokers.cluster.bootstrap_servers();
    for bad in BadBatch::ALL {
        bad.publish(&servers, TOPIC, 0, 3).await;
    }
    brokers.cluster.clear_request_errors(Api::Fetch);
    running.until_listening().await;
    while running.requests.take().is_some() {}
    brokers.publish(FINISHED).await;
    running.until_event().await;
}

#[tokio::test]
async fn a_partition_without_a_leader_is_named_and_the_others_are_heard() {
    let brokers = Brokers::with_topic(3);
    let leader = |leader| brokers.cluster.partition_leader(TOPIC, 1, leader);
    leader(None).expect("set");
    let mut running = Running::start(brokers.trigger());
    let reason = running.until_disconnected().await;
    assert!(
        reason.contains("partition 1 of") && reason.contains("leader"),
        "{reason}"
    );
    brokers.publish_to(0, FINISHED).await;
    running.until_event().await;

    leader(Some(1)).expect("set");
    running.until_listening().await;
    while running.requests.take().is_some() {}
    brokers.publish_to(1, FINISHED).await;
    running.until_event().await;
}

// The mock cluster crashes where a partition that is fetched loses its leader: here the leader is there, and down.
#[tokio::test]
async fn a_leader_that_goes_down_is_named_and_its_events_are_heard_later() {
    let brokers = Brokers::led_by_three();
    let mut running = Running::listening(brokers.trigger()).await;
    brokers.cluster.broker_down(3).expect("down");
    let reason = running.until_disconnected().await;
    assert!(reason.contains("partition 2 of"), "{reason}");
    brokers.publish_to(0, FINISHED).await;
    running.until_event().await;
    brokers.cluster.broker_up(3).expect("up");
    brokers.publish_to(2, FINISHED).await;
    running.until_event().await;
    running.until_listening().await;
}

#[tokio::test]
async fn one_of_three_brokers_that_swallows_requests_is_named_and_the_others_are_heard() {
    let brokers = Brokers::led_by_three();
    let config = brokers.config().property("socket.timeout.ms", "1000");
    let trigger = Kafka::new(&config, TOPIC)
        .expect("a good config")
        .response_timeout(Duration::from_secs(4));
    let mut running = Running::listening(trigger).await;

    let swallowing = Duration::from_secs(3600);
    brokers
        .cluster
        .broker_round_trip_time(2, swallowing)
        .expect("set");
    let reason = running.until_disconnected().await;
    assert!(
        reason.contains("partition 1 of") && reason.contains(&brokers.address(2)),
        "{reason}"
    );
    brokers.publish_to(2, FINISHED).await;
    running.until_event().await;
    brokers
        .cluster
        .broker_round_trip_time(2, Duration::ZERO)
        .expect("set");
    running.until_listening().await;
}

#[tokio::test]
async fn a_thousand_partitions_are_listened_to_and_surveyed() {
    let brokers = Brokers::with_topic(1_000);
    let trigger = brokers
        .trigger()
        .metadata_interval(Duration::from_millis(100));
    let mut running = Running::listening(trigger).await;
    for partition in [0, 999, 500] {
        brokers.publish_to(partition, FINISHED).await;
        running.until_event().await;
        assert!(running.health.borrow().is_listening());
    }
}

use std::sync::PoisonError;
use std::time::SystemTime;

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;

type Answer = Result<(u32, Option<Duration>), ErrorKind>;

/// A copy whose answer the test sets: a version's number, after some time, or an error.
#[derive(Clone)]
struct ScriptedCopy(Arc<Mutex<(Answer, usize)>>);

impl ScriptedCopy {
    fn at(version: u32) -> Self {
        Self(Arc::new(Mutex::new((Ok((version, None)), 0))))
    }

    fn set(&self, answer: Answer) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = answer;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

fn version(number: u32) -> Secret {
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(number.into());
    Secret::new("material", format!("v{number}")).with_created(created)
}

impl Source for ScriptedCopy {
    async fn fetch(&self, _: &FetchRequest) -> Result<Secret, Error> {
        let answer = {
            let mut shared = lock(&self.0);
            shared.1 += 1;
            shared.0
        };
        let (number, delay) = answer.map_err(|kind| Error::new(kind, "scripted"))?;
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        Ok(version(number))
    }
}

/// Three copies, and what is live.
struct Fixture {
    copies: [ScriptedCopy; 3],
    source: Replicas,
    live: Option<VersionId>,
}

impl Fixture {
    fn at(version: u32) -> Self {
        let copies = [0; 3].map(|_| ScriptedCopy::at(version));
        let source = Replicas::new("one", copies[0].clone())
            .replica("two", copies[1].clone())
            .replica("three", copies[2].clone());
        Self {
            copies,
            source,
            live: None,
        }
    }

    /// Fetches, and takes what is fetched live.
    async fn fetch(&mut self, reason: Reason) -> Result<String, Error> {
        let mut request = FetchRequest::new(reason);
        request.live_version.clone_from(&self.live);
        let secret = self.source.fetch(&request).await?;
        self.live = Some(secret.version().clone());
        Ok(secret.version().to_string())
    }

    async fn version(&mut self, reason: Reason) -> String {
        self.fetch(reason).await.expect("a copy answers")
    }
}

#[tokio::test(start_paused = true)]
async fn the_primary_is_asked_alone() {
    let mut fixture = Fixture::at(1);
    assert_eq!(fixture.version(Reason::Start).await, "v1");
    fixture.copies[0].set(Ok((2, None)));
    fixture.copies[1].set(Ok((3, None)));
    assert_eq!(fixture.version(Reason::Event).await, "v2");
    assert_eq!(fixture.source.last_answered(), Some("one"));
    assert_eq!(fixture.copies[1].asked(), 0);
    fixture.copies[0].set(Ok((1, None)));
    assert_eq!(fixture.version(Reason::Manual).await, "v1", "a rollback");
}

#[tokio::test(start_paused = true)]
async fn only_what_may_pass_leads_to_a_replica() {
    for (kind, expected) in [
        (ErrorKind::Unavailable, Ok("v1")),
        (ErrorKind::Timeout, Ok("v1")),
        (ErrorKind::NotFound, Err(ErrorKind::NotFound)),
        (
            ErrorKind::PermissionDenied,
            Err(ErrorKind::PermissionDenied),
        ),
        (ErrorKind::Unauthenticated, Err(ErrorKind::Unauthenticated)),
        (ErrorKind::Malformed, Err(ErrorKind::Malformed)),
    ] {
        let mut fixture = Fixture::at(1);
        fixture.copies[0].set(Err(kind));
        let fetched = fixture
            .fetch(Reason::Start)
            .await
            .map_err(|error| error.kind());
        assert_eq!(fetched, expected.map(str::to_owned), "{kind}");
        assert_eq!(fixture.copies[1].asked(), usize::from(expected.is_ok()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_hangs_is_left_in_time_and_avoided_for_a_while() {
    let mut fixture = Fixture::at(1);
    fixture.copies[0].set(Ok((1, Some(Duration::from_secs(3600)))));
    let begun = Instant::now();
    assert_eq!(fixture.version(Reason::Start).await, "v1");
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(fixture.source.last_answered(), Some("two"));

    assert_eq!(fixture.version(Reason::Interval).await, "v1");
    assert_eq!(begun.elapsed(), Duration::from_secs(5), "it was not asked");
    fixture.copies[0].set(Ok((2, None)));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fixture.version(Reason::Interval).await, "v2");
    assert_eq!(fixture.source.last_answered(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn an_avoided_copy_is_asked_if_no_other_has_an_answer() {
    let mut fixture = Fixture::at(1);
    fixture.copies[0].set(Err(ErrorKind::Unavailable));
    fixture.version(Reason::Start).await;
    fixture.copies[0].set(Ok((2, None)));
    for copy in &fixture.copies[1..] {
        copy.set(Err(ErrorKind::PermissionDenied));
    }
    assert_eq!(fixture.version(Reason::Interval).await, "v2");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_behind_has_no_say() {
    let mut fixture = Fixture::at(1);
    fixture.version(Reason::Start).await;
    fixture.copies[0].set(Ok((2, None)));
    fixture.copies[2].set(Ok((2, None)));
    fixture.version(Reason::Event).await;
    fixture.copies[0].set(Err(ErrorKind::Unavailable));
    assert_eq!(fixture.version(Reason::Interval).await, "v2");
    assert_eq!(fixture.source.last_answered(), Some("three"));

    fixture.copies[2].set(Err(ErrorKind::PermissionDenied));
    let error = fixture
        .fetch(Reason::Interval)
        .await
        .expect_err("none is left");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "no copy of the secret can be used: one: scripted; two: it has not received the live version yet; \
         three: scripted"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_rejection_all_are_asked() {
    let mut fixture = Fixture::at(1);
    fixture.version(Reason::Start).await;
    fixture.copies[1].set(Ok((2, None)));
    fixture.copies[2].set(Ok((3, Some(Duration::from_secs(1)))));
    assert_eq!(fixture.version(Reason::Interval).await, "v1");
    assert_eq!(fixture.version(Reason::Rejected).await, "v3");
    assert_eq!(fixture.source.last_answered(), Some("three"));
    fixture.copies[0].set(Err(ErrorKind::NotFound));
    assert_eq!(
        fixture.version(Reason::Rejected).await,
        "v3",
        "the others are behind"
    );
}

#[derive(Debug, Clone)]
enum Happens {
    Rotation,
    /// A replica catches up.
    Replication(usize),
    /// A copy fails until the next such event.
    Outage(usize, bool),
    Fetch(bool),
    /// Time passes.
    Wait,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        Just(Happens::Rotation),
        (1..3_usize).prop_map(Happens::Replication),
        (0..3_usize, any::<bool>()).prop_map(|(copy, down)| Happens::Outage(copy, down)),
        any::<bool>().prop_map(Happens::Fetch),
        Just(Happens::Wait),
    ]
}

proptest! {
    /// Whatever lags, flaps or is split: the live version never goes back, and after a
    /// rejection nothing newer is left unseen.
    #[test]
    fn the_live_version_never_goes_back(story in prop::collection::vec(happens(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let mut fixture = Fixture::at(1);
            let mut copies = [(1, false); 3];
            let mut live = 0;
            for step in story {
                match step {
                    Happens::Rotation => copies[0].0 += 1,
                    Happens::Replication(copy) => copies[copy].0 = copies[0].0,
                    Happens::Outage(copy, down) => copies[copy].1 = down,
                    Happens::Wait => sleep(Duration::from_secs(61)).await,
                    Happens::Fetch(rejected) => {
                        for (copy, (number, down)) in fixture.copies.iter().zip(copies) {
                            copy.set(if down { Err(ErrorKind::Unavailable) } else { Ok((number, None)) });
                        }
                        let reason = if rejected { Reason::Rejected } else { Reason::Interval };
                        let answering = copies.iter().filter(|(_, down)| !down).map(|(number, _)| *number);
                        let newest = answering.max();
                        match fixture.fetch(reason).await {
                            Ok(fetched) => {
                                let number: u32 = fetched[1..].parse().expect("a number");
                                assert!(number >= live, "{number} after {live}");
                                if rejected {
                                    assert_eq!(Some(number), newest);
                                }
                                live = number;
                            }
                            Err(_) => assert!(newest.is_none_or(|newest| newest < live)),
                        }
                    }
                }
            }
        });
    }
}

//! Tests of a service that uses credswap, without AWS, Kafka or a network: the test rotates, rejects and drains by hand.
//!
//! `cargo test --example test_your_service --all-features`

use credswap::{Error, Refreshable, Secret};

/// The service's own code: it signs messages with whatever token is live.
struct Signer {
    token: Refreshable<String>,
}

impl Signer {
    fn sign(&self, message: &str) -> String {
        let token = self.token.lease();
        format!("{message} signed with {}", *token)
    }
}

/// How the service makes its token from a secret.
async fn connect(secret: Secret) -> Result<String, Error> {
    Ok(secret.expose_str()?.trim().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let source = || async { Ok(Secret::new("s3cr3t\n", "1")) };
    let token = Refreshable::builder(source, connect).start().await?;
    println!("{}", Signer { token }.sign("hello"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use credswap::ErrorKind;
    use credswap::test_util::{TestSource, TestTrigger};

    use super::*;

    #[test]
    fn a_fixed_value_is_enough_where_nothing_rotates() {
        let token = Refreshable::fixed("fixed".to_owned());
        assert_eq!(Signer { token }.sign("hello"), "hello signed with fixed");
    }

    #[tokio::test]
    async fn a_rotation_reaches_the_next_message() {
        let (source, trigger) = (TestSource::new("first", "v1"), TestTrigger::new());
        let token = Refreshable::builder(source.clone(), connect)
            .trigger(trigger.clone())
            .start()
            .await
            .expect("the first token is live");
        let signer = Signer {
            token: token.clone(),
        };
        assert_eq!(signer.sign("hello"), "hello signed with first");

        source.rotate("second", "v2");
        trigger.event();
        token.updates().newer_than(1).await;
        assert_eq!(signer.sign("hello"), "hello signed with second");
        // Nothing in the service keeps the old token.
        source.drained("v1").await;
    }

    #[tokio::test]
    async fn a_rejected_token_is_replaced() {
        let source = TestSource::new("first", "v1");
        let token = Refreshable::builder(source.clone(), connect)
            .start()
            .await
            .expect("the first token is live");
        source.rotate("second", "v2");
        token.report_rejected(token.generation());
        token.updates().newer_than(1).await;
        assert_eq!(*token.lease(), "second");
    }

    #[tokio::test]
    async fn the_last_good_token_stays_while_the_source_is_down() {
        let source = TestSource::new("first", "v1");
        let token = Refreshable::builder(source.clone(), connect)
            .start()
            .await
            .expect("the first token is live");
        source.fail(ErrorKind::Unavailable);
        token.refresh().await.expect_err("the source is down");
        let signer = Signer {
            token: token.clone(),
        };
        assert_eq!(signer.sign("hello"), "hello signed with first");
        assert!(!token.status().is_healthy());
    }
}

//! Any kind of secret, refreshed on request: here a database password, which an operator asks to be fetched again.
//!
//! `cargo run --example manual_refresh --no-default-features --features refresh`

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use credswap::connect::{Connect, Verdict};
use credswap::hot::DrainToken;
use credswap::refresh::Refreshed;
use credswap::{Error, ErrorKind, Refreshable, Secret};

/// A pool of database connections.
struct Pool {
    user: String,
}

/// Makes a pool from the secret `user:password`, and proves that it can log in.
struct Connector;

impl Connect for Connector {
    type Value = Pool;

    async fn connect(&self, secret: &Secret, _token: &DrainToken) -> Result<Pool, Error> {
        let (user, _password) = secret.expose_str()?.split_once(':').ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                "the secret does not have the form `user:password`",
            )
        })?;
        Ok(Pool {
            user: user.to_owned(),
        })
    }

    async fn check(&self, pool: &Pool) -> Verdict {
        match pool.user.as_str() {
            "locked" => Verdict::Bad(Error::new(
                ErrorKind::Rejected,
                "the database rejected the login",
            )),
            _ => Verdict::Good,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // What the authority has, one after the other.
    const VERSIONS: [&str; 3] = ["app:first", "app2:second", "locked:third"];
    let current = Arc::new(AtomicU32::new(0));
    let source = {
        let current = Arc::clone(&current);
        move || {
            let version = current.load(Ordering::SeqCst);
            async move {
                Ok(Secret::new(
                    VERSIONS[version as usize],
                    format!("version {version}"),
                ))
            }
        }
    };

    let pool = Refreshable::builder(source, Connector).start().await?;
    for _ in 0..VERSIONS.len() {
        match pool.refresh().await {
            Ok(Refreshed::Swapped { version, .. }) => println!("swapped to {version}"),
            Ok(_) => println!("nothing new"),
            Err(error) => println!("rejected: {}", error.report()),
        }
        println!("live: {}", pool.lease().user);
        current.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

//! A whole S3 request with and without credswap: time and allocations, with a connector that answers at once.
//!
//! ```text
//! cargo bench --bench request                     # 200 turns of each
//! cargo bench --bench request -- --turns 1000
//! ```
//!
//! The same client configuration twice: once plain (a static key behind the SDK's default cache, which is what a service
//! without rotation has), once with refreshable credentials. No socket is involved: what is left is the client's own work of making,
//! signing and sending a request and reading its answer, the part that credswap could make slower.
//!
//! The two take turns, 50 requests at a time, in an order that changes; each turn gives one mean, and the table has the
//! medians of those means. *ratio* is the median of each turn's own ratio: it holds still where the times do not,
//! because other work on the machine meets both sides of a turn.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

mod common;

use std::future::Future;
use std::time::Instant;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use clap::Parser;
use common::cloud;
use common::turns::Turns;
use tokio::runtime::{Builder, Runtime};

const CONTENT: &[u8] = &[7; 1024];
/// Requests in one turn.
const TURN: u32 = 50;

#[derive(Parser)]
struct Args {
    /// How many turns each of the two has.
    #[arg(long, default_value_t = 200)]
    turns: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let keys = runtime.block_on(cloud::refreshable());
    let plain = cloud::answering(CONTENT)
        .credentials_provider(SharedCredentialsProvider::new(cloud::credentials()));
    let plain = Client::from_conf(plain.build());
    let edged = credswap::configure!(keys, cloud::answering(CONTENT));
    let edged = Client::from_conf(edged.build());

    let mut rows = Vec::new();
    for (title, get) in [("PutObject, 1 KiB", false), ("GetObject, 1 KiB", true)] {
        let ask = |client: &Client| {
            let client = client.clone();
            async move {
                if get {
                    get_object(&client).await;
                } else {
                    put_object(&client).await;
                }
            }
        };
        let sides = [&plain, &edged].map(|client| Side {
            client,
            runtime: &runtime,
        });
        let turns = Turns::take(2, args.turns, |way| sides[way].turn(ask));
        let allocated = sides.map(|side| side.allocations(ask));
        rows.push([
            title.to_owned(),
            common::shown(turns.median(0)),
            common::shown(turns.median(1)),
            format!("{:.3}", turns.ratio(1, 0)),
            allocated[0].to_string(),
            allocated[1].to_string(),
        ]);
    }
    common::table(
        [
            "one request",
            "plain SDK client",
            "with credswap",
            "ratio",
            "allocations, plain",
            "with credswap",
        ],
        rows,
    );
}

async fn put_object(client: &Client) {
    client
        .put_object()
        .bucket("b")
        .key("k")
        .body(ByteStream::from_static(CONTENT))
        .send()
        .await
        .expect("answered with 200");
}

async fn get_object(client: &Client) {
    let answer = client.get_object().bucket("b").key("k").send().await;
    let body = answer.expect("answered with 200").body;
    body.collect().await.expect("it is in memory");
}

struct Side<'a> {
    client: &'a Client,
    runtime: &'a Runtime,
}

impl Side<'_> {
    /// The mean time of one request, in nanoseconds.
    fn turn<F: Future<Output = ()>>(&self, ask: impl Fn(&Client) -> F) -> f64 {
        self.runtime.block_on(async {
            let begun = Instant::now();
            for _ in 0..TURN {
                ask(self.client).await;
            }
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(TURN)
        })
    }

    /// The mean of one request.
    fn allocations<F: Future<Output = ()>>(&self, ask: impl Fn(&Client) -> F) -> u64 {
        let info = allocation_counter::measure(|| {
            self.turn(&ask);
        });
        info.count_total / u64::from(TURN)
    }
}

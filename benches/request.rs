//! Measures a complete S3 request with and without credswap: time and allocations, with a connector that answers at once.
//!
//! ```text
//! cargo bench --bench request                     # 200 turns per client
//! cargo bench --bench request -- --turns 1000
//! ```
//!
//! The same client configuration twice: once plain (a static key behind the SDK's default cache, which is what a service
//! without rotation has), once with credswap. No socket is involved: what remains is the client's own work of building,
//! signing and sending a request and reading its answer, which is the part that credswap could slow down.
//!
//! The two clients take turns of 50 requests, in an order that changes; each turn gives one mean, and the table shows the
//! medians of these means. *ratio* is the median of each turn's own ratio: it is stable even where the times vary, because
//! other load on the machine affects both clients of a turn.
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
    /// Turns per client.
    #[arg(long, default_value_t = 200)]
    turns: usize,
    /// Passed by cargo.
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
    let configured = credswap::configure!(keys, cloud::answering(CONTENT));
    let configured = Client::from_conf(configured.build());

    let mut rows = Vec::new();
    for (title, get) in [("PutObject, 1 KiB", false), ("GetObject, 1 KiB", true)] {
        let request = |client: &Client| {
            let client = client.clone();
            async move {
                if get {
                    get_object(&client).await;
                } else {
                    put_object(&client).await;
                }
            }
        };
        let clients = [&plain, &configured].map(|client| Measured {
            client,
            runtime: &runtime,
        });
        let turns = Turns::take(2, args.turns, |client| clients[client].turn(request));
        let allocated = clients.map(|client| client.allocations(request));
        rows.push([
            title.to_owned(),
            common::format_nanos(turns.median(0)),
            common::format_nanos(turns.median(1)),
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
        .expect("the answer is 200");
}

async fn get_object(client: &Client) {
    let answer = client.get_object().bucket("b").key("k").send().await;
    let body = answer.expect("the answer is 200").body;
    body.collect().await.expect("the body is in memory");
}

struct Measured<'a> {
    client: &'a Client,
    runtime: &'a Runtime,
}

impl Measured<'_> {
    /// Returns the mean time of one request, in nanoseconds.
    fn turn<F: Future<Output = ()>>(&self, request: impl Fn(&Client) -> F) -> f64 {
        self.runtime.block_on(async {
            let begun = Instant::now();
            for _ in 0..TURN {
                request(self.client).await;
            }
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(TURN)
        })
    }

    /// Returns the mean number of allocations of one request.
    fn allocations<F: Future<Output = ()>>(&self, request: impl Fn(&Client) -> F) -> u64 {
        let info = allocation_counter::measure(|| {
            self.turn(&request);
        });
        info.count_total / u64::from(TURN)
    }
}

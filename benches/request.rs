//! A whole S3 request with and without the edge: time and allocations, with a connector that answers at once.
//!
//! ```text
//! cargo bench --bench request                     # 100 rounds of each
//! cargo bench --bench request -- --rounds 400
//! ```
//!
//! The same client configuration twice: once plain (a static key behind the SDK's default cache, which is what a service
//! without rotation has), once with an `Edge`. No socket is involved: what is left is the client's own work of making,
//! signing and sending a request and reading its answer, the part that an edge could make slower.
//!
//! The two take turns, 50 requests at a time, in an order that changes; each turn gives one mean, and the table has the
//! medians of those means. *ratio* is the median of each round's own ratio: it holds still where the times do not,
//! because other work on the machine meets both sides of a round.
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
use credswap::aws::Edge;
use tokio::runtime::{Builder, Runtime};

const CONTENT: &[u8] = &[7; 1024];
/// Requests in one turn.
const TURN: u32 = 50;

#[derive(Parser)]
struct Args {
    /// How often the two take turns.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
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
    let keys = runtime.block_on(cloud::reloader());
    let edge = Edge::new(&keys);
    let plain = cloud::answering(CONTENT)
        .credentials_provider(SharedCredentialsProvider::new(cloud::credentials()));
    let plain = Client::from_conf(plain.build());
    let edged = credswap::configure!(edge, cloud::answering(CONTENT));
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
        let compared = compare(&sides, args.rounds, ask);
        let allocated = sides.map(|side| side.allocations(ask));
        rows.push([
            title.to_owned(),
            common::shown(compared.plain),
            common::shown(compared.edged),
            format!("{:.3}", compared.ratio),
            allocated[0].to_string(),
            allocated[1].to_string(),
        ]);
    }
    common::table(
        [
            "one request",
            "plain SDK client",
            "with an edge",
            "ratio",
            "allocations, plain",
            "with an edge",
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

struct Compared {
    plain: f64,
    edged: f64,
    ratio: f64,
}

fn compare<F: Future<Output = ()>>(
    [plain, edged]: &[Side<'_>; 2],
    rounds: usize,
    ask: impl Fn(&Client) -> F + Copy,
) -> Compared {
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..rounds + 10 {
        let (first, second);
        if round % 2 == 0 {
            first = plain.turn(ask);
            second = edged.turn(ask);
        } else {
            second = edged.turn(ask);
            first = plain.turn(ask);
        }
        if round < 10 {
            continue; // caches and branch predictors are cold
        }
        times[0].push(first);
        times[1].push(second);
        times[2].push(second / first);
    }
    let [plain, edged, ratio] = times.map(median);
    Compared {
        plain,
        edged,
        ratio,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! What it costs to find out, for each attempt of each request, which key signs it: time and allocations.
//!
//! ```text
//! cargo bench --bench identity                    # 100 turns of each way
//! cargo bench --bench identity -- --turns 1000
//! ```
//!
//! The SDK asks its identity cache once per attempt. Each way is asked from inside a real S3 operation (a hook of it),
//! with that operation's own components and config bag, and ends with the identity dropped, as an attempt does:
//! - *the SDK's lazy cache*: the default. It does not see a rotation for 15 minutes.
//! - *`no_cache()`*: asks the provider each time. It sees a rotation at once.
//! - *credswap, resolve*: the identity cache of refreshable credentials, as it is asked by the SDK. The identity holds its key, so the
//!   drain is counted in this.
//! - *credswap, attempt*: all that the hooks do for an attempt that succeeds: the resolve between its two hooks, at the
//!   attempt's begin and at its end.
//!
//! The ways take turns of 20 000 calls; each turn gives one mean, and the table has the medians of those means. *ratio* is
//! the median of each turn's own ratio to the lazy cache: it holds still where the times do not, because other work on
//! the machine meets all ways of a turn. Allocations are counted on the measuring thread; the counter itself costs some
//! nanoseconds for each.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures the time that passes"
)]

mod common;

use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, IdentityCache};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::{AuthScheme, AuthSchemeId};
use aws_smithy_runtime_api::client::identity::{
    Identity, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, Input, InterceptorContext, Output,
};
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, SharedInterceptor, dyn_dispatch_hint,
};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use clap::Parser;
use common::cloud;
use common::turns::Turns;
use futures::FutureExt;
use tokio::runtime::Handle;

/// Calls in one turn.
const TURN: u32 = 20_000;

#[derive(Parser)]
struct Args {
    /// How many turns each way has.
    #[arg(long, default_value_t = 100)]
    turns: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let keys = runtime.block_on(cloud::refreshable());
    let provider = SharedCredentialsProvider::new(cloud::credentials());
    let lazy = cloud::answering(b"").credentials_provider(provider.clone());
    let no_cache = cloud::answering(b"")
        .identity_cache(IdentityCache::no_cache())
        .credentials_provider(provider);
    let edged = || credswap::configure!(keys, cloud::answering(b""));
    let ways = [
        Way::new("SDK, lazy cache (the default)", lazy, |operation| {
            operation.resolve()
        }),
        Way::new("SDK, `no_cache()`", no_cache, |operation| {
            operation.resolve()
        }),
        Way::new("credswap, resolve", edged(), |operation| {
            operation.resolve()
        }),
        Way::new("credswap, attempt", edged(), {
            let hooks = keys.client_hooks().interceptor();
            move |operation| operation.attempt(&hooks)
        }),
    ];

    let turns = Turns::take(ways.len(), args.turns, |way| {
        runtime.block_on(ways[way].inside(|operation, call| {
            let begun = Instant::now();
            for _ in 0..TURN {
                call(operation);
            }
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(TURN)
        }))
    });
    let rows = ways.iter().enumerate().map(|(index, way)| {
        let allocated = runtime.block_on(way.inside(|operation, call| {
            allocation_counter::measure(|| {
                for _ in 0..TURN {
                    call(operation);
                }
            })
        }));
        [
            way.title.to_owned(),
            common::shown(turns.median(index)),
            format!("{:.2}", turns.ratio(index, 0)),
            (allocated.count_total / u64::from(TURN)).to_string(),
            (allocated.bytes_total / u64::from(TURN)).to_string(),
        ]
    });
    common::table(
        [
            "one attempt's identity",
            "time",
            "ratio",
            "allocations",
            "bytes",
        ],
        rows,
    );
}

type Call = Arc<dyn Fn(&mut Operation<'_>) + Send + Sync>;
type Work = Box<dyn FnOnce(&mut Operation<'_>) + Send>;

/// A way to come to an identity, and a client that is configured for it.
struct Way {
    title: &'static str,
    call: Call,
    client: Client,
    probe: Probe,
}

impl Way {
    fn new(
        title: &'static str,
        config: Builder,
        call: impl Fn(&mut Operation<'_>) + Send + Sync + 'static,
    ) -> Self {
        let probe = Probe::default();
        Self {
            title,
            call: Arc::new(call),
            client: Client::from_conf(config.interceptor(probe.clone()).build()),
            probe,
        }
    }

    /// Does `work` inside an operation of the client.
    async fn inside<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Operation<'_>, &dyn Fn(&mut Operation<'_>)) -> R + Send + 'static,
    ) -> R {
        let (sender, receiver) = std::sync::mpsc::channel();
        let call = Arc::clone(&self.call);
        self.probe.give(Box::new(move |operation| {
            let _ = sender.send(work(operation, &*call));
        }));
        self.client
            .put_object()
            .bucket("b")
            .key("k")
            .send()
            .await
            .expect("answered with 200");
        receiver.recv().expect("the hook was called")
    }
}

/// A running operation, stopped before its first attempt.
struct Operation<'a> {
    components: &'a RuntimeComponents,
    bag: &'a mut ConfigBag,
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    context: InterceptorContext,
}

impl Operation<'_> {
    fn identity(&self) -> Identity {
        self.cache
            .resolve_cached_identity(self.resolver.clone(), self.components, self.bag)
            .now_or_never()
            .expect("what is cached, or made on the spot, is ready")
            .expect("there is a key")
    }

    fn resolve(&mut self) {
        drop(black_box(self.identity()));
    }

    fn attempt(&mut self, hooks: &SharedInterceptor) {
        hooks
            .read_before_attempt(&(&self.context).into(), self.components, self.bag)
            .expect("the hook is willing");
        let identity = black_box(self.identity());
        hooks
            .modify_before_attempt_completion(
                &mut (&mut self.context).into(),
                self.components,
                self.bag,
            )
            .expect("the hook is willing");
        drop(identity);
    }
}

/// Runs what it is given in the next operation that has not begun its first attempt.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Option<Work>>>);

impl Probe {
    fn give(&self, work: Work) {
        *self.0.lock().expect("nothing panics with it") = Some(work);
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

#[dyn_dispatch_hint]
impl Intercept for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn modify_before_retry_loop(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let work = self.0.lock().expect("nothing panics with it").take();
        let Some(work) = work else { return Ok(()) };
        // What the SDK does between here and the first attempt.
        bag.interceptor_state().store_put(RequestAttempts::from(1));
        let mut context = InterceptorContext::new(Input::erase(()));
        context.set_output_or_error(Ok(Output::erase(())));
        let mut operation = Operation {
            components,
            bag,
            cache: components.identity_cache(),
            resolver: components
                .auth_scheme(AuthSchemeId::from("sigv4"))
                .and_then(|scheme| scheme.identity_resolver(components))
                .expect("S3 signs with SigV4"),
            context,
        };
        operation.resolve(); // the lazy cache loads
        // Outside a task: there, Tokio's locks say "not ready" once they have been asked often enough.
        let runtime = Handle::current();
        let measured = move || {
            let _for_timers = runtime.enter();
            work(&mut operation);
        };
        thread::scope(|scope| {
            scope
                .spawn(measured)
                .join()
                .expect("measuring does not panic");
        });
        Ok(())
    }
}

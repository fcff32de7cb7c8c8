//! Measures what it costs to determine the key that signs an attempt: time and allocations.
//!
//! ```text
//! cargo bench --bench identity                    # 100 turns per candidate
//! cargo bench --bench identity -- --turns 1000
//! ```
//!
//! The SDK asks its identity cache once per attempt. Each candidate is called from a hook of a real S3 operation, with that
//! operation's components and config bag, and drops the identity at the end, as an attempt does:
//! - *the SDK's lazy cache*: the default. It returns the old key for up to 15 minutes after a rotation.
//! - *`no_cache()`*: asks the provider each time. It returns the new key at once.
//! - *credswap, resolve*: credswap's identity cache, called as the SDK calls it. The identity has a drain token, so the
//!   cost of counting uses is included.
//! - *credswap, attempt*: all that credswap does for an attempt that succeeds: the resolve between two hooks, one at the
//!   start and one at the end of the attempt.
//!
//! The candidates take turns of 20 000 calls; each turn gives one mean, and the table shows the medians of these means.
//! *ratio* is the median of each turn's own ratio to the lazy cache: it is stable even where the times vary, because other
//! load on the machine affects all candidates of a turn. Allocations are counted on the measuring thread; the counter
//! itself costs some nanoseconds per allocation.
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
    /// Turns per candidate.
    #[arg(long, default_value_t = 100)]
    turns: usize,
    /// Passed by cargo.
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
    let configured = || credswap::configure!(keys, cloud::answering(b""));
    let candidates = [
        Candidate::new("SDK, lazy cache (the default)", lazy, |operation| {
            operation.resolve()
        }),
        Candidate::new("SDK, `no_cache()`", no_cache, |operation| {
            operation.resolve()
        }),
        Candidate::new("credswap, resolve", configured(), |operation| {
            operation.resolve()
        }),
        Candidate::new("credswap, attempt", configured(), {
            let hooks = keys.client_hooks().interceptor();
            move |operation| operation.attempt(&hooks)
        }),
    ];

    let turns = Turns::take(candidates.len(), args.turns, |index| {
        runtime.block_on(candidates[index].inside(|operation, call| {
            let begun = Instant::now();
            for _ in 0..TURN {
                call(operation);
            }
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(TURN)
        }))
    });
    let rows = candidates.iter().enumerate().map(|(index, candidate)| {
        let allocated = runtime.block_on(candidate.inside(|operation, call| {
            allocation_counter::measure(|| {
                for _ in 0..TURN {
                    call(operation);
                }
            })
        }));
        [
            candidate.title.to_owned(),
            common::format_nanos(turns.median(index)),
            format!("{:.2}", turns.ratio(index, 0)),
            (allocated.count_total / u64::from(TURN)).to_string(),
            (allocated.bytes_total / u64::from(TURN)).to_string(),
        ]
    });
    common::table(
        [
            "identity of one attempt",
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

/// A call that resolves an identity, and a client that is configured for it.
struct Candidate {
    title: &'static str,
    call: Call,
    client: Client,
    probe: Probe,
}

impl Candidate {
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

    /// Runs `work` inside an operation of the client.
    async fn inside<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Operation<'_>, &dyn Fn(&mut Operation<'_>)) -> R + Send + 'static,
    ) -> R {
        let (sender, receiver) = std::sync::mpsc::channel();
        let call = Arc::clone(&self.call);
        self.probe.set(Box::new(move |operation| {
            let _ = sender.send(work(operation, &*call));
        }));
        self.client
            .put_object()
            .bucket("b")
            .key("k")
            .send()
            .await
            .expect("the answer is 200");
        receiver.recv().expect("the hook runs the work")
    }
}

/// An operation before its first attempt.
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
            .expect("the identity is ready without waiting")
            .expect("there are credentials")
    }

    fn resolve(&mut self) {
        drop(black_box(self.identity()));
    }

    fn attempt(&mut self, hooks: &SharedInterceptor) {
        hooks
            .read_before_attempt(&(&self.context).into(), self.components, self.bag)
            .expect("the hook succeeds");
        let identity = black_box(self.identity());
        hooks
            .modify_before_attempt_completion(
                &mut (&mut self.context).into(),
                self.components,
                self.bag,
            )
            .expect("the hook succeeds");
        drop(identity);
    }
}

/// Runs its work in the next operation, before that operation's first attempt.
#[derive(Clone, Default)]
struct Probe(Arc<Mutex<Option<Work>>>);

impl Probe {
    fn set(&self, work: Work) {
        *self.0.lock().expect("the lock is not poisoned") = Some(work);
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
        let work = self.0.lock().expect("the lock is not poisoned").take();
        let Some(work) = work else { return Ok(()) };
        // As the SDK does between this hook and the first attempt.
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
        operation.resolve(); // fills the lazy cache
        // Not in a task: its cooperative budget would make Tokio's locks return "not ready" after many calls.
        let runtime = Handle::current();
        let measured = move || {
            let _timers = runtime.enter();
            work(&mut operation);
        };
        thread::scope(|scope| {
            scope
                .spawn(measured)
                .join()
                .expect("the measurement does not panic");
        });
        Ok(())
    }
}

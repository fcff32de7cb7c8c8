//! What it costs to find out, for each attempt of each request, which key signs it: time and allocations.
//!
//! ```text
//! cargo bench --bench identity
//! ```
//!
//! The SDK asks its identity cache once per attempt. Each way is asked from inside a real S3 operation (a hook of it),
//! with that operation's own components and config bag:
//! - *the SDK's lazy cache*: the default. It does not see a rotation for 15 minutes.
//! - *`no_cache()`*: asks the provider each time. It sees a rotation at once.
//! - *credswap, resolve alone*: the identity cache of an `Edge`, as it is asked by the SDK.
//! - *credswap, an attempt*: what the edge does for an attempt in all, drain included: its hook at the attempt's begin,
//!   the resolve, and its hook at the end, which lets go of the key.
//!
//! Each way ends with the identity dropped, as an attempt does. The table at the end has criterion's medians and each as a part of the lazy cache's time. Allocations are counted
//! on the measuring thread; the counter costs some nanoseconds for each, so it flatters a way that makes none by that.

mod common;

use std::fmt;
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;

use aws_credential_types::provider::SharedCredentialsProvider;
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
use common::cloud;
use credswap::aws::Edge;
use futures::FutureExt;
use tokio::runtime::Handle;

fn main() {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(run());
}

async fn run() {
    let provider = || SharedCredentialsProvider::new(cloud::credentials());
    let keys = cloud::reloader().await;
    let edge = Edge::new(&keys);
    let configured = |edge: &Edge| credswap::configure!(edge, cloud::answering(b""));

    let lazy = cloud::answering(b"").credentials_provider(provider());
    let lazy = inside(lazy, |attempt| {
        measure("lazy", || drop(black_box(attempt.resolve())))
    })
    .await;
    let no_cache = cloud::answering(b"")
        .identity_cache(IdentityCache::no_cache())
        .credentials_provider(provider());
    let no_cache = inside(no_cache, |attempt| {
        measure("no_cache", || drop(black_box(attempt.resolve())))
    })
    .await;
    let alone = inside(configured(&edge), |attempt| {
        measure("credswap_resolve", || drop(black_box(attempt.resolve())))
    })
    .await;
    let hooks = edge.interceptor();
    let first = inside(configured(&edge), {
        let hooks = hooks.clone();
        move |attempt| attempt.count(|attempt| attempt.whole(&hooks))
    })
    .await;
    let whole = inside(configured(&edge), move |attempt| {
        measure("credswap_attempt", || attempt.whole(&hooks))
    })
    .await;

    let reference = common::median("identity", "lazy");
    let row = |title: &str, name: &str, allocated: Allocated| {
        let time = common::median("identity", name);
        [
            title.to_owned(),
            time.map_or("–".to_owned(), common::shown),
            match (time, reference) {
                (Some(time), Some(lazy)) => format!("{:.2}", time / lazy),
                _ => "–".to_owned(),
            },
            allocated.count.to_string(),
            allocated.bytes.to_string(),
        ]
    };
    common::table(
        [
            "identity of one attempt",
            "time",
            "of the lazy cache's",
            "allocations",
            "bytes",
        ],
        [
            row("SDK, lazy cache (the default)", "lazy", lazy),
            row("SDK, `no_cache()`", "no_cache", no_cache),
            row("credswap, resolve alone", "credswap_resolve", alone),
            row("credswap, resolve and drain", "credswap_attempt", whole),
        ],
    );
    println!(
        "An operation's first attempt allocates {} times ({} bytes) for the edge.",
        first.count, first.bytes
    );
}

/// Allocations of one call.
#[derive(Clone, Copy)]
struct Allocated {
    count: u64,
    bytes: u64,
}

/// Time by criterion, allocations by the counter.
fn measure(name: &str, mut call: impl FnMut()) -> Allocated {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("identity");
    group.bench_function(name, |bencher| bencher.iter(&mut call));
    group.finish();
    counted(call)
}

/// The mean of many calls, after the first.
fn counted(mut call: impl FnMut()) -> Allocated {
    const CALLS: u64 = 1000;
    call();
    let info = allocation_counter::measure(|| (0..CALLS).for_each(|_| call()));
    Allocated {
        count: info.count_total.div_ceil(CALLS),
        bytes: info.bytes_total.div_ceil(CALLS),
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
    fn resolve(&mut self) -> Identity {
        self.cache
            .resolve_cached_identity(self.resolver.clone(), self.components, self.bag)
            .now_or_never()
            .expect("what is cached, or made on the spot, is ready")
            .expect("there is a key")
    }

    fn whole(&mut self, hooks: &SharedInterceptor) {
        hooks
            .read_before_attempt(&(&self.context).into(), self.components, self.bag)
            .expect("the hook is willing");
        let identity = black_box(self.resolve());
        hooks
            .modify_before_attempt_completion(
                &mut (&mut self.context).into(),
                self.components,
                self.bag,
            )
            .expect("the hook is willing");
        drop(identity);
    }

    /// One call, the first one.
    fn count(&mut self, call: impl FnOnce(&mut Self)) -> Allocated {
        let info = allocation_counter::measure(|| call(self));
        Allocated {
            count: info.count_total,
            bytes: info.bytes_total,
        }
    }
}

/// Runs `work` inside an operation of a client with this configuration.
async fn inside<R: Send + 'static>(
    config: Builder,
    work: impl FnOnce(&mut Operation<'_>) -> R + Send + 'static,
) -> R {
    let (sender, receiver) = std::sync::mpsc::channel();
    let work = Box::new(move |operation: &mut Operation<'_>| {
        let _ = sender.send(work(operation));
    });
    let config = config.interceptor(Probe(Mutex::new(Some(work)))).build();
    aws_sdk_s3::Client::from_conf(config)
        .put_object()
        .bucket("b")
        .key("k")
        .send()
        .await
        .expect("answered with 200");
    receiver.recv().expect("the hook was called")
}

type Work = Box<dyn FnOnce(&mut Operation<'_>) + Send>;

struct Probe(Mutex<Option<Work>>);

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
        drop(operation.resolve()); // the lazy cache loads
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

//! Observes the attempts of SDK clients from outside: which key signed them, and which connections carried them.
//!
//! An interceptor that uses public hooks only. It reads the signed request itself (`Credential=` in its `Authorization`
//! header), so that its counts do not depend on what credswap reports.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime::client::http::connection_poisoning::CaptureSmithyConnection;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::time::Instant;

/// Observes the attempts of all clients that have a clone of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<Observed>>);

#[derive(Debug, Default)]
struct Observed {
    /// How many attempts are in flight, by access key id.
    attempts: HashMap<String, usize>,
    first_signed: HashMap<String, Instant>,
    connections: HashMap<SocketAddr, Instant>,
}

/// How many attempts are in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InFlightCount {
    /// Signed with an older key.
    pub(crate) old: usize,
    /// Signed with the current key.
    pub(crate) current: usize,
}

impl InFlight {
    /// Counts the attempts in flight, where `access_key_id` is the current key.
    pub(crate) fn count(&self, access_key_id: &str) -> InFlightCount {
        let observed = self.lock();
        let all: usize = observed.attempts.values().sum();
        let current = observed.attempts.get(access_key_id).copied();
        let current = current.unwrap_or(0);
        InFlightCount {
            old: all - current,
            current,
        }
    }

    /// Returns when the first request signed with this key was about to be sent.
    pub(crate) fn first_signed(&self, access_key_id: &str) -> Option<Instant> {
        self.lock().first_signed.get(access_key_id).copied()
    }

    /// Returns when each connection carried its first answer.
    pub(crate) fn connections(&self) -> Vec<Instant> {
        self.lock().connections.values().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, access_key_id: &str) -> Attempt {
        let mut observed = self.lock();
        let id = access_key_id.to_owned();
        *observed.attempts.entry(id.clone()).or_default() += 1;
        let first_signed = observed.first_signed.entry(id.clone());
        first_signed.or_insert_with(Instant::now);
        Attempt {
            in_flight: self.clone(),
            access_key_id: id,
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for InFlight {
    fn name(&self) -> &'static str {
        "in_flight"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let authorization = context.request().headers().get("authorization");
        if let Some(id) = authorization.and_then(signer) {
            let attempt = self.begin(id);
            cfg.interceptor_state().store_put(attempt);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().unset::<Attempt>();
        let connection = cfg
            .load::<CaptureSmithyConnection>()
            .and_then(CaptureSmithyConnection::get);
        if let Some(socket) = connection.and_then(|connection| connection.local_addr()) {
            let mut observed = self.lock();
            let connection = observed.connections.entry(socket);
            connection.or_insert_with(Instant::now);
        }
        Ok(())
    }
}

/// An attempt between its signature and its end. Dropping it ends the attempt, also when the request is dropped half-way.
#[derive(Debug)]
struct Attempt {
    in_flight: InFlight,
    access_key_id: String,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut observed = self.in_flight.lock();
        if let Some(count) = observed.attempts.get_mut(&self.access_key_id) {
            *count -= 1;
        }
    }
}

impl Storable for Attempt {
    type Storer = StoreReplace<Self>;
}

/// Returns the access key id in `AWS4-HMAC-SHA256 Credential=<id>/<date>/…`.
fn signer(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let (id, _) = credential.split_once('/')?;
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local_services::LocalServices;

    fn count(old: usize, current: usize) -> InFlightCount {
        InFlightCount { old, current }
    }

    #[test]
    fn the_signer_is_read_from_the_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(signer(header), Some("AKIA1"));
        assert_eq!(signer("Bearer x"), None);
    }

    #[test]
    fn an_attempt_counts_for_its_key_until_it_ends() {
        let in_flight = InFlight::default();
        let old = in_flight.begin("old");
        let new = (in_flight.begin("new"), in_flight.begin("new"));
        assert_eq!(in_flight.count("new"), count(1, 2));
        drop(old);
        assert_eq!(in_flight.count("new"), count(0, 2));
        drop(new);
        assert_eq!(in_flight.count("new"), count(0, 0));
        assert!(in_flight.first_signed("old") <= in_flight.first_signed("new"));
        assert_eq!(in_flight.first_signed("none"), None);
    }

    #[tokio::test]
    async fn an_attempt_ends_with_its_request_and_a_connection_counts_once() {
        let services = LocalServices::start().await;
        let environment = services.environment(1).expect("an environment");
        let in_flight = InFlight::default();
        let config = environment.s3.clone().interceptor(in_flight.clone());
        let s3 = aws_sdk_s3::Client::from_conf(config.build());
        for key in ["a", "b"] {
            let put = s3.put_object().bucket(&environment.bucket).key(key);
            put.send().await.expect("the object is stored");
        }
        let list = s3.list_parts().bucket("none").key("a").upload_id("b");
        list.send().await.expect_err("the bucket does not exist");

        let root = services.cloud().root();
        assert!(in_flight.first_signed(root.access_key_id()).is_some());
        assert_eq!(in_flight.count(root.access_key_id()), count(0, 0));
        assert_eq!(in_flight.connections().len(), 1);
    }
}

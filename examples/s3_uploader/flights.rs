//! Watches the attempts of SDK clients from outside: which key signed them, and which connections they took.
//!
//! An interceptor of our own, with public hooks only. It reads the signed request itself (`Credential=` in its
//! `Authorization`), so what it says does not rest on what credswap says.

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

/// Watches the attempts of all clients that have a clone of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    in_flight: HashMap<String, usize>,
    first_signed: HashMap<String, Instant>,
    connections: HashMap<SocketAddr, Instant>,
}

impl Flights {
    /// How many attempts are in flight: signed with another key than this, and with this.
    pub(crate) fn in_flight(&self, access_key_id: &str) -> (usize, usize) {
        let seen = self.seen();
        let all: usize = seen.in_flight.values().sum();
        let new = seen.in_flight.get(access_key_id).copied().unwrap_or(0);
        (all - new, new)
    }

    /// When the first request signed with this key was about to be sent.
    pub(crate) fn first_signed(&self, access_key_id: &str) -> Option<Instant> {
        self.seen().first_signed.get(access_key_id).copied()
    }

    /// When each connection that carried an answer was first seen to do so.
    pub(crate) fn connections(&self) -> Vec<Instant> {
        self.seen().connections.values().copied().collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, access_key_id: &str) -> Flight {
        let mut seen = self.seen();
        *seen.in_flight.entry(access_key_id.to_owned()).or_default() += 1;
        seen.first_signed
            .entry(access_key_id.to_owned())
            .or_insert_with(Instant::now);
        Flight {
            flights: self.clone(),
            access_key_id: access_key_id.to_owned(),
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Flights {
    fn name(&self) -> &'static str {
        "flights"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(id) = context
            .request()
            .headers()
            .get("authorization")
            .and_then(signer)
        {
            let flight = self.begin(id);
            cfg.interceptor_state().store_put(flight);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        cfg.interceptor_state().unset::<Flight>();
        let connection = cfg
            .load::<CaptureSmithyConnection>()
            .and_then(CaptureSmithyConnection::get);
        if let Some(socket) = connection.and_then(|connection| connection.local_addr()) {
            self.seen()
                .connections
                .entry(socket)
                .or_insert_with(Instant::now);
        }
        Ok(())
    }
}

/// An attempt between its signature and its end. It ends with this, also if the request is dropped half-way.
#[derive(Debug)]
struct Flight {
    flights: Flights,
    access_key_id: String,
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(count) = self.flights.seen().in_flight.get_mut(&self.access_key_id) {
            *count -= 1;
        }
    }
}

impl Storable for Flight {
    type Storer = StoreReplace<Self>;
}

/// The access key id in `AWS4-HMAC-SHA256 Credential=<id>/<date>/…`.
fn signer(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let (id, _) = credential.split_once('/')?;
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::World;

    #[test]
    fn the_signer_is_read_from_the_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(signer(header), Some("AKIA1"));
        assert_eq!(signer("Bearer x"), None);
    }

    #[test]
    fn a_flight_counts_for_its_key_until_it_ends() {
        let flights = Flights::default();
        let old = flights.begin("old");
        let new = (flights.begin("new"), flights.begin("new"));
        assert_eq!(flights.in_flight("new"), (1, 2));
        drop(old);
        assert_eq!(flights.in_flight("new"), (0, 2));
        drop(new);
        assert_eq!(flights.in_flight("new"), (0, 0));
        assert!(flights.first_signed("old") <= flights.first_signed("new"));
        assert_eq!(flights.first_signed("none"), None);
    }

    #[tokio::test]
    async fn a_requests_flight_ends_with_it_and_its_connection_is_seen_once() {
        let world = World::start().await;
        let site = world.site().expect("a site");
        let flights = Flights::default();
        let config = site.s3.clone().interceptor(flights.clone()).build();
        let s3 = aws_sdk_s3::Client::from_conf(config);
        for key in ["a", "b"] {
            let put = s3.put_object().bucket(&site.bucket).key(key);
            put.send().await.expect("put");
        }
        s3.list_parts()
            .bucket("none")
            .key("a")
            .upload_id("b")
            .send()
            .await
            .expect_err("refused");

        let root = world.cloud().root();
        assert!(flights.first_signed(root.access_key_id()).is_some());
        assert_eq!(flights.in_flight(root.access_key_id()), (0, 0));
        assert_eq!(flights.connections().len(), 1);
    }
}

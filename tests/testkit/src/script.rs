//! Faults that were ordered beforehand: this action, this fault, so many times.

use crate::calls::{Action, Call, Service};
use crate::error::ApiError;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Throttle,
    Internal,
    Do(Action),
}

impl Fault {
    /// The fault in the words of the service it happens to.
    pub(crate) fn action(self, service: Service) -> Action {
        match (self, service) {
            (Self::Do(action), _) => action,
            (Self::Throttle, Service::S3) => Action::Fail(503, "SlowDown"),
            (Self::Throttle, Service::Iam | Service::Sts) => Action::Fail(400, "Throttling"),
            (Self::Throttle, Service::SecretsManager) => Action::Fail(400, "ThrottlingException"),
            (Self::Internal, Service::S3) => Action::Fail(500, "InternalError"),
            (Self::Internal, Service::Iam) => Action::Fail(500, "ServiceFailure"),
            (Self::Internal, Service::Sts) => Action::Fail(500, "InternalFailure"),
            (Self::Internal, Service::SecretsManager) => Action::Fail(500, "InternalServiceError"),
        }
    }
}

#[derive(Default)]
pub(crate) struct Script {
    orders: Vec<Order>,
}

struct Order {
    pattern: String,
    fault: Fault,
    left: usize,
}

impl Script {
    pub(crate) fn order(&mut self, pattern: &str, fault: Fault, times: usize) {
        self.orders.push(Order {
            pattern: pattern.to_owned(),
            fault,
            left: times,
        });
    }

    /// Takes the next fault for this call, oldest order first.
    pub(crate) fn take(&mut self, call: &Call, name: &str) -> Action {
        self.orders.retain(|order| order.left > 0);
        match self
            .orders
            .iter_mut()
            .find(|order| matches(&order.pattern, name))
        {
            Some(order) => {
                order.left -= 1;
                order.fault.action(call.service)
            }
            None => Action::Pass,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
    }
}

/// `s3:PutObject` matches itself, `s3:*` and `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// The answer that goes with an [`Action::Fail`].
pub(crate) fn failure(status: u16, code: &str) -> ApiError {
    let message = match code {
        "SlowDown" => "Please reduce your request rate.",
        "Throttling" | "ThrottlingException" => "Rate exceeded",
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "The request was refused by a scripted fault.",
    };
    ApiError::new(status, code, message)
}

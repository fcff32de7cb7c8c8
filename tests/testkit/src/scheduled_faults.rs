//! Faults that are scheduled in advance: an action, a fault, and how often it occurs.

use crate::calls::{Action, Call, Service};
use crate::error::ApiError;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Throttle,
    Internal,
    Custom(Action),
}

impl Fault {
    /// Returns the fault as this service reports it.
    pub(crate) fn action(self, service: Service) -> Action {
        match (self, service) {
            (Self::Custom(action), _) => action,
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
pub(crate) struct ScheduledFaults {
    faults: Vec<ScheduledFault>,
}

struct ScheduledFault {
    pattern: String,
    fault: Fault,
    left: usize,
}

impl ScheduledFaults {
    pub(crate) fn schedule(&mut self, pattern: &str, fault: Fault, times: usize) {
        self.faults.push(ScheduledFault {
            pattern: pattern.to_owned(),
            fault,
            left: times,
        });
    }

    /// Takes the next fault for this call, in the order in which they were scheduled.
    pub(crate) fn take(&mut self, call: &Call, name: &str) -> Action {
        self.faults.retain(|scheduled| scheduled.left > 0);
        match self
            .faults
            .iter_mut()
            .find(|scheduled| matches(&scheduled.pattern, name))
        {
            Some(scheduled) => {
                scheduled.left -= 1;
                scheduled.fault.action(call.service)
            }
            None => Action::Pass,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }
}

/// Returns whether the pattern matches: `s3:PutObject` matches itself, `s3:*` and `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// Returns the error of an [`Action::Fail`].
pub(crate) fn failure(status: u16, code: &str) -> ApiError {
    let message = match code {
        "SlowDown" => "Please reduce your request rate.",
        "Throttling" | "ThrottlingException" => "Rate exceeded",
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "The request failed because of an injected fault.",
    };
    ApiError::new(status, code, message)
}

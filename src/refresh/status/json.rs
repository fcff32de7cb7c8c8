//! A status as JSON, or in any other format that serde has.

use std::time::SystemTime;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Status;
use super::parts::{
    Draining, EndReason, Failure, LiveRejection, Rejected, TriggerStatus, WaitingReason,
    WaitingVersion,
};
use crate::error::Error;
use crate::trigger::Health;
use crate::util::timestamp::rfc3339;

/// Serializes a struct: the name, then each field's name and value.
macro_rules! fields {
    ($serializer:ident, $name:literal, $($field:literal: $value:expr,)+) => {{
        let count = [$($field),+].len();
        let mut fields = $serializer.serialize_struct($name, count)?;
        $(fields.serialize_field($field, &$value)?;)+
        fields.end()
    }};
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Status",
            "ready": self.is_ready(),
            "running": self.is_running(),
            "healthy": self.is_healthy(),
            "version": self.version.as_str(),
            "generation": self.generation,
            "since": Time(self.since),
            "expires": self.expires.map(Time),
            "expired": self.expired,
            "live_rejection": self.live_rejection,
            "waiting": self.waiting,
            "last_success": Time(self.last_success),
            "last_error": self.last_error,
            "consecutive_failures": self.consecutive_failures,
            "source_failing_since": self.source_failing_since.map(Time),
            "draining": self.draining,
            "rejected": self.rejected,
            "triggers": self.triggers,
            "ended": self.ended.map(EndReason::as_str),
        )
    }
}

impl Serialize for LiveRejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "LiveRejection",
            "since": Time(self.since),
            "last": Time(self.last),
            "times": self.times,
            "may_be_propagating": self.may_be_propagating,
        )
    }
}

impl Serialize for WaitingVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "WaitingVersion",
            "version": self.version.as_str(),
            "since": Time(self.since),
            "reason": self.reason,
            "error": Fault(&self.error),
        )
    }
}

impl Serialize for WaitingReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Failure",
            "error": Fault(&self.error),
            "at": Time(self.at),
        )
    }
}

impl Serialize for Draining {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Draining",
            "generation": self.generation,
            "version": self.version.as_str(),
            "since": Time(self.since),
            "pinned_until": self.pinned_until.map(Time),
            "outstanding": self.outstanding(),
        )
    }
}

impl Serialize for Rejected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Rejected",
            "version": self.version.as_str(),
            "times": self.times,
            "last": Time(self.last),
        )
    }
}

impl Serialize for TriggerStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (health, reason) = match &self.health {
            Health::Starting => ("starting", None),
            Health::Listening => ("listening", None),
            Health::Disconnected { reason } => ("disconnected", Some(reason)),
            Health::Ended => ("ended", None),
        };
        fields!(serializer, "TriggerStatus",
            "name": self.name,
            "health": health,
            "reason": reason,
        )
    }
}

struct Time(SystemTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

struct Fault<'e>(&'e Error);

impl Serialize for Fault<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Error",
            "kind": self.0.kind().as_str(),
            "message": self.0.report(),
        )
    }
}

"""What the programs print and log, where the scripts wait for it or compare it."""

# The example s3_uploader prints this line each second.
PROGRESS = r"^credswap .* s: (\d+) objects, .* key …(\w+), in flight (\d+) on .*, (\d+) failures(?:, disconnected: (.*))?$"

# The example reporting_consumer prints these, followed by the end of the key's id.
JOB_BEGAN = "began …"
KEY_USED = "used …"
KEY_REJECTED = "rejected …"
JOB_FINISHED = "finished …"
# The example reporting_consumer.py prints this, followed by the version.
PYTHON_USES = "uses "
# And this after each report.
PYTHON_REPORTED = "reported "
# The last line of the example reporting_consumer.
CONSUMER_ENDED = "final report sent"

# credswap::fleet: the instance under which a consumer reports, as the example prints it and as the crate logs it.
INSTANCE = r"(?:reports as |usage reporting started.*instance=)([\w:-]+)"
# credswap::trigger: the Kafka trigger is connected; it lacks a permission.
TRIGGER_LISTENS = "trigger listening"
NO_PERMISSION = "no permission to read topic"

# credswap::rotation: the reasons in a retirement's report.
NOT_REPORTED = "no consumer has reported on its version"
IN_USE = "in use by "
LIVE = " (live version"
WATCHED = "deactivated, and watched until"
PAST_DEADLINE = "its deadline has passed: in use by"
REJECTED_FOR = "AWS rejects it for "
# credswap::rotation: its errors in the log.
DEACTIVATED_IN_USE = "key deactivated although it is not released"
REACTIVATED = "key activated again"

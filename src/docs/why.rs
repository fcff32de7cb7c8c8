//! The alternatives, and why the parts are as they are.
//!
//! # What services do without it
//!
//! **Rebuild the client.** The event destroys the S3 client and creates a new one (Spring's `@RefreshScope`, for example).
//! Requests in flight lose their sockets; streams break in the middle; every instance does it in the same second. SigV4 signs
//! requests, not connections: there is no reason to close any.
//!
//! **Swap a whole client behind a lock or an `ArcSwap`.** Better, but the new client has a connection pool of its own,
//! so each rotation is a burst of TLS handshakes, and nothing tells when the old client is done: the old key is deleted
//! by a timer, and whatever is slower than the timer fails.
//!
//! **Give the SDK a credentials provider that changes.** The SDK caches identities. Behind its default cache, a key
//! without expiry is served for 15 minutes after the provider has changed.
//!
//! **Switch the cache off.** Then each request asks the provider: more work than one atomic load, without a time limit if
//! the provider hangs, and still nothing tells when the old key is done.
//!
//! **Rely on retries.** The SDK does not retry auth failures: a request rejected with `InvalidAccessKeyId` fails.
//!
//! # What credswap does instead
//!
//! **One client for life; only its identity is hot.** An identity cache that caches nothing reads the live generation
//! for each attempt: one atomic load. A swap is one atomic store. Connections, retry quotas and the measured clock skew stay.
//!
//! **The drain is counted, not guessed.** Each attempt leases its key, and the lease ends with the attempt: answered,
//! failed, timed out or cancelled. Clones of credentials keep their key in use, too, wherever they went. So "drained" is a
//! fact, and deleting the key then fails no request, whether or not its body can be sent twice.
//!
//! **Replay is the safety net, not the plan.** If a key is deleted too early all the same, the attempt that it fails waits
//! for a newer key and is made once more, outside the SDK's retry quota (which the whole process shares: a rotation must not
//! use it up). A body that can be read only once cannot be saved this way; the drain saves it.
//!
//! **No consumer group.** Every instance must receive every event; a group would divide them among the instances. Assigned
//! partitions at explicit offsets need one ACL and leave nothing behind.
//!
//! **An event is a hint.** It may arrive before the new version can be read everywhere, or not at all; so it makes the loop
//! fetch until the version changes, for a limited time, and polling goes on anyway.
//!
//! **A check before the swap.** A key that is not known yet is not a bad key, and a bad key must never replace a good
//! one; so "not yet", "bad" and "not permitted" are three outcomes with three consequences.

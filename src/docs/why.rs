//! What goes wrong without it, and why the parts are as they are.
//!
//! # What people do
//!
//! **Refresh the client.** The event calls an endpoint that destroys the S3 client and makes a new one. Requests in
//! flight lose their sockets; streams break in the middle; every instance does it in the same second. SigV4 signs
//! requests, not connections: there is no reason to close any.
//!
//! **Swap a whole client behind a lock or an `ArcSwap`.** Better, but the new client has a connection pool of its own,
//! so each rotation is a burst of TLS handshakes, and nobody knows when the old client is done: the old key is deleted
//! by a timer, and whoever is slower than the timer fails.
//!
//! **Give the SDK a credentials provider that changes.** The SDK caches identities. Behind its default cache, a key
//! without expiry is served for 15 minutes after the provider has changed.
//!
//! **Switch the cache off.** Then each request asks the provider: more work than reading an atomic, without a bound if
//! the provider hangs, and still nobody knows when the old key is done.
//!
//! **Rely on retries.** The SDK retries no auth failure: a request refused with `InvalidAccessKeyId` fails.
//!
//! # What credswap does instead
//!
//! **One client for life; only its identity is hot.** An identity cache that caches nothing reads the live generation
//! for each attempt: one atomic load. A swap is one atomic store. Connections, retry quotas and learned clock skew stay.
//!
//! **The drain is counted, not guessed.** Each attempt leases its key, and the lease ends with the attempt: answered,
//! failed, timed out or cancelled. Clones of credentials, wherever they went, hold their key, too. So "drained" is a
//! fact, and deleting the key then fails nobody, with bodies that can be replayed or not.
//!
//! **Replay is the net, not the plan.** If a key dies early all the same, the attempt that it fails waits for a newer key
//! and is made once more, outside the SDK's retry quota (which is shared by the whole process: a rotation must not eat
//! it). A body that can be read only once can not be saved this way; the drain saves it.
//!
//! **No consumer group.** Every instance must see every event; groups would make instances share them. Assigned
//! partitions at explicit offsets need one ACL and leave nothing behind.
//!
//! **An event is a hint.** It may come before the new version can be read everywhere, or not at all; so it makes the loop
//! look until the version changes, for a bounded time, and an interval looks anyway.
//!
//! **A check before the swap.** A key that nobody knows yet is not a bad key, and a bad key must never replace a good
//! one; so not-yet, bad and not-permitted are three outcomes, with three consequences.

//! An S3 client that lives and dies with its key.

use std::fmt;
use std::ops::Deref;

use aws_sdk_s3::Client;

use crate::aws::key::LiveKey;

/// An S3 client that is bound to one key. Dereferences to [`aws_sdk_s3::Client`].
pub struct S3Client {
    pub(super) client: Client,
    pub(super) key: LiveKey,
    pub(super) bucket: Option<String>,
}

impl S3Client {
    /// Returns the bucket that the secret names, if it names one.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// Returns the key that the client signs with.
    pub fn key(&self) -> &LiveKey {
        &self.key
    }

    /// Returns the client. A clone keeps the generation in use until it, and each request made with it, is gone.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Deref for S3Client {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client")
            .field("key", &self.key)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

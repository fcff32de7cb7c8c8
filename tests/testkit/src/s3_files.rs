//! The objects: s3s-fs over a directory, owned by users instead of keys.
//!
//! s3s-fs binds a multipart upload to the access key that created it. On AWS it belongs to the account, so that an upload
//! can continue with the new key after a rotation. Here the key is replaced by its user's name before s3s-fs receives it.

use std::path::Path;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;

use crate::cloud::Shared;

pub(crate) struct Files {
    shared: Arc<Shared>,
    files: FileSystem,
}

impl Files {
    pub(crate) fn new(shared: Arc<Shared>, directory: &Path) -> Self {
        Self {
            shared,
            files: FileSystem::new(directory).expect("the directory exists"),
        }
    }

    fn owned_by_user<T>(&self, mut request: S3Request<T>) -> S3Request<T> {
        if let Some(credentials) = &mut request.credentials
            && let Ok((user, _)) = self.shared.state().keys.find(&credentials.access_key)
        {
            credentials.access_key = user.to_owned();
        }
        request
    }
}

macro_rules! delegate {
    ($($operation:ident: $input:ident => $output:ident,)*) => {
        #[async_trait::async_trait]
        impl S3 for Files {
            $(async fn $operation(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let request = self.owned_by_user(request);
                self.files.$operation(request).await
            })*
        }
    };
}

// All operations of s3s-fs.
delegate! {
    create_bucket: CreateBucketInput => CreateBucketOutput,
    delete_bucket: DeleteBucketInput => DeleteBucketOutput,
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
    head_bucket: HeadBucketInput => HeadBucketOutput,
    list_buckets: ListBucketsInput => ListBucketsOutput,
    list_objects: ListObjectsInput => ListObjectsOutput,
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
    copy_object: CopyObjectInput => CopyObjectOutput,
    delete_object: DeleteObjectInput => DeleteObjectOutput,
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
    get_object: GetObjectInput => GetObjectOutput,
    head_object: HeadObjectInput => HeadObjectOutput,
    put_object: PutObjectInput => PutObjectOutput,
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
    upload_part: UploadPartInput => UploadPartOutput,
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    list_parts: ListPartsInput => ListPartsOutput,
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
}

//! Uploads, in every form in which the SDK sends them.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use credswap_testkit::{AccessKey, Cloud};
use futures::StreamExt;
use http_body_util::StreamBody;
use hyper::body::Frame;

use crate::clients::{clients, cloud, put_hello};

/// Returns a body that the SDK cannot clone; it is sent as aws-chunked with a trailer.
pub(crate) fn stream(chunks: usize, of: usize) -> ByteStream {
    let chunks =
        (0..chunks).map(move |_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![7; of]))));
    ByteStream::new(SdkBody::from_body_1_x(StreamBody::new(
        futures::stream::iter(chunks),
    )))
}

/// Returns a body that sends `bytes` bytes, and then neither continues nor ends.
pub(crate) fn stalled_after(bytes: usize) -> ByteStream {
    let first = Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![7; bytes])));
    let chunks = futures::stream::iter([first]).chain(futures::stream::pending());
    ByteStream::new(SdkBody::from_body_1_x(StreamBody::new(chunks)))
}

async fn read(cloud: &Cloud, key: &AccessKey, object: &str) -> Vec<u8> {
    let s3 = clients(cloud, key.credentials()).s3;
    let answer = s3
        .get_object()
        .bucket("uploads")
        .key(object)
        .send()
        .await
        .unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_object_is_read_back_as_it_was_stored() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    put_hello(&s3, "a/b c+é.txt").send().await.unwrap();
    assert_eq!(read(&cloud, &key, "a/b c+é.txt").await, b"hello");
    assert_eq!(
        std::fs::read(cloud.bucket_directory("uploads").join("a/b c+é.txt")).unwrap(),
        b"hello"
    );
}

#[tokio::test]
async fn a_streaming_body_of_known_length_is_accepted() {
    let (cloud, key) = cloud().await;
    let s3 = clients(&cloud, key.credentials()).s3;
    let put = s3
        .put_object()
        .bucket("uploads")
        .key("stream")
        .content_length(4 * 65536)
        .body(stream(4, 65536));
    put.send().await.unwrap();
    assert_eq!(read(&cloud, &key, "stream").await, vec![7; 4 * 65536]);
}

#[tokio::test]
async fn a_multipart_upload_continues_with_the_users_next_key() {
    let (cloud, old) = cloud().await;
    let s3 = clients(&cloud, old.credentials()).s3;
    let upload = s3
        .create_multipart_upload()
        .bucket("uploads")
        .key("large")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id().unwrap().to_owned();
    let part = |s3: aws_sdk_s3::Client, number: i32| {
        let id = id.clone();
        async move {
            let body = vec![number as u8; 5 << 20];
            let part = s3
                .upload_part()
                .bucket("uploads")
                .key("large")
                .upload_id(id)
                .part_number(number);
            let sent = part.body(body.into()).send().await.unwrap();
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build()
        }
    };
    let first = part(s3, 1).await;

    let new = cloud.create_access_key("uploader");
    cloud.delete_key(old.id());
    let s3 = clients(&cloud, new.credentials()).s3;
    let parts = vec![first, part(s3.clone(), 2).await];
    let parts = CompletedMultipartUpload::builder()
        .set_parts(Some(parts))
        .build();
    let complete = s3
        .complete_multipart_upload()
        .bucket("uploads")
        .key("large")
        .upload_id(&id);
    complete.multipart_upload(parts).send().await.unwrap();
    let stored = read(&cloud, &new, "large").await;
    assert_eq!(stored.len(), 10 << 20);
    assert_eq!((stored[0], stored[stored.len() - 1]), (1, 2));
}

#[tokio::test]
async fn a_presigned_url_works_as_long_as_its_key() {
    let (cloud, key) = cloud().await;
    let clients = clients(&cloud, key.credentials());
    put_hello(&clients.s3, "a").send().await.unwrap();
    let soon = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = clients
        .s3
        .get_object()
        .bucket("uploads")
        .key("a")
        .presigned(soon)
        .await
        .unwrap();
    assert_eq!(get(url.uri()).await, 200);
    cloud.delete_key(key.id());
    assert_eq!(get(url.uri()).await, 403);
}

async fn get(url: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let url: http::Uri = url.parse().unwrap();
    let host = url.authority().unwrap().as_str();
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n",
        url.path_and_query().unwrap()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn connections_are_kept_and_counted() {
    let (cloud, key) = cloud().await;
    let clients = clients(&cloud, key.credentials());
    for round in 0..10 {
        put_hello(&clients.s3, &format!("{round}"))
            .send()
            .await
            .unwrap();
        clients.sts.get_caller_identity().send().await.unwrap();
    }
    assert_eq!(cloud.s3_connections_opened(), 1);
    assert_eq!(cloud.connections_opened(), 2);
    assert_eq!(cloud.s3_connection_times().len(), 1);
}

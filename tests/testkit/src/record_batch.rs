//! Record batches that no proper client writes: what a faulty disk or a client of the future leaves in a topic.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBatch {
    /// Compressed with a codec that does not exist.
    UnknownCodec,
    /// Compressed with gzip, as it says, and is not.
    NotGzip,
    /// Its checksum is wrong.
    WrongChecksum,
    /// Its checksum is right, and its records are noise.
    Noise,
}

impl BadBatch {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::UnknownCodec,
        Self::NotGzip,
        Self::WrongChecksum,
        Self::Noise,
    ];

    /// Writes such a batch of `records` records to a partition, through a plaintext listener that does not look into it.
    ///
    /// # Panics
    ///
    /// If the broker does not respond.
    pub async fn publish(self, bootstrap_servers: &str, topic: &str, partition: i32, records: i32) {
        let batch = self.encode(records);
        // Produce, version 3.
        let mut request = Vec::new();
        request.extend(0_i16.to_be_bytes());
        request.extend(3_i16.to_be_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend((-1_i16).to_be_bytes()); // no client id
        request.extend((-1_i16).to_be_bytes()); // no transaction
        request.extend((-1_i16).to_be_bytes()); // all replicas
        request.extend(5_000_i32.to_be_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend(i16::try_from(topic.len()).expect("short").to_be_bytes());
        request.extend(topic.as_bytes());
        request.extend(1_i32.to_be_bytes());
        request.extend(partition.to_be_bytes());
        request.extend(size(&batch));
        request.extend(batch);

        let address = bootstrap_servers.split(',').next().expect("one");
        let mut socket = TcpStream::connect(address).await.expect("connected");
        socket.write_all(&size(&request)).await.expect("sent");
        socket.write_all(&request).await.expect("sent");
        let length = socket.read_i32().await.expect("a response");
        let mut response = vec![0; usize::try_from(length).expect("a length")];
        socket.read_exact(&mut response).await.expect("a response");
        // Correlation id, topics, topic, partitions, partition, then the error code.
        let at = 4 + 4 + 2 + topic.len() + 4 + 4;
        assert_eq!(response[at..at + 2], [0, 0], "the batch is refused");
    }

    fn encode(self, records: i32) -> Vec<u8> {
        let codec: i16 = match self {
            Self::UnknownCodec => 5,
            Self::NotGzip => 1,
            Self::WrongChecksum | Self::Noise => 0,
        };
        let mut checked = Vec::new();
        checked.extend(codec.to_be_bytes());
        checked.extend((records - 1).to_be_bytes());
        checked.extend(1_708_905_600_123_i64.to_be_bytes());
        checked.extend(1_708_905_600_123_i64.to_be_bytes());
        checked.extend((-1_i64).to_be_bytes());
        checked.extend((-1_i16).to_be_bytes());
        checked.extend((-1_i32).to_be_bytes());
        checked.extend(records.to_be_bytes());
        checked.extend([0xff; 40]);
        let checksum = match self {
            Self::WrongChecksum => !crc32c(&checked),
            _ => crc32c(&checked),
        };
        let mut batch = Vec::new();
        batch.extend(0_i64.to_be_bytes());
        batch.extend(
            i32::try_from(4 + 1 + 4 + checked.len())
                .expect("small")
                .to_be_bytes(),
        );
        batch.extend(0_i32.to_be_bytes());
        batch.push(2);
        batch.extend(checksum.to_be_bytes());
        batch.extend(checked);
        batch
    }
}

fn size(bytes: &[u8]) -> [u8; 4] {
    i32::try_from(bytes.len()).expect("small").to_be_bytes()
}

/// The checksum of record batches, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }
}

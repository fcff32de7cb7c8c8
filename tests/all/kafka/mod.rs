//! What only Apache Kafka does: compression, transactions, topics that are deleted, many partitions.

mod real;
mod support;

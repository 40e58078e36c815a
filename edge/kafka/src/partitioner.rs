//! Which partition a key belongs to, as Kafka's Java client decides it.
//!
//! Source: `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive`. librdkafka's default partitioner is another one;
//! its `murmur2_random` agrees with this.

/// Murmur2 with Kafka's seed.
pub fn murmur2(key: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c_u32 ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let word = word.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        let mixed = word.wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (mixed ^ (mixed >> 24)).wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (position, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * position);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

/// The partition of `key` in a topic of `partitions` (at least 1) partitions.
///
/// The sign bit is masked off; the absolute value would be another partition.
pub fn partition_of(key: &[u8], partitions: u32) -> i32 {
    ((murmur2(key) as u32 & 0x7fff_ffff) % partitions.max(1)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken from the Java client 4.3.1: key, murmur2, partition of 8, partition of 12.
    const JAVA: &[(&[u8], i32, i32, i32)] = &[
        (b"", 275_646_681, 1, 9),
        (b"a", -1_563_381_124, 4, 4),
        (b"21", -973_932_308, 4, 0),
        (b"order-1", 1_221_710_326, 6, 10),
        ("계산".as_bytes(), 632_814_212, 4, 8),
        ("가맹점-42".as_bytes(), -1_072_872_160, 0, 4),
        (b"3f2504e0-4f89-11d3-9a0c-0305e82c3301", 149_263_511, 7, 11),
        (&[0xff, 0x80, 0x00, 0x01, 0xfe], -173_560_464, 0, 8),
    ];

    #[test]
    fn hashes_and_partitions_equal_the_java_clients() {
        for (key, hash, of_8, of_12) in JAVA {
            assert_eq!(murmur2(key), *hash, "{key:?}");
            assert_eq!(partition_of(key, 8), *of_8, "{key:?}");
            assert_eq!(partition_of(key, 12), *of_12, "{key:?}");
        }
    }
}

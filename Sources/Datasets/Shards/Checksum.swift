import CKernels

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected, initial and final complement): RFC 3720, appendix B.4.
///
/// Finds every error of up to 32 bits in a row, so every flipped byte. The kernel takes the processor's instruction where there is one.
public enum Checksum {
    /// - Parameter previous: of the bytes before these, to go on with.
    public static func of(_ bytes: Span<UInt8>, after previous: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return previous }
            return unsafe fwoc_crc32c(previous, start, bytes.count)
        }
    }

    /// The same bit by bit, slow: what the kernel is tested against.
    public static func reference(_ bytes: [UInt8], after previous: UInt32 = 0) -> UInt32 {
        var crc = ~previous
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return ~crc
    }
}

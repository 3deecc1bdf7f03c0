/// One entry in the journal's native protocol: `FIELD=value` lines, or for a value with line breaks the field's name, its length as
/// 64 bits in little-endian order, and the value.
struct JournalMessage {
    private(set) var bytes: [UInt8] = []

    /// - Parameter field: upper-case letters, digits and `_`, not beginning with `_`.
    mutating func append(_ field: String, _ value: String) {
        bytes += field.utf8
        if value.utf8.contains(0x0A) {
            bytes.append(0x0A)
            let count = UInt64(value.utf8.count)
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: count >> UInt64(shift))) }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value.utf8
        bytes.append(0x0A)
    }

    /// `track-id` becomes `FWOC_TRACK_ID`: the journal takes nothing but upper-case letters, digits and `_`, at most 64.
    static func field(_ key: String) -> String {
        let name = key.utf8.map { byte -> UInt8 in
            switch byte {
            case 0x61...0x7A: byte - 32
            case 0x41...0x5A, 0x30...0x39: byte
            default: UInt8(ascii: "_")
            }
        }
        return "FWOC_" + String(decoding: name.prefix(59), as: UTF8.self)
    }
}

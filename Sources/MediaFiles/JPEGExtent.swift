/// Where a JPEG picture ends inside a larger run of bytes.
///
/// Cameras' drivers hand out buffers with stale bytes behind the picture. The first end-of-image mark is not always the picture's: a
/// thumbnail in an application segment has its own. So segments are stepped over by their length, and only coded data are searched.
public enum JPEGExtent {
    /// The number of bytes from the start to the end-of-image mark, inclusive; nil where the bytes are no JPEG or have no such mark.
    public static func end(of bytes: Span<UInt8>) -> Int? {
        let count = bytes.count
        guard count >= 4, bytes[0] == 0xFF, bytes[1] == 0xD8 else { return nil }
        var i = 2
        while i + 1 < count {
            guard bytes[i] == 0xFF else { return nil }
            switch bytes[i + 1] {
            case 0xFF: i += 1  // fill byte
            case 0xD9: return i + 2
            case 0x01, 0xD0...0xD8: i += 2
            case let marker:
                guard i + 3 < count else { return nil }
                i += 2 + Int(bytes[i + 2]) << 8 + Int(bytes[i + 3])
                if marker == 0xDA { i = endOfScan(bytes, from: i) }
            }
        }
        return nil
    }

    /// The place of the next mark that ends coded data: neither a stuffed zero nor a restart.
    private static func endOfScan(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var i = start
        while i + 1 < bytes.count {
            if bytes[i] == 0xFF {
                let next = bytes[i + 1]
                if next != 0, next != 0xFF, !(0xD0...0xD7).contains(next) { return i }
            }
            i += 1
        }
        return bytes.count
    }
}

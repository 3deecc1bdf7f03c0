/// Finds the Exif orientation (tag 0x0112) of a JPEG, PNG or WebP file; upright where there is none or it is broken.
enum ExifOrientation {
    static func read(_ file: Span<UInt8>) -> Orientation {
        guard let tiff = block(file) else { return .upright }
        return Orientation(exif: value(file, tiff) ?? 1)
    }

    /// Where the TIFF structure with the Exif tags lies in the file.
    private static func block(_ file: Span<UInt8>) -> Range<Int>? {
        if matches(file, 0, [0xFF, 0xD8]) { return inJPEG(file) }
        if matches(file, 0, [0x89, 0x50, 0x4E, 0x47]) { return inPNG(file) }
        if matches(file, 0, Array("RIFF".utf8)), matches(file, 8, Array("WEBP".utf8)) { return inWebP(file) }
        return nil
    }

    /// Segments of a marker and a big-endian length that counts itself, up to the start of the scan.
    private static func inJPEG(_ file: Span<UInt8>) -> Range<Int>? {
        var at = 2
        while at + 4 <= file.count, file[at] == 0xFF {
            let marker = file[at + 1]
            if marker == 0xFF {
                at += 1
                continue
            }
            if marker == 0xDA || marker == 0xD9 { return nil }
            let length = Int(file[at + 2]) << 8 | Int(file[at + 3])
            let end = at + 2 + length
            guard length >= 2, end <= file.count else { return nil }
            if marker == 0xE1, matches(file, at + 4, Array("Exif\0\0".utf8)) { return at + 10..<end }
            at = end
        }
        return nil
    }

    /// Chunks of a big-endian length, a name, the data and a checksum.
    private static func inPNG(_ file: Span<UInt8>) -> Range<Int>? {
        var at = 8
        while at + 12 <= file.count {
            let length = Int(integer(file, at, 4, isLittleEndian: false))
            guard at + 12 + length <= file.count else { return nil }
            if matches(file, at + 4, Array("eXIf".utf8)) { return at + 8..<at + 8 + length }
            at += 12 + length
        }
        return nil
    }

    /// Chunks of a name, a little-endian length and the data, padded to even length.
    private static func inWebP(_ file: Span<UInt8>) -> Range<Int>? {
        var at = 12
        while at + 8 <= file.count {
            let length = Int(integer(file, at + 4, 4, isLittleEndian: true))
            guard at + 8 + length <= file.count else { return nil }
            if matches(file, at, Array("EXIF".utf8)) {
                let start = matches(file, at + 8, Array("Exif\0\0".utf8)) ? at + 14 : at + 8
                return start..<at + 8 + length
            }
            at += 8 + length + length % 2
        }
        return nil
    }

    /// The tag's value in the first directory of a TIFF structure.
    private static func value(_ file: Span<UInt8>, _ tiff: Range<Int>) -> Int? {
        guard tiff.count >= 14 else { return nil }
        let isLittleEndian = matches(file, tiff.lowerBound, [0x49, 0x49])
        guard isLittleEndian || matches(file, tiff.lowerBound, [0x4D, 0x4D]) else { return nil }
        let directory = tiff.lowerBound + Int(integer(file, tiff.lowerBound + 4, 4, isLittleEndian: isLittleEndian))
        guard directory + 2 <= tiff.upperBound else { return nil }
        let count = Int(integer(file, directory, 2, isLittleEndian: isLittleEndian))
        for index in 0..<count {
            let entry = directory + 2 + index * 12
            guard entry + 12 <= tiff.upperBound else { return nil }
            if integer(file, entry, 2, isLittleEndian: isLittleEndian) == 0x0112 {
                return Int(integer(file, entry + 8, 2, isLittleEndian: isLittleEndian))
            }
        }
        return nil
    }

    private static func integer(_ file: Span<UInt8>, _ at: Int, _ bytes: Int, isLittleEndian: Bool) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<bytes { value = value << 8 | UInt32(file[at + (isLittleEndian ? bytes - 1 - index : index)]) }
        return value
    }

    private static func matches(_ file: Span<UInt8>, _ at: Int, _ bytes: [UInt8]) -> Bool {
        guard at + bytes.count <= file.count else { return false }
        return bytes.indices.allSatisfy { file[at + $0] == bytes[$0] }
    }
}

import MediaTypes

/// The pixel formats that a camera may be asked for, in the words of the configuration; all in the order of preference.
public enum CameraFormat: String, CaseIterable, Hashable, Sendable {
    case mjpeg, yuyv, nv12, h264, yuv420

    /// What drivers call it.
    var codes: [FourCharacterCode] {
        switch self {
        case .mjpeg: ["MJPG", "JPEG"]
        case .yuyv: ["YUYV"]
        case .nv12: ["NV12"]
        case .h264: ["H264"]
        case .yuv420: ["YU12"]
        }
    }

    init?(_ code: FourCharacterCode) {
        guard let format = CameraFormat.allCases.first(where: { $0.codes.contains(code) }) else { return nil }
        self = format
    }
}

/// A pixel format as V4L2 writes it: four ASCII characters, the first in the lowest byte.
public struct FourCharacterCode: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var value: UInt32

    public init(_ value: UInt32) { self.value = value }

    /// - Precondition: four ASCII characters.
    public init(stringLiteral text: StaticString) {
        let bytes = Array("\(text)".utf8)
        precondition(bytes.count == 4 && bytes.allSatisfy { $0 < 0x80 }, "four-character code '\(text)'")
        value = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    public var description: String {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return "0x\(String(value, radix: 16))" }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.last == " " ? String(text.prefix { $0 != " " }) : text
    }
}

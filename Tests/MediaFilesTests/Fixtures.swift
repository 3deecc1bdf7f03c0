import Foundation
import MediaFiles
import MediaTypes

/// The files beside `make_fixtures.py`, and what FFmpeg's programs read in them.
enum Fixtures {
    struct Clip: Decodable {
        var frames: [Int64]?
        var audio_start: Int64?
        var source_samples: Int?
        var source_rate: Int?
        var channels: Int?
        var width: Int?
        var height: Int?
        var checks: [Double]?
    }

    private struct Expected: Decodable { var clips: [String: Clip] }

    static let clips: [String: Clip] = {
        let data = try! Data(contentsOf: URL(fileURLWithPath: path("expected.json")))
        return try! JSONDecoder().decode(Expected.self, from: data).clips
    }()

    static var names: [String] { clips.keys.sorted() }

    static func path(_ name: String) -> String { Bundle.module.resourceURL!.appendingPathComponent("Fixtures/\(name)").path }

    /// 16-bit samples as floats.
    static func sound(_ name: String) throws -> [Float] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
        return stride(from: 0, to: bytes.count - 1, by: 2).map { Float(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)) / 32768 }
    }
}

/// A copy of what a frame holds.
struct StoredFrame: Equatable {
    var width: Int
    var height: Int
    var instant: Instant
    var luma: [UInt8]
    var cb: [UInt8]
    var cr: [UInt8]

    init(_ frame: VideoFrame) {
        width = frame.width
        height = frame.height
        instant = frame.instant
        luma = StoredFrame.array(frame.luma)
        cb = StoredFrame.array(frame.cb)
        cr = StoredFrame.array(frame.cr)
    }

    private static func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }
}

/// Everything that a reader gives, in its order.
struct Contents {
    var instants: [Instant] = []
    var blocks: [AudioBlock] = []
    /// The kind and start of each item.
    var order: [(isSound: Bool, start: Instant)] = []
    var damage: [MediaDamage] = []
    var damageCount = 0

    init(_ reader: MediaReader, each: (VideoFrame) -> Void = { _ in }) {
        while let item = reader.next() {
            switch item {
            case .video(let frame):
                instants.append(frame.instant)
                order.append((false, frame.instant))
                each(frame)
            case .audio(let block):
                blocks.append(block)
                order.append((true, block.start))
            }
        }
        damage = reader.damage
        damageCount = reader.damageCount
    }

    var samples: [Float] { blocks.flatMap(\.samples) }
}

/// A folder that is gone when this is.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("media-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

func bytes(of path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// SplitMix64 (Steele, Lea & Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

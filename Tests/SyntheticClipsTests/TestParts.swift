import Foundation
import GroundTruth
import MediaFiles
import MediaTypes
import SyntheticClips
import Testing

/// The models of the repository, read once.
enum TestParts {
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let models = ProcessInfo.processInfo.environment[ModelFolder.variable] ?? package.appending(path: "models/synthesis").path
    static let shared: Result<SynthesisParts, any Error> = Result { try SynthesisParts(folder: models) }

    static func parts() throws -> SynthesisParts { try shared.get() }
}

/// A folder of its own that is removed with the instance.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "clips-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ text: String, _ name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

/// A clip as a decoder sees it.
struct DecodedClip {
    var times: [Double] = []
    /// Luma of every frame.
    var frames: [[UInt8]] = []
    var sound: [Float] = []
    /// Where samples were missing.
    var gaps: [TimeRange] = []

    init(_ path: String) throws {
        let reader = try MediaReader(path: path)
        var end = 0
        while let item = reader.next() {
            switch item {
            case .video(let frame):
                times.append(frame.instant.seconds)
                let luma = frame.luma
                frames.append((0..<luma.count).map { luma[$0] })
            case .audio(let block):
                let start = Int((block.start.seconds * 16000).rounded())
                if start > end + 160 {
                    gaps.append(TimeRange(Double(end) / 16000, Double(start) / 16000))
                    sound += [Float](repeating: 0, count: start - sound.count)
                }
                sound += block.samples
                end = start + block.samples.count
            }
        }
        #expect(reader.damageCount == 0, "\(reader.damage)")
    }

    /// Root mean square of a stretch.
    func level(_ range: TimeRange) -> Float {
        let samples = sound[max(0, Int(range.start * 16000))..<max(0, min(sound.count, Int(range.end * 16000)))]
        return (samples.reduce(0) { $0 + $1 * $1 } / Float(max(1, samples.count))).squareRoot()
    }

    /// The first moment that is as loud as speech.
    var onset: Double? {
        for start in stride(from: 0, to: sound.count - 160, by: 80) where level(TimeRange(Double(start) / 16000, Double(start + 160) / 16000)) > 0.01 { return Double(start) / 16000 }
        return nil
    }

    /// The last one.
    var ending: Double? {
        for start in stride(from: sound.count - 160, to: 0, by: -80) where level(TimeRange(Double(start) / 16000, Double(start + 160) / 16000)) > 0.01 { return Double(start + 160) / 16000 }
        return nil
    }
}

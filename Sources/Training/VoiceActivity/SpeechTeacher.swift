import Foundation
import FrontEnd
import MediaTypes
import ModelBundle
import Recognition

/// The detector of speech that a smaller one learns from. Thread-bound.
final class SpeechTeacher {
    /// Samples of a unit that is answered for: 20 ms.
    static let unit = 320
    private let detector: VoiceActivityDetector

    /// - Parameter path: a recurrent detector, as ``VoiceActivityDetector`` runs it.
    init(path: String, seconds: Int) throws {
        let graph = try Graph(onnxFile: URL(fileURLWithPath: path))
        detector = try VoiceActivityDetector(graph, contract: .silero, capacity: max(400, seconds * 16000 / VoiceActivityDetector.stepSamples + 2))
    }

    /// Probability of speech in every 20 ms of a clip, which nothing was heard before.
    func probabilities(_ samples: [Float]) throws -> [Float] {
        detector.reset()
        let units = samples.count / Self.unit
        try detector.append(samples.span)
        // The last step is whole only with more to hear.
        try detector.append([Float](repeating: 0, count: VoiceActivityDetector.stepSamples).span)
        return (0..<units).map { detector.probability(at: .init(Int64($0 * Self.unit + Self.unit / 2))) ?? 0 }
    }
}

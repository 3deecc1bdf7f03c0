import Foundation
import FrontEnd
import MediaTypes
import ModelBundle
import Recognition

/// The detector of speech that a smaller one learns from. Thread-bound.
final class SpeechTeacher {
    /// Samples of a unit that is answered for: 20 ms.
    static let unit = 320
    private let detector: RecurrentVoiceActivityDetector

    /// - Parameter path: a recurrent detector, as ``RecurrentVoiceActivityDetector`` runs it.
    init(path: String, seconds: Int) throws {
        let graph = try Graph(onnxFile: URL(fileURLWithPath: path))
        detector = try RecurrentVoiceActivityDetector(graph, contract: .silero, capacity: max(400, seconds * 16000 / RecurrentVoiceActivityDetector.stepSamples + 2))
    }

    /// Probability of speech in every 20 ms of a clip, which nothing was heard before.
    func probabilities(_ samples: [Float]) throws -> [Float] {
        detector.reset()
        let units = samples.count / Self.unit
        try detector.append(samples.span, features: nil)
        // The last step is whole only with more to hear.
        try detector.append([Float](repeating: 0, count: RecurrentVoiceActivityDetector.stepSamples).span, features: nil)
        return (0..<units).map { detector.probability(at: .init(Int64($0 * Self.unit + Self.unit / 2))) ?? 0 }
    }
}

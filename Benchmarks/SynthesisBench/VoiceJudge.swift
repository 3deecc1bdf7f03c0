import Biometrics
import Foundation
import FrontEnd
import ModelBundle
import Recognition
import Tensors

/// Embeds voices as enrolment does it: windows of three seconds, averaged by length.
final class VoiceJudge {
    private let encoder: VoiceEncoder

    init(_ path: String) throws { encoder = try VoiceEncoder(Graph(onnxFile: URL(fileURLWithPath: path)), contract: .speakerTDNN512) }

    func embed(_ samples: [Float]) throws -> [Float] {
        let mel = try LogMel(capacity: samples.count / 160 + 1)
        mel.append(samples.span)
        let frames = mel.availableFrames.count
        var sum = [Float](repeating: 0, count: encoder.dimension), embedding = sum
        var start = 0
        while start == 0 || frames - start >= 150 {
            let count = min(300, frames - start)
            var window = [Float](repeating: 0, count: count * encoder.filters)
            var span = window.mutableSpan
            mel.copyFrames(start..<start + count, into: &span)
            try encoder.encode(window.span, into: &embedding)
            for i in sum.indices { sum[i] += Float(count) * embedding[i] }
            start += count
        }
        let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return sum.map { $0 / norm }
    }
}

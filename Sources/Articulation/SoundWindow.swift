import FrontEnd
import Glibc

/// What is heard around a moment, as numbers that a mouth can be read from: `[window]`, ``count`` numbers.
///
/// Log-mel energies in ``bands`` bands, at ``steps`` times 20 ms apart from 160 ms before to 160 ms after. Each band is measured against its own loud
/// moments (90th percentile), and what is far below them counts as silence: so neither a microphone's gain nor a room's noise is much of the answer.
struct SoundWindow {
    static let bands = 20
    static let steps = 17
    static let count = bands * steps
    /// Natural logarithms of power under the loud moments at which silence begins: 35 dB.
    private static let depth: Float = 8

    /// `[frames, bands]`, a frame every 10 ms.
    private let frames: [Float]
    private let frameCount: Int

    /// - Parameter samples: mono at 16 kHz.
    init(_ samples: [Float]) throws(FrontEndError) {
        let mel = try LogMel(capacity: max(1, samples.count / 160 + 1))
        mel.append(samples.span)
        let filters = mel.contract.filters
        let available = mel.availableFrames
        var all = [Float](repeating: 0, count: available.count * filters)
        var span = all.mutableSpan
        mel.copyFrames(available, into: &span)
        frameCount = available.count
        let each = filters / Self.bands
        var frames = [Float](repeating: 0, count: frameCount * Self.bands)
        for frame in 0..<frameCount {
            for band in 0..<Self.bands {
                var sum: Float = 0
                for filter in band * each..<(band + 1) * each { sum += all[frame * filters + filter] }
                frames[frame * Self.bands + band] = sum / Float(each)
            }
        }
        for band in 0..<Self.bands where frameCount > 0 {
            var column = (0..<frameCount).map { frames[$0 * Self.bands + band] }
            column.sort()
            let loud = column[min(frameCount - 1, frameCount * 9 / 10)]
            for frame in 0..<frameCount {
                let at = frame * Self.bands + band
                frames[at] = max(-Self.depth, frames[at] - loud) / Self.depth
            }
        }
        self.frames = frames
    }

    /// Writes the window around a time (s) into `output`, ``count`` numbers; before the beginning and after the end is silence.
    func write(at time: Double, into output: inout [Float], from start: Int) {
        // The middle of frame n is at sample 160·n + 200.
        let middle = Int(((time * 16000 - 200) / 160).rounded())
        for step in 0..<Self.steps {
            let frame = middle + 2 * (step - Self.steps / 2)
            for band in 0..<Self.bands {
                func value(_ frame: Int) -> Float { frame >= 0 && frame < frameCount ? frames[frame * Self.bands + band] : -1 }
                output[start + step * Self.bands + band] = 0.5 * value(frame) + 0.25 * (value(frame - 1) + value(frame + 1))
            }
        }
    }
}

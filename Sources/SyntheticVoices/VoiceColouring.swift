internal import Datasets
import Glibc

/// Bends and sharpens the envelope of every 32 ms of speech, weighs its bands and adds breath in its shape. Times stay.
///
/// The envelope is the logarithm of the spectrum without what repeats with the pitch (its cepstrum cut off). What changes is the envelope alone; the
/// pitch's harmonics stay where they are.
struct VoiceColouring {
    private static let size = 512
    private static let hop = 128

    private let colour: VoiceColour
    private let seed: UInt64
    /// Of the cepstrum that is envelope, samples.
    private let quefrencies: Int

    init(_ voice: VoiceIdentity, seed: UInt64) {
        colour = voice.colour
        self.seed = seed
        quefrencies = max(20, min(52, Int(0.6 * Double(Utterance.sampleRate) / voice.pitch.upperBound)))
    }

    func apply(to samples: inout [Float]) {
        let (size, hop, half) = (Self.size, Self.hop, Self.size / 2)
        // Where a frequency is in the transform's order, and back.
        let bits = size.trailingZeroBitCount
        let place = (0..<size).map { index in Int(UInt32(index).bitReversed >> UInt32(32 - bits)) }
        let window = (0..<size).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(size))) }
        let hertz = (0...half).map { Float($0) * Float(Utterance.sampleRate) / Float(size) }
        let from = hertz.map { Self.interpolate(VoiceColour.knots, colour.bend, $0) * Float(size) / Float(Utterance.sampleRate) }
        let gain = hertz.map { Self.interpolate(VoiceColour.bands, colour.equaliser, $0) * Float(log(10.0) / 20) }
        let air = hertz.map { frequency in
            let high = (frequency / colour.breathCorner) * (frequency / colour.breathCorner)
            return pow(10, colour.breath / 20) * high / (1 + high)
        }
        var random = SeededGenerator(seed: seed, 2)
        var output = [Float](repeating: 0, count: samples.count + size)
        var real = [Float](repeating: 0, count: size), imaginary = real, cepstrum = real, nothing = real
        var envelope = [Float](repeating: 0, count: half + 1), bent = envelope
        let scale = 1 / Float(size) / 1.5
        var start = hop - size
        while start < samples.count {
            defer { start += hop }
            var energy: Float = 0
            for i in 0..<size {
                let at = start + i
                real[i] = at >= 0 && at < samples.count ? samples[at] * window[i] : 0
                imaginary[i] = 0
                energy += real[i] * real[i]
            }
            let shimmer = random.normals(1)[0]
            guard energy > 1e-9 else { continue }
            Self.transform(&real, &imaginary, forward: true)
            for i in 0..<size {
                cepstrum[i] = 0.5 * log(real[i] * real[i] + imaginary[i] * imaginary[i] + 1e-10)
                nothing[i] = 0
            }
            Self.transform(&cepstrum, &nothing, forward: false)
            for i in 0..<size {
                let quefrency = min(i, size - i)
                let weight = quefrency > quefrencies ? 0 : 0.5 + 0.5 * cos(Float.pi * Float(quefrency) / Float(quefrencies + 1))
                cepstrum[i] *= (quefrency <= quefrencies / 2 ? 1 : min(1, 2 * weight)) / Float(size)
                nothing[i] = 0
            }
            Self.transform(&cepstrum, &nothing, forward: true)
            var mean: Float = 0
            for k in 0...half {
                envelope[k] = cepstrum[place[k]]
                mean += envelope[k] / Float(half + 1)
            }
            for k in 0...half {
                let lower = min(half - 1, Int(from[k]))
                let part = from[k] - Float(lower)
                bent[k] = mean + colour.sharpness * (envelope[lower] + part * (envelope[lower + 1] - envelope[lower]) - mean)
            }
            let wavering = sin(2 * .pi * colour.waver * Float(start) / Float(Utterance.sampleRate))
            let loudness = (colour.shimmer * shimmer + colour.tremolo * wavering) * Float(log(10.0) / 20)
            let noise = random.normals(2 * (half + 1))
            for k in 0...half {
                let factor = exp(max(-3.5, min(3.5, bent[k] - envelope[k] + gain[k] + loudness)))
                let breath = exp(min(8, bent[k] + gain[k])) * air[k]
                for (index, sign) in [(place[k], Float(1)), (place[(size - k) % size], Float(-1))] {
                    // The mean of the logarithm lies under the level of noise by as much as 0.29.
                    real[index] = real[index] * factor + 0.94 * breath * noise[2 * k]
                    imaginary[index] = imaginary[index] * factor + (k == 0 || k == half ? 0 : sign * 0.94 * breath * noise[2 * k + 1])
                    if k == 0 || k == half { break }
                }
            }
            Self.transform(&real, &imaginary, forward: false)
            for i in 0..<size where start + i >= 0 { output[start + i] += real[i] * window[i] * scale }
        }
        for i in samples.indices { samples[i] = output[i] }
    }

    /// The little room around a person, the same in every sentence. As many samples.
    func place(_ samples: [Float], of voice: VoiceIdentity) -> [Float] {
        var distortion = SoundDistortion()
        distortion.room = RoomResponse(reverberationTime: colour.placeDecay, directToReverberant: colour.place)
        return distortion.apply(to: samples, noise: nil, noiseSeed: voice.seed)
    }

    /// - Parameter level: RMS of speech.
    func addFloor(to samples: inout [Float], level: Float) {
        var random = SeededGenerator(seed: seed, 3)
        let noise = random.normals(samples.count)
        // One pole, of the same power as what goes in.
        let (pole, amount) = (colour.dullness, level * pow(10, -colour.floor / 20))
        let input = (1 - pole * pole).squareRoot() * amount
        var state: Float = 0
        for i in samples.indices {
            state = pole * state + input * noise[i]
            samples[i] += state
        }
    }

    private static func transform(_ real: inout [Float], _ imaginary: inout [Float], forward: Bool) {
        unsafe real.withUnsafeMutableBufferPointer { real in
            unsafe imaginary.withUnsafeMutableBufferPointer { imaginary in
                if forward {
                    unsafe FourierTransform.shared.forward(real.baseAddress!, imaginary.baseAddress!, count: size)
                } else {
                    unsafe FourierTransform.shared.inverse(real.baseAddress!, imaginary.baseAddress!, count: size)
                }
            }
        }
    }

    private static func interpolate(_ x: [Float], _ y: [Float], _ at: Float) -> Float {
        let index = max(1, x.firstIndex { $0 >= at } ?? x.count - 1)
        return y[index - 1] + (y[index] - y[index - 1]) * (at - x[index - 1]) / (x[index] - x[index - 1])
    }
}

extension UInt32 {
    fileprivate var bitReversed: UInt32 {
        var (value, result) = (self, UInt32(0))
        for _ in 0..<32 {
            result = result << 1 | value & 1
            value >>= 1
        }
        return result
    }
}

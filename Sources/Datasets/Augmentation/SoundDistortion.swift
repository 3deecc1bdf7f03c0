import Glibc

/// What happens to one stretch of sound at 16 kHz. A value; the same values and noise seed give the same samples.
public struct SoundDistortion: Codable, Hashable, Sendable {
    public enum NoiseKind: String, Codable, Hashable, Sendable, CaseIterable {
        /// From the bank; pink where there is none.
        case recorded
        /// Falling by 3 dB an octave, as rooms and traffic do.
        case pink
        /// Hiss.
        case white
    }

    /// Factor of tempo and pitch, 0.5…2.
    public var speed: Float = 1
    public var room: RoomResponse?
    /// dB, over the whole stretch; nil without noise.
    public var signalToNoise: Float?
    public var noiseKind = NoiseKind.recorded
    /// dB.
    public var gain: Float = 0
    /// The part of the peak at which it clips; 1 and more does not.
    public var clipping: Float = 1
    /// Hz.
    public var lowPass: Float?
    public var isTelephone = false
    /// G.711 at 8 kHz.
    public var isCoded = false
    /// The part of the time that is missing.
    public var dropouts: Float = 0

    /// Leaves every sound as it is.
    public init() {}

    /// - Parameters:
    ///   - samples: mono at 16 kHz, −1…1.
    ///   - noiseSeed: for all that sounds otherwise each time: the room's tail, the noise, the places of gaps.
    /// - Returns: as many samples, −1…1: what is louder is cut off. Silence gets no noise, as it has no level to compare with.
    public func apply(to samples: [Float], noise: NoiseBank?, noiseSeed: UInt64) -> [Float] {
        guard !samples.isEmpty else { return [] }
        func random(_ purpose: UInt64) -> SeededGenerator { SeededGenerator(seed: noiseSeed, purpose) }
        var sound = samples
        if speed != 1 { sound = SpeedChange(factor: speed).apply(to: sound) }
        if let room { sound = room.apply(to: sound, seed: SeededGenerator.mix(noiseSeed)) }
        if let signalToNoise {
            var random = random(1)
            mix(&sound, with: noiseOf(sound.count, noise, &random), signalToNoise: signalToNoise)
        }
        if gain != 0 { scale(&sound, by: pow(10, max(-120, min(120, gain)) / 20)) }
        if clipping < 1 { clip(&sound, at: max(0.01, clipping) * peak(sound)) }
        if let lowPass { BiquadCascade.lowPass(lowPass).apply(to: &sound) }
        if isTelephone { BiquadCascade.telephone.apply(to: &sound) }
        if isCoded { TelephoneCodec().apply(to: &sound) }
        if dropouts > 0 {
            var random = random(2)
            Dropouts(part: dropouts).apply(to: &sound, &random)
        }
        if peak(sound) > 1 { clip(&sound, at: 1) }
        return sound
    }

    private func noiseOf(_ count: Int, _ bank: NoiseBank?, _ random: inout SeededGenerator) -> [Float] {
        switch noiseKind {
        case .recorded:
            if let bank, !bank.isEmpty { return bank.stretch(count, &random) }
            return SyntheticNoise.pink(count, &random)
        case .pink: return SyntheticNoise.pink(count, &random)
        case .white: return random.normals(count)
        }
    }

    private func mix(_ sound: inout [Float], with noise: [Float], signalToNoise: Float) {
        let (signal, disturbance) = (SoundLevel.meanSquare(sound), SoundLevel.meanSquare(noise))
        guard signal > 0, disturbance > 0 else { return }
        let factor = Float((signal / disturbance).squareRoot()) * pow(10, -max(-120, min(120, signalToNoise)) / 20)
        unsafe sound.withUnsafeMutableBufferPointer { sound in
            unsafe noise.withUnsafeBufferPointer { noise in
                for i in 0..<sound.count { unsafe sound[i] += factor * noise[i] }
            }
        }
    }

    private func scale(_ sound: inout [Float], by factor: Float) {
        unsafe sound.withUnsafeMutableBufferPointer { sound in
            for i in 0..<sound.count { unsafe sound[i] *= factor }
        }
    }

    private func clip(_ sound: inout [Float], at level: Float) {
        unsafe sound.withUnsafeMutableBufferPointer { sound in
            for i in 0..<sound.count { unsafe sound[i] = max(-level, min(level, sound[i])) }
        }
    }

    private func peak(_ sound: [Float]) -> Float {
        unsafe sound.withUnsafeBufferPointer { sound in
            var peak: Float = 0
            for i in 0..<sound.count { unsafe peak = max(peak, abs(sound[i])) }
            return peak
        }
    }
}

/// How loud a stretch of sound is.
enum SoundLevel {
    static func meanSquare(_ samples: [Float]) -> Double {
        guard !samples.isEmpty else { return 0 }
        return unsafe samples.withUnsafeBufferPointer { samples in
            // Short sums in floats, the long one in a double.
            var total = 0.0
            var i = 0
            while i < samples.count {
                let end = min(samples.count, i + 256)
                var sums = SIMD8<Float>.zero
                while i + 8 <= end {
                    let v = unsafe UnsafeRawPointer(samples.baseAddress! + i).loadUnaligned(as: SIMD8<Float>.self)
                    sums += v * v
                    i += 8
                }
                total += Double(sums.sum())
                while i < end {
                    unsafe total += Double(samples[i] * samples[i])
                    i += 1
                }
            }
            return total / Double(samples.count)
        }
    }
}

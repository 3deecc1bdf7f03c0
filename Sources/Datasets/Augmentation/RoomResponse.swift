import Glibc

/// A room, as its response to a click: the click, and after 2.5 ms noise that decays exponentially (Polack's model of late reverberation).
public struct RoomResponse: Codable, Hashable, Sendable {
    /// Seconds until the tail has decayed by 60 dB; 0.02…1.
    public var reverberationTime: Float
    /// Energy of the click over that of the tail, dB.
    public var directToReverberant: Float

    public init(reverberationTime: Float, directToReverberant: Float) {
        self.reverberationTime = reverberationTime
        self.directToReverberant = directToReverberant
    }

    /// At 16 kHz, from the direct sound (1) until the tail has decayed by 60 dB.
    public func samples(seed: UInt64) -> [Float] {
        let seconds = max(0.02, min(1, reverberationTime))
        let (gap, count) = (40, Int(seconds * 16000))
        var random = SeededGenerator(seed: seed)
        var response = random.normals(count)
        let decay = pow(10, -3 / (seconds * 16000))
        var envelope: Float = 1
        var energy: Float = 0
        for i in 0..<count {
            response[i] *= i < gap ? 0 : envelope
            energy += response[i] * response[i]
            envelope *= decay
        }
        let level = energy > 0 ? pow(10, -max(-60, min(60, directToReverberant)) / 20) / energy.squareRoot() : 0
        for i in gap..<count { response[i] *= level }
        response[0] = 1
        return response
    }

    /// - Returns: as many samples, of the energy that they had.
    func apply(to samples: [Float], seed: UInt64) -> [Float] {
        var sound = FastConvolution.convolve(samples, self.samples(seed: seed))
        let (before, after) = (SoundLevel.meanSquare(samples), SoundLevel.meanSquare(sound))
        guard before > 0, after > 0 else { return samples }
        let factor = Float((before / after).squareRoot())
        for i in sound.indices { sound[i] *= factor }
        return sound
    }
}

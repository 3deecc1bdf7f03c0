import Glibc

/// What happens to sound at 16 kHz while a network learns: how often, and how strongly. A value; the same numbers give the same sound.
///
/// Effects come in the order in which they come in life: how fast somebody speaks, in which room, with what beside, into which microphone, over
/// which line. Speed shifts sound against pictures: leave it out where the two have to stay together.
public struct SoundAugmentation: Codable, Hashable, Sendable, EffectSet {
    /// Factor of tempo and pitch, 0.5…2.
    public var speed = Effect(0.2, 0.9...1.1)
    /// A room: seconds until it has decayed by 60 dB, at most 1.
    public var reverberation = Effect(0.3, 0.15...0.7)
    /// Noise beside the speech: signal to noise in dB, over the whole stretch.
    public var noise = Effect(0.4, 3...22)
    /// Level in dB.
    public var gain = Effect(0.5, -15...6)
    /// A microphone that is driven too hard: the part of the peak at which it clips.
    public var clipping = Effect(0.05, 0.25...0.7)
    /// A line or loudspeaker without treble: the frequency in Hz above which it falls by 24 dB an octave.
    public var lowPass = Effect(0.1, 3200...5500)
    /// A telephone: 300 to 3400 Hz. No strength.
    public var telephone = Effect(0.05)
    /// 8 kHz and 8 bits of G.711 (µ-law). No strength.
    public var codec = Effect(0.1)
    /// Lost packets: the part of the time that is missing, in gaps of 10 to 80 ms.
    public var dropouts = Effect(0.05, 0.02...0.15)

    public init() {}

    /// Sound stays as it is.
    public static let none: SoundAugmentation = {
        var none = SoundAugmentation()
        none.silence()
        return none
    }()

    static let fields: [Field] = [
        ("speed", \.speed), ("reverberation", \.reverberation), ("noise", \.noise), ("gain", \.gain), ("clipping", \.clipping), ("lowPass", \.lowPass),
        ("telephone", \.telephone), ("codec", \.codec), ("dropouts", \.dropouts),
    ]

    /// From a dictionary of effects by name; what is left out is as usual.
    /// - Throws: `DecodingError` at a name that is unknown, a probability outside 0…1, or a strength whose ends are the wrong way round.
    public init(from decoder: any Decoder) throws { try read(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try write(to: encoder) }

    /// What happens to one sample.
    /// - Parameter random: one number is taken.
    public func draw(_ random: inout SeededGenerator) -> SoundDistortion {
        let dice = EffectDice(&random)
        var drawn = SoundDistortion()
        if let (factor, _) = dice.roll(speed, "speed") { drawn.speed = factor }
        if case (let seconds, var random)? = dice.roll(reverberation, "reverberation") {
            // Near the microphone in a small room, farther away in a large one; that is, a louder direct sound than the room's or a fainter one.
            drawn.room = RoomResponse(reverberationTime: seconds, directToReverberant: random.uniform(0...12) - 4 * seconds)
        }
        if case (let decibels, var random)? = dice.roll(noise, "noise") {
            drawn.signalToNoise = decibels
            // Where there are recordings they are used most of the time; hiss and hum of electronics are not among them.
            drawn.noiseKind = SoundDistortion.NoiseKind.allCases[max(0, random.index(below: 10) - 7)]
        }
        if let (decibels, _) = dice.roll(gain, "gain") { drawn.gain = decibels }
        if let (part, _) = dice.roll(clipping, "clipping") { drawn.clipping = part }
        if let (frequency, _) = dice.roll(lowPass, "lowPass") { drawn.lowPass = frequency }
        drawn.isTelephone = dice.roll(telephone, "telephone") != nil
        drawn.isCoded = dice.roll(codec, "codec") != nil
        if let (part, _) = dice.roll(dropouts, "dropouts") { drawn.dropouts = part }
        return drawn
    }

    /// - Parameters:
    ///   - samples: mono at 16 kHz, −1…1.
    ///   - noise: recordings to mix in; without them it is synthetic.
    ///   - random: two numbers are taken.
    /// - Returns: as many samples, −1…1.
    public func apply(to samples: [Float], noise: NoiseBank?, random: inout SeededGenerator) -> [Float] {
        let drawn = draw(&random)
        return drawn.apply(to: samples, noise: noise, noiseSeed: random.next())
    }
}

public import Datasets
import Glibc

/// Where somebody speaks, what sounds beside, and through what it is heard. A value; the same value gives the same sound.
///
/// Room, noise and line are those with which networks are trained (`Datasets.SoundDistortion`); this says in metres and names what those say in numbers.
public struct SoundScene: Sendable, Hashable, Codable {
    public enum Background: String, Sendable, Hashable, Codable, CaseIterable {
        case none
        /// Falls by 3 dB an octave, as traffic and ventilation do.
        case pink
        /// Hiss.
        case white
        /// A radio.
        case music
    }

    public enum Line: String, Sendable, Hashable, Codable, CaseIterable {
        case wide
        /// Nothing above 4 kHz.
        case narrow
        /// 300 to 3400 Hz.
        case telephone
        /// G.711: 8 kHz, 8 bits.
        case g711
    }

    /// Seconds until an echo has decayed by 60 dB, 0.02…1; nil out of doors.
    public var reverberation: Double?
    /// Metres to the microphone, 0.1…10; the direct sound falls with it and the room's does not.
    public var distance: Double
    public var background: Background
    /// dB over the whole stretch, pauses too.
    public var signalToNoise: Double
    public var line: Line
    public var seed: UInt64

    /// Nothing happens in it.
    public static let clean = SoundScene(reverberation: nil, distance: 1, background: .none, signalToNoise: 60, line: .wide, seed: 0)

    public init(reverberation: Double?, distance: Double, background: Background, signalToNoise: Double, line: Line, seed: UInt64) {
        self.reverberation = reverberation
        self.distance = distance
        self.background = background
        self.signalToNoise = signalToNoise
        self.line = line
        self.seed = seed
    }

    /// A scene as they occur: a room and noise always, a poor line now and then.
    public init(seed: UInt64, signalToNoise: ClosedRange<Float> = 5...20) {
        var random = SeededGenerator(seed: seed, 0x7363_656E_65)
        reverberation = Double(random.uniform(0.15...0.7))
        distance = Double(random.uniform(0.4...2.5))
        background = [.pink, .pink, .white, .music][random.index(below: 4)]
        self.signalToNoise = Double(random.uniform(signalToNoise))
        line = random.fraction() < 0.85 ? .wide : [.narrow, .telephone, .g711][random.index(below: 3)]
        self.seed = seed
    }

    /// What a network would have been trained with.
    public var distortion: SoundDistortion {
        var distortion = SoundDistortion()
        if let reverberation {
            // In a room of 40 m³ the direct sound and the room's are equally loud at the critical distance, 0.057·√(V/T) metres.
            let critical = 0.057 * (40 / max(0.02, reverberation)).squareRoot()
            distortion.room = RoomResponse(reverberationTime: Float(reverberation), directToReverberant: Float(20 * log10(critical / max(0.1, distance))))
        }
        distortion.gain = Float(-20 * log10(max(0.1, distance)))
        if background != .none { distortion.signalToNoise = Float(signalToNoise) }
        distortion.noiseKind = background == .white ? .white : background == .music ? .recorded : .pink
        switch line {
        case .wide: break
        case .narrow: distortion.lowPass = 4000
        case .telephone: distortion.isTelephone = true
        case .g711: distortion.isCoded = true
        }
        return distortion
    }

    /// - Parameter samples: mono at 16 kHz, −1…1.
    /// - Returns: as many, at the same times: direct sound is not delayed. Silence has no level to compare with, and gets no noise.
    public func apply(to samples: [Float]) -> [Float] {
        let bank = background == .music ? NoiseBank([Music.samples(max(16000, samples.count), seed: seed)]) : nil
        return distortion.apply(to: samples, noise: bank, noiseSeed: seed)
    }
}

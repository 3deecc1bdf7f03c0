public import Articulation

/// A speech sound with its time; see `Articulation`.
public typealias Phoneme = Articulation.Phoneme

/// What somebody said.
public struct Utterance: Sendable {
    /// Mono at 16 kHz, −1…1.
    public var samples: [Float]
    /// Ascending and without gaps, from 0 to the end of the samples, pauses among them.
    public var phonemes: [Phoneme]
    public var text: String

    public init(samples: [Float], phonemes: [Phoneme], text: String) {
        self.samples = samples
        self.phonemes = phonemes
        self.text = text
    }

    /// Seconds.
    public var duration: Double { Double(samples.count) / Double(Self.sampleRate) }

    public static let sampleRate = 16_000
}

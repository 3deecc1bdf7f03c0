internal import Datasets
import Glibc

/// What a person's throat, mouth and nose do to the sound of a synthesiser: values only; ``VoiceColouring`` does it.
struct VoiceColour: Sendable, Hashable {
    /// Where the envelope at each of ``knots`` is taken from, Hz: formants move differently in each region.
    var bend: [Float]
    /// Exponent of the envelope's unevenness: above 1 sharper formants.
    var sharpness: Float
    /// dB at each of ``bands``.
    var equaliser: [Float]
    /// Loudness of breath beside the voice, dB, and where it begins, Hz.
    var breath: Float
    var breathCorner: Float
    /// Deviation of the pitch from moment to moment, part of it.
    var jitter: Float
    /// Deviation of loudness, dB.
    var shimmer: Float
    /// RMS of speech.
    var level: Float

    /// Hz.
    static let knots: [Float] = [0, 500, 1000, 1700, 2500, 3600, 5200, 8000]
    static let bands: [Float] = [0, 200, 450, 900, 1600, 2600, 4000, 6000, 8000]

    init(drawnFrom random: inout SeededGenerator) {
        // The ends stay; each knot between moves by its own part, and the order is kept by the ranges.
        bend = Self.knots.enumerated().map { index, knot in
            index == 0 || index == Self.knots.count - 1 ? knot : knot * random.uniform(0.86...1.16)
        }
        sharpness = random.uniform(0.7...1.35)
        var tilt = random.uniform(-4...4)
        equaliser = Self.bands.indices.map { index in
            defer { tilt += random.uniform(-1.5...1.5) }
            return tilt * (Float(index) / 4 - 1) + random.uniform(-4...4)
        }
        breath = random.uniform(-34 ... -12)
        breathCorner = random.uniform(900...3500)
        jitter = random.uniform(0.002...0.018)
        shimmer = random.uniform(0.2...1.6)
        level = 0.06
    }
}

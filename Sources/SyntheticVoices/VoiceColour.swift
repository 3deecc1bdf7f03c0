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
    /// Slow wavering of pitch, part of it, and of loudness, dB; Hz.
    var vibrato: Float
    var tremolo: Float
    var waver: Float
    /// The place where the person sits: a little room, dB of its sound under the direct one, and seconds until it has decayed by 60 dB.
    var place: Float
    var placeDecay: Float
    /// What is always there (air, electronics): dB under speech, and how dull, 0…1.
    var floor: Float
    var dullness: Float
    /// RMS of speech.
    var level: Float

    /// Hz.
    static let knots: [Float] = [0, 500, 1000, 1700, 2500, 3600, 5200, 8000]
    static let bands: [Float] = [0, 200, 450, 900, 1600, 2600, 4000, 6000, 8000]

    init(drawnFrom random: inout SeededGenerator) {
        // The ends stay; each knot between moves by its own part, and the order is kept by the ranges.
        bend = Self.knots.enumerated().map { index, knot in
            index == 0 || index == Self.knots.count - 1 ? knot : knot * random.uniform(0.82...1.2)
        }
        sharpness = random.uniform(0.38...1.85)
        var tilt = random.uniform(-4...4)
        equaliser = Self.bands.indices.map { index in
            defer { tilt += random.uniform(-1.5...1.5) }
            return tilt * (Float(index) / 4 - 1) + random.uniform(-4...4)
        }
        breath = random.uniform(-34 ... -5)
        breathCorner = random.uniform(900...3500)
        jitter = random.uniform(0.002...0.022)
        shimmer = random.uniform(0.2...1.6)
        vibrato = max(0, random.uniform(-0.02...0.03))
        tremolo = max(0, random.uniform(-2...2.5))
        waver = random.uniform(3.5...7)
        place = random.uniform(-1...11)
        placeDecay = random.uniform(0.06...0.3)
        floor = random.uniform(30...46)
        dullness = random.uniform(0...0.97)
        level = 0.06
    }
}

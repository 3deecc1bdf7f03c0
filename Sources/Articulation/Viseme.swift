import Glibc

/// What lips and tongue aim at for a speech sound, and how much they insist on it.
struct Viseme: Hashable {
    /// As ``MouthShape``'s.
    var opening, width, tongue: Float
    /// Against the sounds beside it: lips have to meet for a "b", and hardly matter for a "k".
    var strength: Float

    static let rest = Viseme(opening: 0, width: 0, tongue: 0, strength: 0.7)

    /// - Parameter symbol: as ``Phoneme/symbol``. A diphthong aims at its first half, and then at its second. Something unknown opens the mouth a little.
    static func targets(for symbol: String) -> [Viseme] {
        guard !symbol.isEmpty else { return [rest] }
        var targets: [Viseme] = []
        for scalar in symbol.unicodeScalars {
            guard let viseme = table[scalar] else { continue }
            // "tʃ" is one closing, "əl" two aims.
            if targets.last != viseme { targets.append(viseme) }
        }
        return targets.isEmpty ? [Viseme(opening: 0.03, width: 0, tongue: 0.2, strength: 0.3)] : Array(targets.prefix(2))
    }

    private static let table: [Unicode.Scalar: Viseme] = {
        var table: [Unicode.Scalar: Viseme] = [:]
        func add(_ symbols: String, _ opening: Float, _ width: Float, _ tongue: Float, _ strength: Float) {
            for scalar in symbols.unicodeScalars { table[scalar] = Viseme(opening: opening, width: width, tongue: tongue, strength: strength) }
        }
        add("pbm", 0, 0, 0, 3)
        add("fv", 0.012, 0.005, 0, 1.6)
        add("w", 0.018, -0.055, 0, 1.6)
        add("θð", 0.03, 0, 0.9, 0.7)
        add("tdnɾ", 0.03, 0.004, 0.8, 0.45)
        add("l", 0.045, 0, 1, 0.5)
        add("sz", 0.02, 0.015, 0.5, 0.8)
        add("ʃʒ", 0.03, -0.035, 0.3, 0.9)
        add("ɹr", 0.03, -0.025, 0.2, 0.6)
        add("kɡgŋxh", 0.045, 0.002, 0.1, 0.25)
        add("j", 0.03, 0.012, 0.2, 0.4)
        add("i", 0.04, 0.025, 0.1, 0.9)
        add("ɪɨ", 0.045, 0.018, 0.1, 0.8)
        add("eɛ", 0.068, 0.015, 0.05, 0.9)
        add("æ", 0.095, 0.012, 0, 1)
        add("aɐ", 0.105, 0.006, 0, 1)
        add("ɑ", 0.11, -0.004, 0, 1)
        add("ʌ", 0.08, 0, 0, 0.9)
        add("əɚ", 0.05, 0, 0.1, 0.6)
        add("ɜɝ", 0.055, -0.012, 0.1, 0.8)
        add("ɔɒ", 0.085, -0.03, 0, 1)
        add("o", 0.06, -0.045, 0, 1)
        add("ʊ", 0.035, -0.04, 0, 0.9)
        add("u", 0.025, -0.055, 0, 1)
        return table
    }()
}

/// Lips between their aims: each moment is the mean of the sounds around it, by their strength and nearness (after Cohen and Massaro, *Modeling
/// coarticulation in synthetic visual speech*, 1993, with a Gaussian for the dominance).
struct Coarticulation {
    /// Seconds that an aim reaches beyond its sound.
    private static let reach = 0.055
    /// Lips are on their way before the sound is heard.
    private static let lead = 0.02

    private struct Aim {
        var viseme: Viseme
        var start, end: Double
        var isPause: Bool
    }

    private let aims: [Aim]

    init(_ phonemes: [Phoneme]) {
        var aims: [Aim] = []
        for phoneme in phonemes where phoneme.end > phoneme.start {
            let targets = Viseme.targets(for: phoneme.symbol)
            let each = (phoneme.end - phoneme.start) / Double(targets.count)
            for (index, viseme) in targets.enumerated() {
                let start = phoneme.start + Double(index) * each
                aims.append(Aim(viseme: viseme, start: start - Self.lead, end: start + each - Self.lead, isPause: phoneme.isPause))
            }
        }
        self.aims = aims
    }

    /// What sounds ask for at one moment.
    struct Moment {
        var shape: MouthShape
        /// Of sounds for which lips have to meet, 0…1.
        var closure: Float
        /// Of pauses, 0…1.
        var pause: Float
    }

    /// - Parameter times: ascending, s.
    func moments(at times: [Double]) -> [Moment] {
        var first = 0
        return times.map { time in
            while first < aims.count - 1, aims[first].end < time - 4 * Self.reach { first += 1 }
            var sum = SIMD4<Float>.zero
            var (closure, pause, whole): (Float, Float, Float) = (0, 0, 0)
            var index = first
            while index < aims.count, aims[index].start < time + 4 * Self.reach {
                let aim = aims[index]
                // What of the Gaussian around now lies on this sound.
                let share = Float(Self.normal((aim.end - time) / Self.reach) - Self.normal((aim.start - time) / Self.reach))
                let viseme = aim.viseme
                sum += SIMD4(viseme.opening, viseme.width, viseme.tongue, 1) * (share * viseme.strength)
                if aim.isPause { pause += share } else if viseme.strength >= 3 { closure += share }
                whole += share
                index += 1
            }
            // Before the first sound and after the last is silence.
            guard sum.w > 1e-6 else { return Moment(shape: MouthShape(), closure: 0, pause: 1) }
            return Moment(
                shape: MouthShape(opening: sum.x / sum.w, width: sum.y / sum.w, tongue: sum.z / sum.w), closure: closure / whole, pause: pause / whole)
        }
    }

    /// The normal distribution's integral, near enough.
    private static func normal(_ x: Double) -> Double { 1 / (1 + exp(-1.702 * x)) }
}

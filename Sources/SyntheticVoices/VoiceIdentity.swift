internal import Datasets
import Glibc

/// The voice of one person who does not exist: everything that stays the same from sentence to sentence. Follows from its seed and traits alone.
///
/// Half of it is espeak-ng's (accent, tempo, pitch, formants, consonants), half happens to its sound afterwards (length of the vocal tract, a bend of
/// the envelope, sharpness of the formants, colour, breath, an unsteady larynx). Formants tell voices apart best, then the length of the tract.
public struct VoiceIdentity: Sendable, Hashable {
    public let seed: UInt64
    public let sex: VoiceTraits.Sex
    public let accent: VoiceTraits.Accent
    /// Words a minute.
    public let wordsPerMinute: Double
    /// Hz, the lowest and the highest of a plain sentence, as they are heard.
    public let pitch: ClosedRange<Double>
    /// Frequencies of everything the mouth does, over espeak-ng's: above 1 a short vocal tract. What is asked of espeak-ng is slower and lower by as much.
    let tract: Double
    let formants: [Formant]
    /// espeak-ng's source of sound: nil for its sum of harmonics, else one of Klatt's.
    let klatt: Int?
    /// Pairs of Hz and loudness, 0…255.
    let tone: [Int]
    /// Loudness of voiceless and of voiced ones, per cent.
    let consonants: [Int]
    let voicing: Int
    let stress: [Int]
    let replacements: [String]
    let colour: VoiceColour

    struct Formant: Sendable, Hashable {
        /// Per cent of espeak-ng's.
        var frequency, height, width: Int
        /// Hz.
        var shift: Int
    }

    public init(seed: UInt64, traits: VoiceTraits = VoiceTraits()) {
        self.seed = seed
        // One stream for each part: what is asked for changes nothing else.
        func random(_ purpose: UInt64) -> SeededGenerator { SeededGenerator(seed: seed, 0x766F_6963_65, purpose) }
        var who = random(0)
        let (drawnSex, drawnAccent) = (VoiceTraits.Sex.allCases[who.index(below: 2)], VoiceTraits.Accent.allCases[who.index(below: VoiceTraits.Accent.allCases.count)])
        sex = traits.sex ?? drawnSex
        accent = traits.accent ?? drawnAccent
        var pace = random(1)
        wordsPerMinute = min(230, max(110, traits.wordsPerMinute ?? Double(pace.uniform(115...215))))
        var larynx = random(2)
        // Evenly in semitones.
        let low = sex == .male ? 66 * pow(2, Double(larynx.uniform(0...1.05))) : 136 * pow(2, Double(larynx.uniform(0...0.95)))
        pitch = low...(low * Double(larynx.uniform(1.08...1.9)))
        var mouth = random(3)
        tract = sex == .male ? Double(mouth.uniform(0.75...1.1)) : Double(mouth.uniform(0.95...1.38))
        var formants: [Formant] = []
        for number in 0..<9 {
            let spread: ClosedRange<Float> =
                switch number {
                case 0: 88...112
                case 1: 68...136
                case 2: 70...130
                case 3: 74...126
                default: 76...124
                }
            formants.append(
                Formant(
                    frequency: Int(mouth.uniform(spread)), height: Int(mouth.uniform(number < 2 ? 75...130 : 35...175)), width: Int(mouth.uniform(55...210)),
                    shift: number == 0 ? 0 : Int(mouth.uniform(-60...60))))
        }
        self.formants = formants
        var source = random(4)
        klatt = source.fraction() < 0.4 ? 1 + source.index(below: 5) : nil
        tone = [
            100, Int(source.uniform(90...255)), 500, Int(source.uniform(110...255)), 1100, Int(source.uniform(50...230)), 2300, Int(source.uniform(20...220)),
            3600, Int(source.uniform(10...220)),
        ]
        consonants = [Int(source.uniform(50...150)), Int(source.uniform(50...130))]
        voicing = Int(source.uniform(70...150))
        var habits = random(5)
        stress = [140, 130, 180, 175, 0, 0, 240, 280].map { $0 == 0 ? 0 : Int(Float($0) * habits.uniform(0.8...1.25)) }
        replacements = Self.habitsOfSpeech.filter { _ in habits.fraction() < 0.3 }.map { $0[habits.index(below: $0.count)] }
        var air = random(6)
        colour = VoiceColour(drawnFrom: &air)
    }

    /// Sounds that people exchange, several ways each; espeak-ng's mnemonics, and when: 0 always, 3 in weak syllables.
    private static let habitsOfSpeech: [[String]] = [
        ["0 T t", "0 T f", "0 T s"], ["0 D d", "0 D z", "0 D v"], ["0 N n"], ["0 I i", "0 I E"], ["0 0 O:", "0 0 V"], ["0 V a", "0 V U"], ["0 a E", "0 a aI"],
        ["0 eI E", "0 eI aI"], ["0 oU O:", "0 oU u:"], ["0 aI OI", "0 aI a"], ["0 i: I", "0 i: eI"], ["0 u: U"], ["0 E I", "0 E a"], ["0 U u:"],
        ["0 z s"], ["0 v w", "0 v f"], ["0 w v"], ["0 h NULL"], ["0 r w"], ["0 l w"], ["0 tS S"], ["0 dZ Z"],
    ]

    /// What espeak-ng is told, after what it says of the accent itself. Flutter, roughness, echo and breath go on from where another voice left them, and
    /// are therefore not its business.
    var voiceFile: String {
        var lines = ["pitch \(Int((pitch.lowerBound / tract).rounded())) \(Int((pitch.upperBound / tract).rounded()))"]
        for (number, formant) in formants.enumerated() {
            lines.append("formant \(number) \(formant.frequency) \(formant.height) \(formant.width) \(formant.shift)")
        }
        lines.append("tone " + tone.map(String.init).joined(separator: " "))
        lines.append("consonants " + consonants.map(String.init).joined(separator: " "))
        lines.append("voicing \(voicing)")
        lines.append("stressLength " + stress.map(String.init).joined(separator: " "))
        lines += replacements.map { "replace \($0)" }
        if let klatt { lines.append("klatt \(klatt)") }
        lines += ["flutter 0", "roughness 0"]
        return lines.joined(separator: "\n") + "\n"
    }
}

extension VoiceIdentity {
    /// For what is different in every sentence.
    func utteranceSeed(_ text: String) -> UInt64 { StableHash.of(text, seed: seed) }
}

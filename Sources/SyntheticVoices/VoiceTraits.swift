/// What is asked of a voice; nil is drawn from its seed.
public struct VoiceTraits: Sendable, Hashable, Codable {
    public enum Sex: String, Sendable, Hashable, Codable, CaseIterable { case female, male }

    /// English as it is spoken somewhere. (espeak-ng's Scottish is left out: how it sounds depends on what was said before.)
    public enum Accent: String, Sendable, Hashable, Codable, CaseIterable {
        case british, receivedPronunciation, lancastrian, westMidlands, american, newYork, caribbean

        /// espeak-ng's name of it: a file of its data.
        var language: String {
            switch self {
            case .british: "en"
            case .receivedPronunciation: "en-GB-x-rp"
            case .lancastrian: "en-GB-x-gbclan"
            case .westMidlands: "en-GB-x-gbcwmd"
            case .american: "en-US"
            case .newYork: "en-US-nyc"
            case .caribbean: "en-029"
            }
        }
    }

    public var sex: Sex?
    public var accent: Accent?
    /// Words a minute, 110…230.
    public var wordsPerMinute: Double?

    public init(sex: Sex? = nil, accent: Accent? = nil, wordsPerMinute: Double? = nil) {
        self.sex = sex
        self.accent = accent
        self.wordsPerMinute = wordsPerMinute
    }
}

/// A speech sound with its time.
public struct Phoneme: Sendable, Hashable, Codable {
    /// In the International Phonetic Alphabet ("p", "iː", "aɪ", "əl"), without marks of stress; empty for a pause.
    public var symbol: String
    /// Seconds from the first sample. The end of one is the start of the next.
    public var start: Double
    public var end: Double

    public init(symbol: String, start: Double, end: Double) {
        self.symbol = symbol
        self.start = start
        self.end = end
    }

    public var isPause: Bool { symbol.isEmpty }
}

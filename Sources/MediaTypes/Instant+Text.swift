extension Instant {
    /// Reads `1.5s`, `700ms`, or a number of seconds without a unit; nothing below zero.
    public init?(_ text: some StringProtocol) {
        var number = Substring(text)
        var unit = 1.0
        if number.hasSuffix("ms") {
            number = number.dropLast(2)
            unit = 0.001
        } else if number.hasSuffix("s") {
            number = number.dropLast()
        }
        guard let value = Double(number), value.isFinite, (0...1e7).contains(value) else { return nil }
        self = .seconds(value * unit)
    }
}

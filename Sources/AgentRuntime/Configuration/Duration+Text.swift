import Foundation

extension Duration {
    /// Units as systemd writes them, longest first.
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1),
    ]

    /// What `config schema` tells editors about a duration.
    static let textPattern = #"^[0-9]+(\.[0-9]+)?(us|ms|s|min|h|d)$"#

    /// Reads `2s`, `500ms`, `1.5min`. A number without a unit is refused: nobody would know whether it means seconds or milliseconds.
    init?(configurationText text: String) {
        guard let unit = Self.units.filter({ text.hasSuffix($0.name) }).max(by: { $0.name.count < $1.name.count }) else { return nil }
        let digits = text.dropLast(unit.name.count)
        guard digits.first?.isASCII == true, digits.first?.isNumber == true, digits.last?.isNumber == true,
            digits.allSatisfy({ $0 == "." || ($0.isASCII && $0.isNumber) }), let number = Double(digits)
        else { return nil }
        let microseconds = number * Double(unit.microseconds)
        // Up to a century; what a range then says is for its form.
        guard microseconds.isFinite, microseconds <= 3.2e15 else { return nil }
        self = .microseconds(Int64(microseconds.rounded()))
    }

    /// The shortest text that ``init(configurationText:)`` reads as the same duration; microseconds at the finest.
    var configurationText: String {
        let microseconds = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        if microseconds == 0 { return "0s" }
        let unit = Self.units.first { microseconds % $0.microseconds == 0 } ?? Self.units[Self.units.count - 1]
        return "\(microseconds / unit.microseconds)\(unit.name)"
    }
}

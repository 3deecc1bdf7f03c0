import Logging

/// What of a log event may be written, and how: for the journal and for plain lines alike.
enum LogText {
    /// Numbers in a row from which they count as a vector: coordinates and sizes are shorter, an embedding is never.
    private static let longestRow = 12
    /// Characters of one value; the journal takes more, nobody reads it.
    static let longestValue = 8192

    /// A text without vectors: an embedding is biometric data, and a log is copied to places where nobody expects any.
    static func withheld(_ text: String) -> String {
        // Short text, which nearly all is, cannot hold a row.
        guard text.utf8.count > 2 * longestRow else { return text }
        var result = ""
        var row = ""
        var numbers = 0
        var number = ""
        func isOfNumber(_ c: Character) -> Bool { c.isASCII && (c.isNumber || "+-.eE".contains(c)) }
        func endNumber() {
            if Double(number) != nil {
                numbers += 1
                row += number
            } else {
                endRow()
                result += number
            }
            number = ""
        }
        func endRow() {
            result += numbers > longestRow ? "‹\(numbers) numbers withheld›" : row
            row = ""
            numbers = 0
        }
        for character in text {
            if isOfNumber(character) {
                number.append(character)
                continue
            }
            if !number.isEmpty { endNumber() }
            if numbers > 0, ", \"\n\t;".contains(character) {
                row.append(character)
            } else {
                endRow()
                result.append(character)
            }
        }
        if !number.isEmpty { endNumber() }
        endRow()
        return clipped(result)
    }

    private static func clipped(_ text: String) -> String { text.count > longestValue ? text.prefix(longestValue) + "…" : text }

    /// Metadata of handler, provider and event, the latter winning, in name order.
    static func merged(_ own: Logger.Metadata, _ provider: Logger.MetadataProvider?, _ event: Logger.Metadata?) -> [(key: String, value: String)] {
        own.merging(provider?.get() ?? [:]) { $1 }.merging(event ?? [:]) { $1 }
            .map { ($0.key, withheld("\($0.value)")) }.sorted { $0.0 < $1.0 }
    }

    /// The priority of syslog(3).
    static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}

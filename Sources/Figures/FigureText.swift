public import Foundation

/// Figures as tables show them; a dash where there is none.
public enum FigureText {
    public static let none = "–"

    public static func number(_ value: Double?, digits: Int = 4) -> String {
        guard let value else { return none }
        return value.isFinite ? String(format: "%.\(digits)f", value) : "\(value)"
    }

    /// Of any size, with six significant digits.
    public static func quantity(_ value: Double?) -> String {
        guard let value else { return none }
        return value.isFinite ? AxisFormat.plain(value) : "\(value)"
    }

    /// In groups of three digits.
    public static func count(_ value: Int?) -> String {
        guard let value else { return none }
        var digits = Array(String(value.magnitude)), text = ""
        while digits.count > 3 {
            text = "\u{202F}" + String(digits.suffix(3)) + text
            digits.removeLast(3)
        }
        return (value < 0 ? "−" : "") + String(digits) + text
    }

    public static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e12 else { return none }
        if seconds < 60 { return String(format: "%.1f s", seconds) }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    public static func mebibytes(_ value: Double?) -> String { value.map { number($0, digits: 0) + " MiB" } ?? none }

    public static func time(_ date: Date?) -> String { date.map { $0.formatted(.iso8601) } ?? none }

    /// A name as a file's: lower-case letters and digits of ASCII, everything else a hyphen.
    public static func slug(_ name: String) -> String {
        let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return words.isEmpty ? "figure" : words.joined(separator: "-")
    }
}

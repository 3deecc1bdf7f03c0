import GroundTruth
import MediaTypes
public import ModelBundle

/// Values as scenes and recipes write them.
extension YAMLSection {
    mutating func optionalTime(_ key: String) throws(BundleError) -> Double? {
        guard let text = try optionalText(key) else { return nil }
        return try time(text, key)
    }

    private func time(_ text: some StringProtocol, _ key: String) throws(BundleError) -> Double {
        if let instant = Instant(text) { return instant.seconds }
        throw problem(key, text.hasPrefix("-") ? "‘\(text)’ is before the clip begins; times start at 0s" : "‘\(text)’ is no time; expected for example 1.5s or 700ms")
    }

    /// `2s..3.5s`; with `isOpen` also a time alone, which has no end.
    mutating func optionalTimeRange(_ key: String) throws(BundleError) -> TimeRange? {
        guard let text = try optionalText(key) else { return nil }
        guard let dots = text.firstRange(of: "..") else { throw problem(key, "‘\(text)’ is no stretch of time; expected for example 2s..3.5s") }
        let start = try time(text[..<dots.lowerBound], key), end = try time(text[dots.upperBound...], key)
        guard start < end else { throw problem(key, "‘\(text)’ ends before it begins") }
        return TimeRange(start, end)
    }

    mutating func timeRange(_ key: String) throws(BundleError) -> TimeRange {
        guard let range = try optionalTimeRange(key) else { throw problem(key, "missing; expected for example 2s..3.5s") }
        return range
    }

    /// A time that may be negative.
    mutating func optionalSignedTime(_ key: String) throws(BundleError) -> Double? {
        guard let text = try optionalText(key) else { return nil }
        if text.hasPrefix("-") || text.hasPrefix("−"), let instant = Instant(text.dropFirst()) { return -instant.seconds }
        return try time(text.hasPrefix("+") ? text.dropFirst() : text[...], key)
    }

    mutating func optionalSeed(_ key: String) throws(BundleError) -> UInt64? {
        guard let text = try optionalText(key) else { return nil }
        guard let seed = UInt64(text) else { throw problem(key, "‘\(text)’ is no whole number from 0 to \(UInt64.max)") }
        return seed
    }

    /// Two numbers, `[0.5, 0.4]`.
    mutating func optionalPair(_ key: String, in range: ClosedRange<Double>) throws(BundleError) -> (Double, Double)? {
        let texts = try texts(key)
        if texts.isEmpty { return nil }
        let numbers = texts.compactMap { Double($0) }.filter { range.contains($0) }
        guard texts.count == 2, numbers.count == 2 else {
            throw problem(key, "‘\(texts.joined(separator: ", "))’ are not two numbers from \(range.lowerBound) to \(range.upperBound)")
        }
        return (numbers[0], numbers[1])
    }

    /// `320x240`.
    mutating func optionalSize(_ key: String) throws(BundleError) -> (width: Int, height: Int)? {
        guard let text = try optionalText(key) else { return nil }
        return try size(text, key)
    }

    func size(_ text: String, _ key: String) throws(BundleError) -> (width: Int, height: Int) {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard sides.count == 2, let width = sides[0], let height = sides[1], (32...4096).contains(width), (32...4096).contains(height) else {
            throw problem(key, "‘\(text)’ is no size; expected for example 640x480, each side from 32 to 4096")
        }
        return (width, height)
    }

    /// Bits a second: `800k`, `1.2M`.
    mutating func optionalBitRate(_ key: String) throws(BundleError) -> Int? {
        guard let text = try optionalText(key) else { return nil }
        let unit = text.hasSuffix("k") ? 1e3 : text.hasSuffix("M") ? 1e6 : 1
        guard let value = Double(unit == 1 ? text[...] : text.dropLast()), (4000...1e8).contains(value * unit) else {
            throw problem(key, "‘\(text)’ is no number of bits a second from 4k to 100M; expected for example 800k")
        }
        return Int(value * unit)
    }

    /// A number, or the two ends of a range, `0.5..2`.
    mutating func optionalSpan(_ key: String, in range: ClosedRange<Double>) throws(BundleError) -> ClosedRange<Double>? {
        guard let text = try optionalText(key) else { return nil }
        let halves = text.firstRange(of: "..").map { [text[..<$0.lowerBound], text[$0.upperBound...]] } ?? [text[...]]
        let numbers = halves.compactMap { Double($0) }.filter { range.contains($0) }
        guard numbers.count == halves.count, let low = numbers.first, let high = numbers.last, low <= high else {
            throw problem(key, "‘\(text)’ is no number or range like 0.5..2 from \(range.lowerBound) to \(range.upperBound)")
        }
        return low...high
    }

    /// A time or the two ends of a range of times, which may be negative.
    mutating func optionalTimeSpan(_ key: String, isSigned: Bool = false) throws(BundleError) -> ClosedRange<Double>? {
        guard let text = try optionalText(key) else { return nil }
        func value(_ text: Substring) throws(BundleError) -> Double {
            if isSigned, text.hasPrefix("-"), let instant = Instant(text.dropFirst()) { return -instant.seconds }
            return try time(text, key)
        }
        guard let dots = text.firstRange(of: "..") else {
            let single = try value(text[...])
            return single...single
        }
        let low = try value(text[..<dots.lowerBound]), high = try value(text[dots.upperBound...])
        guard low <= high else { throw problem(key, "‘\(text)’ ends before it begins") }
        return low...high
    }
}

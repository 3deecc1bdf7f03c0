/// A stretch of a clip in seconds, its start in it and its end not. In JSON a list of both, `[1.5, 3]`.
public struct TimeRange: Codable, Sendable, Hashable {
    public var start: Double
    public var end: Double

    public init(_ start: Double, _ end: Double) {
        self.start = start
        self.end = end
    }

    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        start = try values.decode(Double.self)
        end = try values.decode(Double.self)
        guard values.isAtEnd, start.isFinite, end.isFinite, start <= end else {
            throw DecodingError.dataCorruptedError(in: values, debugDescription: "expected [start, end] in seconds, the end no earlier than the start")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        try values.encode(start)
        try values.encode(end)
    }

    public var duration: Double { max(0, end - start) }

    public func contains(_ time: Double) -> Bool { start <= time && time < end }

    /// What both have in common; `nil` where that is nothing.
    public func intersection(_ other: TimeRange) -> TimeRange? {
        let start = max(start, other.start), end = min(end, other.end)
        return start < end ? TimeRange(start, end) : nil
    }
}

extension [TimeRange] {
    public func contains(_ time: Double) -> Bool { contains { $0.contains(time) } }

    /// The same stretches in order, those that overlap or lie no further apart than `gap` joined.
    public func joined(gap: Double = 0) -> [TimeRange] {
        var result: [TimeRange] = []
        for range in sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) where range.duration > 0 {
            if let last = result.last, range.start <= last.end + gap {
                result[result.count - 1].end = Swift.max(last.end, range.end)
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// Within a range, in order and without overlaps.
    public func clipped(to range: TimeRange) -> [TimeRange] { compactMap { $0.intersection(range) }.joined() }

    /// Their length, each moment once.
    public var duration: Double { joined().reduce(0) { $0 + $1.duration } }
}

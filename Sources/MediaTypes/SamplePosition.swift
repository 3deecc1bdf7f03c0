/// The index of a sound sample at ``AudioFormat/sampleRate`` since the stream's first sample. Only grows.
public struct SamplePosition: Hashable, Comparable, Sendable {
    public var index: Int64

    public init(_ index: Int64) { self.index = index }

    public static func < (a: SamplePosition, b: SamplePosition) -> Bool { a.index < b.index }
    public static func + (a: SamplePosition, count: Int) -> SamplePosition { SamplePosition(a.index + Int64(count)) }
    public static func - (a: SamplePosition, b: SamplePosition) -> Int { Int(a.index - b.index) }
}

/// The one format of sound inside the project: 16 kHz, mono, `Float` in [−1, 1).
public enum AudioFormat {
    public static let sampleRate = 16_000
    /// 1 s ÷ 16 000, exactly.
    public static let sampleSpan = TimeSpan(nanoseconds: 62_500)

    public static func span(samples: Int) -> TimeSpan { TimeSpan(nanoseconds: Int64(samples) * sampleSpan.nanoseconds) }
}

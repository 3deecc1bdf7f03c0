public import MediaTypes

/// Intervals of a clip in which one modality is withheld, as when a cable comes loose: `audio=2s..5s`.
public struct DropSchedule: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public enum Stream: String, Sendable { case audio, video }

        public var stream: Stream
        public var start: Instant
        public var end: Instant

        /// Reads `audio=2s..5s`, `video=700ms..1.5s`; a number without unit is seconds.
        /// - Throws: ``AgentError`` that says what was expected.
        public init(_ text: String) throws(AgentError) {
            func refused(_ reason: String) -> AgentError {
                AgentError(.configuration, "--drop \(text): \(reason); expected for example audio=2s..5s or video=700ms..1.5s")
            }
            let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let stream = Stream(rawValue: String(halves[0])) else {
                throw refused("it does not begin with audio= or video=")
            }
            guard let dots = halves[1].firstRange(of: "..") else { throw refused("no '..' between start and end") }
            guard let start = Instant(halves[1][..<dots.lowerBound]), let end = Instant(halves[1][dots.upperBound...]) else {
                throw refused("start or end is not a time")
            }
            guard start < end else { throw refused("it ends before it starts") }
            self.stream = stream
            self.start = start
            self.end = end
        }
    }

    public var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }

    public func drops(_ stream: Entry.Stream, at instant: Instant) -> Bool {
        entries.contains { $0.stream == stream && $0.start <= instant && instant < $0.end }
    }
}

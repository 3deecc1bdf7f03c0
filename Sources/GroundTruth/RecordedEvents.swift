public import Foundation

/// What the agent said about a clip, as `fwoc-agent replay --events` writes it: identity events, and with `--observations` the faces of each frame.
public struct RecordedEvents: Sendable, Hashable {
    /// A decision about one appearance.
    public struct Decision: Sendable, Hashable {
        /// Seconds of the clip.
        public var time: Double
        public var track: Int
        /// `new`, `update` or `end`.
        public var type: String
        /// Who, where somebody is identified.
        public var name: String?
        /// x, y, width, height in fractions of the picture; `nil` for a voice without a face.
        public var box: [Double]?

        public init(time: Double, track: Int, type: String, name: String? = nil, box: [Double]? = nil) {
            self.time = time
            self.track = track
            self.type = type
            self.name = name
            self.box = box
        }
    }

    /// A face that was followed in a frame.
    public struct Sighting: Sendable, Hashable {
        public var track: Int
        public var box: [Double]
        /// How surely it speaks, 0…1; `nil` where that was not looked at.
        public var speaking: Double?

        public init(track: Int, box: [Double], speaking: Double? = nil) {
            self.track = track
            self.box = box
            self.speaking = speaking
        }
    }

    public struct Frame: Sendable, Hashable {
        public var time: Double
        public var faces: [Sighting]

        public init(time: Double, faces: [Sighting]) {
            self.time = time
            self.faces = faces
        }
    }

    public var decisions: [Decision]
    /// `nil` where the events were written without `--observations`.
    public var frames: [Frame]?
    /// Sound later than picture as measured, in seconds; `nil` where it was not.
    public var soundOffset: Double?

    public init(decisions: [Decision], frames: [Frame]? = nil, soundOffset: Double? = nil) {
        self.decisions = decisions
        self.frames = frames
        self.soundOffset = soundOffset
    }

    /// - Parameter recorded: the wall-clock time of the clip's beginning, which a replay takes from the file, else the beginning of 1970.
    public init(contentsOf path: String, recorded: Date = Date(timeIntervalSince1970: 0)) throws(GroundTruthError) {
        try self.init(lines: InputFile.contents(path, expected: "events, one JSON object a line, as fwoc-agent replay --events writes them"), path: path, recorded: recorded)
    }

    /// - Parameter path: how messages name it.
    public init(lines: Data, path: String, recorded: Date = Date(timeIntervalSince1970: 0)) throws(GroundTruthError) {
        self.init(decisions: [])
        var observed: [Frame] = []
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for (index, line) in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() where !line.isEmpty {
            func refuse(_ problem: String) -> GroundTruthError { GroundTruthError(.badData, "\(path):\(index + 1): \(problem)") }
            let record: Record
            do { record = try decoder.decode(Record.self, from: line) } catch {
                throw refuse("this is no event; expected a JSON object as fwoc-agent replay --events writes it")
            }
            switch record.schema {
            case "fwoc.identity/1":
                guard let text = record.ts, let track = record.track, let type = record.type else { throw refuse("an identity event without ts, track or type") }
                guard let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)) else { throw refuse("ts ‘\(text)’ is no time in UTC with milliseconds") }
                guard ["new", "update", "end"].contains(type) else { throw refuse("type ‘\(type)’ is none of new, update, end") }
                let box = try Self.box(record.bbox, refuse)
                let time = ((date.timeIntervalSince(recorded)) * 1000).rounded() / 1000
                decisions.append(Decision(time: time, track: track, type: type, name: record.person?.name, box: box))
            case "fwoc.observation/1":
                guard let time = record.t, let faces = record.faces else { throw refuse("an observation without t or faces") }
                var sightings: [Sighting] = []
                for face in faces {
                    guard let box = try Self.box(face.bbox, refuse) else { throw refuse("a face without bbox") }
                    sightings.append(Sighting(track: face.track, box: box, speaking: face.speaking?.confidence))
                }
                observed.append(Frame(time: time, faces: sightings))
            case "fwoc.replay/1": soundOffset = record.soundOffsetMs.map { $0 / 1000 }
            case nil: throw refuse("no schema; expected fwoc.identity/1 and what else fwoc-agent replay --events writes")
            // What is said to subscribers beside it is nothing to score.
            default: continue
            }
        }
        if !observed.isEmpty { frames = observed }
    }

    private static func box(_ numbers: [Double]?, _ refuse: (String) -> GroundTruthError) throws(GroundTruthError) -> [Double]? {
        guard let numbers else { return nil }
        guard numbers.count == 4, numbers.allSatisfy(\.isFinite) else { throw refuse("bbox has \(numbers.count) numbers, expected x, y, width, height") }
        return numbers
    }

    private struct Record: Decodable {
        struct Person: Decodable { var name: String }
        struct Speaking: Decodable { var confidence: Double }
        struct Face: Decodable {
            var track: Int
            var bbox: [Double]?
            var speaking: Speaking?
        }

        var schema: String?
        var ts: String?
        var type: String?
        var track: Int?
        var person: Person?
        var bbox: [Double]?
        var t: Double?
        var faces: [Face]?
        var soundOffsetMs: Double?
    }
}

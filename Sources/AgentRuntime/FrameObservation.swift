public import Foundation
import Gallery
import MediaTypes
import Recognition

/// The faces that are followed at one frame, as a line for those who compare them with what is true: schema `fwoc.observation/1`.
public struct FrameObservation: Encodable, Sendable {
    public struct Person: Encodable, Sendable {
        public var id: String
        public var name: String
    }

    public struct Speaking: Encodable, Sendable {
        public var state: Bool
        public var confidence: Double
    }

    public struct Face: Encodable, Sendable {
        public var track: Int
        /// As in an identity event.
        public var bbox: [Double]
        /// Absent before the first decision.
        public var decision: String?
        public var person: Person?
        public var speaking: Speaking?
    }

    public private(set) var schema = "fwoc.observation/1"
    /// Seconds of the clip.
    public var t: Double
    public var faces: [Face]
    public var video: String
    public var audio: String

    /// What a recognizer knows after a frame.
    init(_ recognizer: Recognizer, frame: VideoFrame) {
        func rounded(_ value: Float) -> Double { (Double(value) * 10_000).rounded() / 10_000 }
        t = (frame.instant.seconds * 10_000).rounded() / 10_000
        let (width, height) = (Float(frame.width), Float(frame.height))
        faces = recognizer.observations.map { face in
            Face(
                track: face.track.value,
                bbox: [face.box.x / width, face.box.y / height, face.box.width / width, face.box.height / height].map(rounded), decision: face.verdict?.rawValue,
                person: face.person.map { Person(id: $0.id.rawValue, name: $0.name) },
                speaking: face.speaking.map { Speaking(state: $0.state, confidence: rounded($0.confidence)) })
        }
        video = recognizer.videoState.rawValue
        audio = recognizer.audioState.rawValue
    }

    /// One line of JSON without its line end, keys in alphabetical order.
    public func json() throws -> Data { try ObservationLine.json(self) }
}

/// What is known once a clip has been replayed, as the last line after its observations: schema `fwoc.replay/1`.
public struct ReplayObservation: Encodable, Sendable {
    public private(set) var schema = "fwoc.replay/1"
    public var frames: Int
    /// Sound later than picture; absent where it was not measured or too little speech was seen and heard.
    public var soundOffsetMs: Double?

    public init(_ summary: ReplaySummary) {
        frames = summary.frames
        soundOffsetMs = summary.soundOffsetMs
    }

    public func json() throws -> Data { try ObservationLine.json(self) }
}

private enum ObservationLine {
    static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(value)
    }
}

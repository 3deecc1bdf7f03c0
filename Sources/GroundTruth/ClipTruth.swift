public import Foundation

/// What is true in a clip, frame by frame: schema `fwoc.truth/1`, the JSON file beside a clip.
///
/// Times are seconds on the picture's time line, 0 the clip's beginning; places are pixels of the picture, the centre of its top left pixel (0, 0);
/// left and right are the picture's. What is heard is heard ``soundOffset(at:)`` later than it is said here. Keys are written in snake case.
public struct ClipTruth: Codable, Sendable, Hashable {
    public static let schemaName = "fwoc.truth/1"

    public struct Person: Codable, Sendable, Hashable {
        /// As the scene names the person; unique.
        public var id: String
        /// As a gallery would.
        public var name: String
        /// Of the face.
        public var seed: UInt64?
        /// Of the voice.
        public var voice: UInt64?
        /// When some of the head is within the picture, whether or not the picture reached the file; empty for who is only heard.
        public var onScreen: [TimeRange]

        public init(id: String, name: String, seed: UInt64? = nil, voice: UInt64? = nil, onScreen: [TimeRange]) {
            self.id = id
            self.name = name
            self.seed = seed
            self.voice = voice
            self.onScreen = onScreen
        }
    }

    public enum SpeechKind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The person's lips, where they are in the picture, and the person's voice.
        case own
        /// Lips alone; nothing is heard.
        case silent
        /// The person's lips, another one's sound.
        case dubbed
    }

    public struct Phoneme: Codable, Sendable, Hashable {
        public var symbol: String
        public var start: Double
        public var end: Double

        public init(symbol: String, start: Double, end: Double) {
            self.symbol = symbol
            self.start = start
            self.end = end
        }
    }

    /// One run of speech, from its first sound to its last.
    public struct Speech: Codable, Sendable, Hashable {
        /// Whose lips.
        public var person: String
        public var start: Double
        public var end: Double
        public var text: String
        public var kind: SpeechKind
        /// Whose voice is heard; absent where nothing is.
        public var heard: String?
        /// When that one's last sound is, where it is not the lips' own.
        public var heardEnd: Double?
        public var phonemes: [Phoneme]?

        public init(person: String, start: Double, end: Double, text: String, kind: SpeechKind = .own, heard: String? = nil, heardEnd: Double? = nil, phonemes: [Phoneme]? = nil) {
            self.person = person
            self.start = start
            self.end = end
            self.text = text
            self.kind = kind
            self.heard = heard
            self.heardEnd = heardEnd
            self.phonemes = phonemes
        }

        public var range: TimeRange { TimeRange(start, end) }
    }

    /// When a modality was lost on its way into the file.
    public struct Lost: Codable, Sendable, Hashable {
        /// There are no frames.
        public var video: [TimeRange]
        /// There is no sound: no samples, or zeros.
        public var sound: [TimeRange]
        /// There are frames, all the same; the scene went on.
        public var frozen: [TimeRange]

        public init(video: [TimeRange] = [], sound: [TimeRange] = [], frozen: [TimeRange] = []) {
            self.video = video
            self.sound = sound
            self.frozen = frozen
        }
    }

    /// A face in a frame.
    public struct Face: Codable, Sendable, Hashable {
        public var person: String
        /// x, y, width, height, as the detectors mean it: brow or forehead to chin, ear to ear.
        public var box: [Double]
        /// x and y of the eyes, the nose's tip and the mouth's corners, left ones first; 10 numbers, or none where they are not known.
        public var landmarks: [Double]?
        /// Yaw, pitch and roll in degrees.
        public var pose: [Double]?
        /// How much of the face is seen, 0…1.
        public var visible: Double
        /// Gap of the inner lips and distance of the corners beyond rest's, in widths of the face.
        public var mouth: [Double]?
        /// Of the speech going on; absent in silence.
        public var speech: SpeechKind?
        public var phoneme: String?

        public init(
            person: String, box: [Double], landmarks: [Double]? = nil, pose: [Double]? = nil, visible: Double = 1, mouth: [Double]? = nil,
            speech: SpeechKind? = nil, phoneme: String? = nil
        ) {
            self.person = person
            self.box = box
            self.landmarks = landmarks
            self.pose = pose
            self.visible = visible
            self.mouth = mouth
            self.speech = speech
            self.phoneme = phoneme
        }
    }

    /// A frame of the file: none stands for the lost ones.
    public struct Frame: Codable, Sendable, Hashable {
        public var time: Double
        public var faces: [Face]

        public init(time: Double, faces: [Face]) {
            self.time = time
            self.faces = faces
        }
    }

    public var schema = schemaName
    /// The clip's file name, its folder this file's.
    public var clip: String
    /// Of the scene.
    public var seed: UInt64
    public var width: Int
    public var height: Int
    /// Frames a second that were aimed at.
    public var frameRate: Double
    /// Seconds.
    public var duration: Double
    /// Sound later than picture at the clip's beginning, in seconds; negative: earlier.
    public var soundOffset: Double
    /// By how many seconds that grows in each second.
    public var soundDrift: Double
    public var people: [Person]
    public var speech: [Speech]
    public var lost: Lost
    public var frames: [Frame]

    public init(
        clip: String, seed: UInt64 = 0, width: Int, height: Int, frameRate: Double, duration: Double, soundOffset: Double = 0, soundDrift: Double = 0,
        people: [Person], speech: [Speech] = [], lost: Lost = Lost(), frames: [Frame]
    ) {
        self.clip = clip
        self.seed = seed
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.duration = duration
        self.soundOffset = soundOffset
        self.soundDrift = soundDrift
        self.people = people
        self.speech = speech
        self.lost = lost
        self.frames = frames
    }

    /// How much later than the picture the sound is that belongs to this moment of it.
    public func soundOffset(at time: Double) -> Double { soundOffset + soundDrift * time }

    /// The offset that a measurement over the whole clip is to find.
    public var meanSoundOffset: Double { soundOffset(at: duration / 2) }

    /// When a person's voice is heard, on the clip's time line; what is lost on its way included.
    public func heard(_ person: String) -> [TimeRange] {
        speech.filter { $0.heard == person }.map { speech in
            let end = max(speech.start, speech.heardEnd ?? speech.end)
            return TimeRange(speech.start + soundOffset(at: speech.start), end + soundOffset(at: end))
        }.joined()
    }

    /// Keys in alphabetical order, nothing but what is needed: the same truth gives the same bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self)
    }
}

public import GroundTruth
public import MediaFiles
public import SyntheticFaces
public import SyntheticVoices

/// A clip that is to be made: who is where, who says what, and what befalls picture and sound. A value; the same value gives the same truth and frames.
///
/// Times are seconds of the picture, places parts of the picture's width and height from its top left corner, sizes the distance between the eyes in parts of
/// the picture's height.
public struct Scene: Sendable {
    public struct Person: Sendable {
        public var id: String
        public var name: String
        public var faceSeed: UInt64
        public var face = FaceTraits()
        public var voiceSeed: UInt64
        public var voice = VoiceTraits()
        /// Where the head is, in order of time and at least one; between two it moves smoothly.
        public var places: [Place]
        /// Parts of the clip in which the person is in the room; empty for who is only heard.
        public var presence: [Presence]
        /// How much the head moves by itself; 1 is usual, 0 still.
        public var liveliness = 1.0
        /// What the person looks at while nobody speaks.
        public var looks = Look.camera

        public init(id: String, name: String, faceSeed: UInt64, voiceSeed: UInt64, places: [Place], presence: [Presence]) {
            self.id = id
            self.name = name
            self.faceSeed = faceSeed
            self.voiceSeed = voiceSeed
            self.places = places
            self.presence = presence
        }
    }

    public enum Look: String, Sendable, CaseIterable {
        case camera
        /// At who speaks, now and then at the camera.
        case others
    }

    public struct Place: Sendable, Hashable {
        public var time: Double
        /// The point between the eyes.
        public var x: Double
        public var y: Double
        public var size: Double
        /// Degrees.
        public var yaw: Double
        public var pitch: Double
        public var roll: Double

        public init(time: Double = 0, x: Double, y: Double, size: Double, yaw: Double = 0, pitch: Double = 0, roll: Double = 0) {
            self.time = time
            self.x = x
            self.y = y
            self.size = size
            self.yaw = yaw
            self.pitch = pitch
            self.roll = roll
        }
    }

    public enum Side: String, Sendable, CaseIterable { case left, right, below, cut }

    /// Being in the room for a while: in from a side, out to one. Coming and going takes 0.8 s of it each, unless it is a cut.
    public struct Presence: Sendable, Hashable {
        public var range: TimeRange
        public var from: Side
        public var to: Side

        public init(_ range: TimeRange, from: Side = .cut, to: Side = .cut) {
            self.range = range
            self.from = from
            self.to = to
        }
    }

    public struct Talk: Sendable, Hashable {
        public var person: String
        public var start: Double
        /// What is said; `nil`: phrases of the seed, as many as fit before `end`, at least one.
        public var text: String?
        public var end: Double?
        public var seed: UInt64
        public var kind: ClipTruth.SpeechKind
        /// Whose voice is heard instead, where it is dubbed.
        public var voice: String?
        /// dB.
        public var gain: Double
        /// Where it is written, for messages: file, line and key.
        public var origin = "talk"

        public init(
            person: String, start: Double, text: String? = nil, end: Double? = nil, seed: UInt64 = 0, kind: ClipTruth.SpeechKind = .own, voice: String? = nil, gain: Double = 0
        ) {
            self.person = person
            self.start = start
            self.text = text
            self.end = end
            self.seed = seed
            self.kind = kind
            self.voice = voice
            self.gain = gain
        }
    }

    public enum Background: Sendable, Hashable {
        /// A generated room.
        case room(UInt64)
        /// A picture file, cut to the clip's shape.
        case picture(String)
        /// Red, green and blue, 0…255.
        case colour(UInt8, UInt8, UInt8)
    }

    /// What the camera makes of the scene; at each moment one of these.
    public struct Camera: Sendable, Hashable {
        /// Out of focus by this σ, in thousandths of the picture's width.
        public var blur = 0.0
        /// Smeared along a line of this length, in thousandths of the picture's width.
        public var motion = 0.0
        /// Standard deviation of the noise at middle grey, in levels of 255.
        public var grain = 2.0
        /// The part of the light that is left: 1 is well lit.
        public var light = 1.0
        /// What the exposure multiplies brightness by.
        public var exposure = 1.0
        /// The part of the pixels in each direction that is left.
        public var resolution = 1.0
        /// Width of the shaking, in thousandths of the picture's width.
        public var shake = 0.0

        public init() {}
    }

    /// Something that lasts for a while.
    public struct Change: Sendable, Hashable {
        public enum Effect: Sendable, Hashable {
            case dropVideo
            case dropSound(SoundLoss)
            case freeze
            case frameRate(Double)
            case blur(Double), motion(Double), grain(Double), light(Double), exposure(Double), resolution(Double), shake(Double)
            /// Something in front: its middle, width and height in parts of the picture; of a person's head where one is named.
            case cover(x: Double, y: Double, width: Double, height: Double, person: String?)
        }

        public var range: TimeRange
        public var effect: Effect

        public init(_ range: TimeRange, _ effect: Effect) {
            self.range = range
            self.effect = effect
        }
    }

    public enum SoundLoss: String, Sendable, CaseIterable {
        /// No samples in the file.
        case gap
        /// Zeros.
        case silence
    }

    public var seed: UInt64
    public var width: Int
    public var height: Int
    public var frameRate: Double
    /// By how much frames come early or late, at most, in seconds.
    public var jitter = 0.0
    /// `nil`: until half a second after the last word or change.
    public var duration: Double?
    public var format = ClipFormat()
    /// Constant quality of the picture, 0 (best) … 51.
    public var quality = 23
    public var hasSound = true
    public var background: Background
    public var lightSeed: UInt64
    public var camera = Camera()
    public var acoustics: SoundScene
    /// Sound later than picture, in seconds, and by how many seconds that grows in a second.
    public var soundOffset = 0.0
    public var soundDrift = 0.0
    public var people: [Person]
    public var talk: [Talk]
    public var changes: [Change]

    public init(seed: UInt64, width: Int = 320, height: Int = 240, frameRate: Double = 25, people: [Person], talk: [Talk] = [], changes: [Change] = []) {
        self.seed = seed
        self.width = width
        self.height = height
        self.frameRate = frameRate
        background = .room(seed)
        lightSeed = seed
        acoustics = .clean
        self.people = people
        self.talk = talk
        self.changes = changes
    }

    /// The camera's settings at a moment.
    func camera(at time: Double) -> Camera {
        var camera = camera
        for change in changes where change.range.contains(time) {
            switch change.effect {
            case .blur(let value): camera.blur = value
            case .motion(let value): camera.motion = value
            case .grain(let value): camera.grain = value
            case .light(let value): camera.light = value
            case .exposure(let value): camera.exposure = value
            case .resolution(let value): camera.resolution = value
            case .shake(let value): camera.shake = value
            default: continue
            }
        }
        return camera
    }

    func ranges(_ matches: (Change.Effect) -> Bool, within whole: TimeRange) -> [TimeRange] { changes.filter { matches($0.effect) }.map(\.range).clipped(to: whole) }
}

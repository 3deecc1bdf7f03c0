/// The values that define the preprocessing of a model, as data: stored in its bundle, checked when the model is loaded.
///
/// Two contracts are the same preprocessing exactly when their ``fingerprint``s are equal.
public struct FrontEndContract: Hashable, Codable, Sendable {
    /// How pictures become numbers; nil for a model that reads none.
    public var picture: PictureContract?
    /// How sound becomes numbers; nil for a model that reads none.
    public var sound: SoundContract?

    public init(picture: PictureContract? = nil, sound: SoundContract? = nil) {
        self.picture = picture
        self.sound = sound
    }
}

/// Which part of a frame a network reads, and as what numbers.
public struct PictureContract: Hashable, Codable, Sendable {
    /// Order of the planes.
    public enum Colour: String, Hashable, Codable, Sendable {
        case rgb, bgr, grey

        public var channels: Int { self == .grey ? 1 : 3 }
    }

    public enum Geometry: Hashable, Codable, Sendable {
        /// The whole frame scaled to fit, aspect kept, padded on the right and at the bottom. See ``DetectorInput``.
        case letterbox
        /// Similarity that brings five landmarks (eyes, nose, mouth corners) to these pixel positions of the crop (Umeyama 1991).
        case fivePoints(template: [SIMD2<Float>])
        /// Square about the centre of the face box, `boxScale` times its longer side, turned so that the eyes are level.
        case levelSquare(boxScale: Float)
        /// Upright square about the centre of the face box, `boxScale` times its longer side.
        case uprightSquare(boxScale: Float)
        /// The head-and-chin square of TalkNet's and LR-ASD's demonstration code, made with this crop scale.
        case speakingFace(cropScale: Float)
        /// Upright square about the middle of the mouth corners, `widthScale` times their distance.
        case mouth(widthScale: Float)
    }

    /// Size in pixels.
    public var width: Int
    public var height: Int
    public var colour: Colour
    public var geometry: Geometry
    /// Grey level 0…255 of what lies outside the frame, before normalisation.
    public var border: Float
    /// A plane's value is (level 0…255 − mean)·scale. One number a plane, in the order of `colour`.
    public var mean: [Float]
    public var scale: [Float]

    public init(width: Int, height: Int, colour: Colour, geometry: Geometry, border: Float = 0, mean: [Float]? = nil, scale: [Float]? = nil) {
        self.width = width
        self.height = height
        self.colour = colour
        self.geometry = geometry
        self.border = border
        self.mean = mean ?? [Float](repeating: 0, count: colour.channels)
        self.scale = scale ?? [Float](repeating: 1, count: colour.channels)
    }

    /// Numbers in one picture: `[channels, height, width]`.
    public var elementCount: Int { colour.channels * width * height }
}

/// What a network hears.
public enum SoundContract: Hashable, Codable, Sendable {
    case logMel(LogMelContract)
    case mfcc(MFCCContract)
    case waveform(WaveformContract)
}

/// Kaldi's log-mel filter bank (`compute-fbank-feats`, no dither, `snip_edges`). See ``LogMel``.
public struct LogMelContract: Hashable, Codable, Sendable {
    public enum Window: String, Hashable, Codable, Sendable { case hamming, povey }

    public var sampleRate = 16_000
    /// Samples of a frame, of the hop between frames, and of the transform.
    public var frameLength = 400
    public var frameShift = 160
    public var transformLength = 512
    public var filters = 80
    /// Hz.
    public var lowFrequency: Float = 20
    public var highFrequency: Float = 8000
    public var preEmphasis: Float = 0.97
    public var window = Window.hamming
    public var removesOffset = true
    /// Samples in [−1, 1) are multiplied by this first. It moves every logarithm alike, which mean subtraction takes back, and decides only when quiet
    /// parts fall under the energy floor: at 32768 in digital silence, at 1 already in quiet rooms.
    ///
    /// Measured with `speaker_tdnn_512`, same against different speakers at 4 s, EER in per cent at 32768 and at 1: five sets of public speech
    /// (interviews, acted, read) 8.8 and 8.8 on average; the same 30 dB fainter and in 16 bits 9.3 and 9.8. So 32768, which cares less about the microphone's gain.
    public var sampleScale: Float = 32768
    /// Smallest energy before the logarithm.
    public var energyFloor: Float = 0x1p-23
    /// Whether the mean over the utterance is subtracted from each filter. See ``LogMel/subtractMean(from:filters:)``.
    public var subtractsMean = true

    public init() {}
}

/// Cepstra of the Python package `python_speech_features`. See ``MFCC``.
public struct MFCCContract: Hashable, Codable, Sendable {
    public var sampleRate = 16_000
    public var frameLength = 400
    public var frameShift = 160
    public var transformLength = 512
    public var filters = 26
    public var coefficients = 13
    /// Hz.
    public var lowFrequency: Float = 0
    public var highFrequency: Float = 8000
    public var preEmphasis: Float = 0.97
    public var lifter: Float = 22
    /// The first coefficient is the logarithm of the frame's energy.
    public var energyFirst = true
    /// Samples are rounded to 16-bit integers first, as when they are read from a WAV file.
    public var roundsTo16Bits = true

    public init() {}
}

/// Consecutive samples as they are. See ``SampleFraming``.
public struct WaveformContract: Hashable, Codable, Sendable {
    public var sampleRate = 16_000
    /// New samples in a window, and the samples before them that the network sees again.
    public var window: Int
    public var context: Int

    public init(window: Int, context: Int) {
        self.window = window
        self.context = context
    }
}

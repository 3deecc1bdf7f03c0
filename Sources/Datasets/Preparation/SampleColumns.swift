public import FrontEnd

/// The columns of prepared samples. A row is one stretch of one person: a picture, a stretch of a clip in which a face is followed without
/// interruption, or a stretch of a recording.
public enum SampleColumns {
    /// UTF-8.
    public static let identity = "identity"
    /// UTF-8: rows of one session share camera, microphone and day.
    public static let session = "session"
    /// UTF-8: the file, below its source.
    public static let file = "file"
    /// Nanoseconds from the beginning of the clip to that of the row; every other time in the row counts from here.
    public static let start = "start"
    /// The face's number in its clip, 0 for a picture or a recording.
    public static let track = "track"
    /// Aligned faces, red, green and blue planes 0…255; at the chosen rate.
    public static let face = "face"
    /// Nanoseconds from ``start`` to each face.
    public static let faceInstant = "face.instant"
    public static let faceQuality = "face.quality"
    /// Mouths 0…255, 25 a second from ``start``, without gaps.
    public static let mouth = "mouth"
    /// Faces as the speaking-face network reads them, 25 a second from ``start``.
    public static let speakingFace = "speaking-face"
    /// For each 40 ms: how much more likely than not (log odds) the face speaks; NaN where it is not known.
    public static let speaking = "speaking"
    /// For each 40 ms: see ``Speech``.
    public static let speech = "speech"
    /// Samples at 16 kHz from ``start``, of the same stretch as the mouths, other people's speech included: ``speech`` says whose.
    public static let sound = "sound"
    public static let soundQuality = "sound.quality"

    /// Values of the column ``speech``.
    public enum Speech {
        /// No speech.
        public static let none: UInt8 = 0
        /// The row's person speaks.
        public static let own: UInt8 = 1
        /// Somebody speaks; not this face, or it is not clear who.
        public static let other: UInt8 = 2
    }

    public static let faceQualityFields = ["quality", "sharpness", "yaw", "pitch", "roll", "height", "detection"]
    public static let soundQualityFields = ["snr-db", "speech-seconds"]

    public static let faceSide = 112
    public static let mouthSide = 96

    public static let faceContract = PictureContract(
        width: faceSide, height: faceSide, colour: .rgb, geometry: .fivePoints(template: AlignmentTemplate.arcFace112))
    public static let mouthContract = PictureContract(width: mouthSide, height: mouthSide, colour: .grey, geometry: .mouth(widthScale: mouthScale))
    /// Side of a mouth's square, in widths of the mouth.
    public static let mouthScale: Float = 2

    /// What rows are declared to hold.
    /// - Parameter mouths: which pictures at 25 a second are kept.
    public static func description(mouths: Set<MouthCrop>, origin: [String: String]) -> ShardDescription {
        func text(_ contract: PictureContract) -> String { FrontEndContract(picture: contract).fingerprint }
        let wave = "fwoc.frontend/1\nsound.kind=samples\nsound.sampleRate=16000\nsound.scale=32768\n"
        var columns = [
            ColumnDeclaration(identity, .uint8), ColumnDeclaration(session, .uint8), ColumnDeclaration(file, .uint8), ColumnDeclaration(start, .int64),
            ColumnDeclaration(track, .int32), ColumnDeclaration(face, .uint8, shape: [3, faceSide, faceSide], frontEnd: text(faceContract)),
            ColumnDeclaration(faceInstant, .int64),
            ColumnDeclaration(faceQuality, .float32, shape: [faceQualityFields.count], fields: faceQualityFields),
        ]
        if mouths.contains(.lips) { columns.append(ColumnDeclaration(mouth, .uint8, shape: [mouthSide, mouthSide], frontEnd: text(mouthContract))) }
        if mouths.contains(.speakingFace), let contract = FrontEndContract.lrASD.picture {
            columns.append(ColumnDeclaration(speakingFace, .uint8, shape: [contract.height, contract.width], frontEnd: text(contract)))
        }
        columns += [
            ColumnDeclaration(speaking, .float32), ColumnDeclaration(speech, .uint8), ColumnDeclaration(sound, .int16, frontEnd: wave),
            ColumnDeclaration(soundQuality, .float32, shape: [soundQualityFields.count], fields: soundQualityFields),
        ]
        return ShardDescription(columns: columns, origin: origin)
    }
}

/// Pictures at 25 a second that rows of clips keep.
public enum MouthCrop: String, Hashable, Sendable, CaseIterable {
    /// 96×96 about the mouth, for lip encoders.
    case lips
    /// 112×112 of the whole face, as the speaking-face network reads it.
    case speakingFace = "speaking-face"
}

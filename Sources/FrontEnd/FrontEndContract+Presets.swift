/// The preprocessing of the public reference models.
extension FrontEndContract {
    /// Face detector YuNet: BGR 0…255, any size that is a multiple of 32.
    public static func yunet(width: Int = 640, height: Int = 384) -> FrontEndContract {
        FrontEndContract(picture: PictureContract(width: width, height: height, colour: .bgr, geometry: .letterbox))
    }

    /// Face detector Ultra-Light-Fast-Generic-Face RFB-320.
    public static let ultraLightFace320 = FrontEndContract(
        picture: PictureContract(
            width: 320, height: 240, colour: .rgb, geometry: .letterbox, mean: [127, 127, 127], scale: [1 / 128, 1 / 128, 1 / 128]))

    /// Face encoder `mobilefacenet_128`: ImageNet's mean and deviation.
    public static let mobileFaceNet128 = FrontEndContract(
        picture: PictureContract(
            width: 112, height: 112, colour: .rgb, geometry: .fivePoints(template: AlignmentTemplate.arcFace112),
            mean: [0.485 * 255, 0.456 * 255, 0.406 * 255], scale: [1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)]))

    /// Face encoder `face_mbf_512`: (level − 127.5)/127.5.
    public static let faceMBF512 = FrontEndContract(
        picture: PictureContract(
            width: 112, height: 112, colour: .rgb, geometry: .fivePoints(template: AlignmentTemplate.arcFace112),
            mean: [127.5, 127.5, 127.5], scale: [1 / 127.5, 1 / 127.5, 1 / 127.5]))

    /// Dense landmarks `face_mesh_468`: level/255.
    public static let faceMesh468 = FrontEndContract(
        picture: PictureContract(
            width: 192, height: 192, colour: .rgb, geometry: .levelSquare(boxScale: 1.5), scale: [1 / 255, 1 / 255, 1 / 255]))

    /// Voice encoder `speaker_tdnn_512`.
    public static let speakerTDNN512 = FrontEndContract(sound: .logMel(LogMelContract()))

    /// Voice activity detector Silero, 16 kHz.
    public static let silero = FrontEndContract(sound: .waveform(WaveformContract(window: 512, context: 64)))

    /// Active speaker detector LR-ASD: grey faces 0…255 and cepstra.
    ///
    /// The whole box of YuNet's, which are tighter than those of the detector behind LR-ASD's own geometry (`speakingFace` with a crop scale of 0.4): that one
    /// cuts the eyes off them, and on real conversations the whole box tells two men apart better.
    public static let lrASD = FrontEndContract(
        picture: PictureContract(width: 112, height: 112, colour: .grey, geometry: .uprightSquare(boxScale: 1), border: 110),
        sound: .mfcc(MFCCContract()))

    /// Mouths of the two-stream network: grey, (level − 127.5)/127.5.
    public static let mouth96 = FrontEndContract(
        picture: PictureContract(width: 96, height: 96, colour: .grey, geometry: .mouth(widthScale: 2), mean: [127.5], scale: [1 / 127.5]))

    /// Sound of the two-stream network: the voice encoder's log-mel frames before a mean is subtracted.
    public static let logMel80: FrontEndContract = {
        var contract = LogMelContract()
        contract.subtractsMean = false
        return FrontEndContract(sound: .logMel(contract))
    }()
}

/// The preprocessing of encoders that this project trains.
extension FrontEndContract {
    /// Faces: that of `face_mbf_512`, which most public encoders of aligned faces share, so that one may teach another.
    public static let face112 = faceMBF512

    /// Voices: ``logMel80`` after the mean of each filter over the utterance is subtracted.
    public static let logMel80Centred = speakerTDNN512
}

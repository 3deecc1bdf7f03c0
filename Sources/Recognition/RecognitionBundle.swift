import Biometrics
import Foundation
import FrontEnd
public import Gallery
public import ModelBundle

/// A bundle whose files are verified and whose networks can be built: what recognition needs of it, wired together.
///
/// Both programs recognise with it, the agent to decide and the trainer to prepare its data. Safe to share between threads; the networks
/// and recognizers that it makes are not.
public struct RecognitionBundle: Sendable {
    private let bundle: ModelBundle.Bundle
    private let matching: BundleManifest.Matching

    /// The roles that recognition runs. Only the detector and the two encoders must be there.
    public static let roles: Set<BundleRole> = [.faceDetector, .faceLandmarks, .faceEncoder, .voiceEncoder, .voiceActivity, .speakingFace, .syncVideo, .syncAudio, .fuser]
    public static let requiredRoles: Set<BundleRole> = [.faceDetector, .faceEncoder]

    /// Finds, reads and verifies a bundle.
    public init(_ nameOrDirectory: String, locations: BundleLocations) throws(BundleError) {
        let bundle = try ModelBundle.Bundle.load(nameOrDirectory, locations: locations)
        for role in Self.requiredRoles { _ = try bundle.role(role) }
        guard let matching = bundle.manifest.matching else {
            throw Self.manifestError(bundle, "matching", "the section is missing; thresholds cannot be guessed")
        }
        self.bundle = bundle
        self.matching = matching
        for role in Self.roles where bundle.roles.contains(role) {
            try bundle.requireContract(role, canonicalText: role == .fuser ? try fuserContract : try contract(role).fingerprint)
        }
    }

    /// Name and hash, as events state them.
    public var fingerprint: String { bundle.fingerprint }

    /// What a gallery must have been filled by.
    public var encoders: [Modality: EncoderIdentity] {
        get throws(BundleError) {
            var encoders: [Modality: EncoderIdentity] = [:]
            for (modality, role) in [(Modality.face, BundleRole.faceEncoder), (.voice, .voiceEncoder)] where bundle.roles.contains(role) {
                guard let dimension = try bundle.role(role).dimension else {
                    throw Self.manifestError(bundle, "roles.\(role).dimension", "is missing; an encoder states how many numbers it gives")
                }
                encoders[modality] = EncoderIdentity(fingerprint: try bundle.encoderFingerprint(role), dimension: dimension)
            }
            return encoders
        }
    }

    public var outlierPolicy: OutlierPolicy {
        var policy = OutlierPolicy.default
        if let face = matching.faceAgreement { policy.minimumSimilarity[.face] = face }
        if let voice = matching.voiceAgreement { policy.minimumSimilarity[.voice] = voice }
        return policy
    }

    public var matchSettings: MatchSettings {
        func scale(_ scale: BundleManifest.Matching.Scale) -> ScoreFusion.Scale {
            ScoreFusion.Scale(impostor: scale.impostor, genuine: scale.genuine, weight: scale.weight)
        }
        var falseAccepts: [ModalitySet: FalseAcceptEstimate] = [:]
        for (set, given) in [(ModalitySet.face, matching.faceCalibration), (.voice, matching.voiceCalibration), (.both, matching.bothCalibration)] {
            guard let given else { continue }
            falseAccepts[set] = FalseAcceptEstimate(calibration: ScoreCalibration(slope: given.slope, offset: given.offset), impostors: given.impostors,
                steps: given.seen.map { FalseAcceptEstimate.Step(score: Float($0.x), bound: $0.y) })
        }
        return MatchSettings(
            thresholds: [.face: matching.faceThreshold, .voice: matching.voiceThreshold, .both: matching.bothThreshold],
            margin: matching.margin, hysteresis: matching.hysteresis ?? 0.06, voiceAloneSeconds: matching.voiceAloneSeconds ?? 2,
            fusion: ScoreFusion(
                face: scale(matching.face), voice: scale(matching.voice), voiceHalfWeight: matching.voiceHalfWeightSeconds ?? 1.5),
            falseAccepts: falseAccepts)
    }

    /// A recognizer.
    /// - Parameters:
    ///   - models: `nil` for networks of its own. Networks that another recognizer had go on after ``RecognitionModels/reset()``.
    ///   - match: the bundle's own thresholds, unless given.
    public func makeRecognizer(
        models: RecognitionModels? = nil, gallery: GallerySnapshot = .empty, match: MatchSettings? = nil,
        settings: Recognizer.Settings = Recognizer.Settings()
    ) throws -> Recognizer {
        var logMel: LogMelContract?
        for role in [BundleRole.voiceEncoder, .syncAudio, .voiceActivity] where logMel == nil && bundle.roles.contains(role) {
            if case .logMel(let contract)? = try contract(role).sound { logMel = contract }
        }
        return try Recognizer(
            models: try models ?? makeModels(), logMel: logMel, gallery: gallery, match: match ?? matchSettings, settings: settings)
    }

    public func makeFaceDetector() throws -> FaceDetector { try FaceDetector(try bundle.graph(.faceDetector)) }

    public func makeFaceEncoder() throws -> FaceEncoder {
        try FaceEncoder(try bundle.graph(.faceEncoder), contract: try contract(.faceEncoder))
    }

    /// The encoder of a face and a voice together and what says so, where the bundle has one.
    public func makeFusedEncoder() throws -> (encoder: FusedEncoder, identity: EncoderIdentity)? {
        guard bundle.roles.contains(.fuser) else { return nil }
        let encoders = try encoders
        guard let face = encoders[.face], let voice = encoders[.voice] else {
            throw Self.manifestError(bundle, "roles.fuser", "needs a face-encoder and a voice-encoder")
        }
        let encoder = try FusedEncoder(try bundle.graph(.fuser), faceDimension: face.dimension, voiceDimension: voice.dimension)
        return (encoder, EncoderIdentity(fingerprint: try bundle.encoderFingerprint(.fuser), dimension: encoder.dimension))
    }

    /// What a fuser has learnt from: these encoders and no others. It must state both.
    private var fuserContract: String {
        get throws(BundleError) {
            var text = "preset=embeddings\n"
            for (key, role) in [("face.sha256", BundleRole.faceEncoder), ("voice.sha256", .voiceEncoder)] {
                guard try bundle.role(.fuser).contract.values[key] != nil else {
                    throw Self.manifestError(bundle, "roles.fuser.contract.\(key)", "is missing; a fuser says which encoders' embeddings it has learnt from")
                }
                text += "\(key)=\(try bundle.role(role).sha256)\n"
            }
            return text
        }
    }

    /// The networks of every role that the bundle has and that is not left out.
    public func makeModels(except left: Set<BundleRole> = []) throws -> RecognitionModels {
        func optional<Model>(_ role: BundleRole, _ make: (Graph, FrontEndContract) throws -> Model) throws -> Model? {
            guard bundle.roles.contains(role), !left.contains(role) else { return nil }
            return try make(try bundle.graph(role), try contract(role))
        }
        return RecognitionModels(
            faceDetector: try optional(.faceDetector) { graph, _ in try FaceDetector(graph) },
            denseLandmarker: try optional(.faceLandmarks) { try DenseLandmarker($0, contract: $1) },
            faceEncoder: try optional(.faceEncoder) { try FaceEncoder($0, contract: $1) },
            voiceEncoder: try optional(.voiceEncoder) { try VoiceEncoder($0, contract: $1) },
            voiceActivity: try optional(.voiceActivity) { try Self.voiceActivity($0, $1) },
            speakingFace: try optional(.speakingFace) { try ActiveSpeakerScorer($0, contract: $1) } ?? makeSynchronyScorer(except: left))
    }

    private static func voiceActivity(_ graph: Graph, _ contract: FrontEndContract) throws -> any VoiceActivityDetector {
        guard case .logMel? = contract.sound else { return try RecurrentVoiceActivityDetector(graph, contract: contract) }
        return try StreamingVoiceActivityDetector(graph, contract: contract)
    }

    /// The two streams, where the bundle has both and no network that reads faces and sound together.
    private func makeSynchronyScorer(except left: Set<BundleRole>) throws -> SynchronyScorer? {
        guard left.isDisjoint(with: [.speakingFace, .syncVideo, .syncAudio]), bundle.roles.contains(.syncVideo), bundle.roles.contains(.syncAudio) else { return nil }
        return try SynchronyScorer(
            mouth: try bundle.graph(.syncVideo), mouthContract: try contract(.syncVideo), sound: try bundle.graph(.syncAudio), soundContract: try contract(.syncAudio))
    }

    /// The front end that the bundle's contract names.
    private func contract(_ role: BundleRole) throws(BundleError) -> FrontEndContract {
        let preset = try bundle.role(role).contract.preset
        switch preset {
        case "yunet": return .yunet()
        case "faceMesh468": return .faceMesh468
        case "mobileFaceNet128": return .mobileFaceNet128
        case "faceMBF512": return .faceMBF512
        case "speakerTDNN512": return .speakerTDNN512
        case "silero": return .silero
        case "lrASD": return .lrASD
        case "mouth96": return .mouth96
        case "face112": return .face112
        case "logMel80": return .logMel80
        case "logMel80Centred": return .logMel80Centred
        default: throw Self.manifestError(bundle, "roles.\(role).contract.preset", "the front end has no preset '\(preset)'")
        }
    }

    private static func manifestError(_ bundle: ModelBundle.Bundle, _ key: String, _ problem: String) -> BundleError {
        .manifest(file: bundle.directory.appending(path: "bundle.yaml").path, line: 1, key: key, problem: problem)
    }
}

/// What `bundle.yaml` says: data only, nothing of it is checked against files yet.
public struct BundleManifest: Sendable, Hashable {
    /// Where the ONNX files lie.
    public enum Location: String, Sendable, Hashable, CaseIterable {
        /// Beside `bundle.yaml`.
        case bundle
        /// In the folder that `--reference-models` or `FWOC_REFERENCE_MODELS` names: public models that are not part of this project.
        case referenceModels = "reference-models"
    }

    /// What the number means that a role gives.
    public enum Score: String, Sendable, Hashable, CaseIterable {
        /// Embeddings; two of them are compared by their cosine.
        case cosine
        /// 0…1.
        case probability
        /// The logarithm of the odds.
        case logit
        /// YuNet: √(class · objectness), both 0…1.
        case geometricMean = "geometric-mean"
    }

    public struct Role: Sendable, Hashable {
        /// A file name without folders.
        public var file: String
        /// Lower-case hexadecimal SHA-256 of the file.
        public var sha256: String
        public var contract: BundleContract
        /// What the code calls an input or output → its name in the graph.
        public var inputs: [String: String]
        public var outputs: [String: String]
        public var score: Score?
        /// Elements of one embedding; encoders only.
        public var dimension: Int?
        public var licence: String?
        public var origin: String?
        public var notes: String?
    }

    /// When somebody counts as identified.
    public struct Matching: Sendable, Hashable {
        /// Where one modality's cosines lie; see `ScoreFusion` in `Recognition`.
        public struct Scale: Sendable, Hashable {
            /// Mean cosine between different people, and between samples of one person.
            public var impostor: Float
            public var genuine: Float
            /// d′²: squared distance of the two means in standard deviations.
            public var weight: Float
        }

        /// What a fused score says, by what it rests on: LLR(s) = slope · s + offset, the natural logarithm of a likelihood ratio. See
        /// `FalseAcceptEstimate` in `Biometrics`.
        public struct Calibration: Sendable, Hashable {
            /// Larger than 0.
            public var slope: Double
            public var offset: Double
            /// Comparisons of different people that it was learnt from.
            public var impostors: Int
            /// Fused scores, ascending, with the share of those comparisons, 0…1, that at most reaches them.
            public var seen: [SIMD2<Double>]

            public init(slope: Double, offset: Double, impostors: Int, seen: [SIMD2<Double>] = []) {
                self.seen = seen
                self.slope = slope
                self.offset = offset
                self.impostors = impostors
            }
        }

        /// Least fused score by what it rests on.
        public var faceThreshold: Float
        public var voiceThreshold: Float
        public var bothThreshold: Float
        /// By how much the best person must lead the second.
        public var margin: Float
        /// By how much the score may fall below the threshold before somebody is no longer identified.
        public var hysteresis: Float?
        /// Speech in seconds that a voice must have to identify somebody alone.
        public var voiceAloneSeconds: Float?
        public var face: Scale
        public var voice: Scale
        /// Voice evidence of this many seconds has half its full weight.
        public var voiceHalfWeightSeconds: Float?
        /// Least average cosine between one person's templates, for outlier rejection when enrolling.
        public var faceAgreement: Float?
        public var voiceAgreement: Float?
        public var faceCalibration: Calibration?
        public var voiceCalibration: Calibration?
        public var bothCalibration: Calibration?
    }

    public var name: String
    public var version: String
    public var licence: String
    public var origin: String
    public var notes: String?
    public var location: Location
    public var roles: [BundleRole: Role]
    public var matching: Matching?

    /// Everything that changes what the bundle computes or decides, in a fixed order; prose is left out.
    public var canonicalText: String {
        var lines = ["fwoc.bundle/1", "name=\(name)", "version=\(version)"]
        for (role, entry) in roles.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("role=\(role)")
            lines.append("file.sha256=\(entry.sha256)")
            lines += entry.contract.canonicalText.split(separator: "\n").map { "contract.\($0)" }
            lines += entry.inputs.sorted { $0.key < $1.key }.map { "input.\($0.key)=\($0.value)" }
            lines += entry.outputs.sorted { $0.key < $1.key }.map { "output.\($0.key)=\($0.value)" }
            lines.append("score=\(entry.score?.rawValue ?? "none")")
            lines.append("dimension=\(entry.dimension.map(String.init) ?? "none")")
        }
        if let m = matching {
            func text(_ value: Float?) -> String { value.map { "\($0)" } ?? "none" }
            lines.append("thresholds=\(m.faceThreshold),\(m.voiceThreshold),\(m.bothThreshold)")
            lines.append("margin=\(m.margin)")
            lines.append("hysteresis=\(text(m.hysteresis))")
            lines.append("voice-alone=\(text(m.voiceAloneSeconds))")
            lines.append("fusion.face=\(m.face.impostor),\(m.face.genuine),\(m.face.weight)")
            lines.append("fusion.voice=\(m.voice.impostor),\(m.voice.genuine),\(m.voice.weight)")
            lines.append("voice-half-weight=\(text(m.voiceHalfWeightSeconds))")
            lines.append("agreement=\(text(m.faceAgreement)),\(text(m.voiceAgreement))")
            // Only where there is one: bundles without calibration keep the fingerprint they had.
            for (set, calibration) in [("face", m.faceCalibration), ("voice", m.voiceCalibration), ("both", m.bothCalibration)] {
                if let calibration { lines.append("calibration.\(set)=\(calibration.slope),\(calibration.offset),\(calibration.impostors)" + calibration.seen.map { ",\($0.x):\($0.y)" }.joined()) }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Fuses a face's and a voice's similarity to one person into one score.
///
/// Each modality's cosine is first put on a common scale, on which different people average 0 and the same person 1,
/// then averaged with weights:
///
///     n_m = (s_m − impostor_m) / (genuine_m − impostor_m)
///     score = Σ w_m · q_m · n_m / Σ w_m · q_m,   clipped to 0…1
///
/// With `w_m` the squared discriminability d′² of the modality and equal covariances this is Fisher's linear discriminant
/// (normalised-score sum rule with quality weights: Ross, Nandakumar, Jain, *Handbook of Multibiometrics*, § 4.4).
/// A missing modality has no term: nothing is filled in for it.
public struct ScoreFusion: Sendable, Hashable {
    /// Where one modality's cosines lie.
    public struct Scale: Sendable, Hashable {
        /// Mean cosine between different people.
        public var impostor: Float
        /// Mean cosine between samples of one person.
        public var genuine: Float
        /// d′²: squared distance of the two means in standard deviations.
        public var weight: Float

        /// - Precondition: `genuine > impostor`, `weight > 0`.
        public init(impostor: Float, genuine: Float, weight: Float) {
            precondition(genuine > impostor && weight > 0)
            self.impostor = impostor
            self.genuine = genuine
            self.weight = weight
        }

        func normalised(_ cosine: Float) -> Float { (cosine - impostor) / (genuine - impostor) }

        /// Between the means of one clip's pictures of one person and above those of two: half way and a little more.
        public var samePersonCosine: Float { impostor + 0.57 * (genuine - impostor) }
        /// Below it a picture is not of whom the others show, whoever else it may be of.
        var strangerCosine: Float { impostor + 0.17 * (genuine - impostor) }
    }

    public var face: Scale
    public var voice: Scale
    /// Voice evidence of this many seconds has half its full weight: a voice is known from seconds, a face from one picture.
    public var voiceHalfWeight: Float

    public init(face: Scale, voice: Scale, voiceHalfWeight: Float = 1.5) {
        self.face = face
        self.voice = voice
        self.voiceHalfWeight = voiceHalfWeight
    }

    /// Everything that the scale of the scores depends on.
    public var canonicalText: String {
        let scales = [("face", face), ("voice", voice)].map { "\($0)=\($1.impostor),\($1.genuine),\($1.weight)" }
        return (scales + ["voice-half-weight=\(voiceHalfWeight)"]).joined(separator: ";")
    }

    /// - Parameters:
    ///   - face: cosine and quality 0…1, or `nil` where there is no face or no face template.
    ///   - voice: cosine and seconds of speech, likewise.
    /// - Returns: 0…1, or `nil` where neither modality can be compared.
    public func score(face: (cosine: Float, quality: Float)?, voice: (cosine: Float, seconds: Float)?) -> Float? {
        var sum: Float = 0
        var weight: Float = 0
        if let face {
            let w = self.face.weight * max(face.quality, 0.05)
            sum += w * self.face.normalised(face.cosine)
            weight += w
        }
        if let voice {
            let w = self.voice.weight * voice.seconds / (voice.seconds + voiceHalfWeight)
            sum += w * self.voice.normalised(voice.cosine)
            weight += w
        }
        guard weight > 0 else { return nil }
        return min(max(sum / weight, 0), 1)
    }
}

public import Biometrics
public import Gallery

/// A gallery's templates compared with one another as the agent compares what it sees and hears with them.
///
/// Each template is scored against every person, itself left out: against the rest of its own person's templates that gives a score of one person,
/// against everybody else's one of different people. For decisions by both modalities a person's face templates are paired with their voice
/// templates, each template once at most, evenly spread where there are more of one; a face counts with its quality, a voice with the
/// seconds of speech that its quality stands for (``TemplateCandidate/voiceOfFullQuality``).
///
/// Scores are ``ScoreFusion``'s, clipped to 0…1, as events show them: what is fitted to them can be applied to the score of an event, and the
/// places where clipping loses order, below the mean of different people and above that of one person, are not where thresholds lie.
///
/// What this cannot show: templates of one recording are more alike than those of two days, so scores of one person are higher here than they
/// will be; and whoever is not enrolled may look more like somebody than the enrolled look like each other.
public struct GalleryComparison: Sendable {
    public let modality: ModalitySet
    /// People who have templates of these modalities.
    public private(set) var people = 0
    /// Templates, or pairs of a face's and a voice's, that were scored.
    public private(set) var templates = 0
    public private(set) var scores: [Float] = []
    public private(set) var isSame: [Bool] = []
    /// Whose template was scored against whom, as indices into the gallery's people.
    public private(set) var pairs: [SIMD2<Int32>] = []

    public var genuine: Int { isSame.count { $0 } }
    public var impostors: Int { isSame.count - genuine }

    public init(_ gallery: GallerySnapshot, _ modality: ModalitySet, fusion: ScoreFusion) {
        self.modality = modality
        let modalities = modality.modalities
        var faces = [Float](repeating: 0, count: gallery.people.count), voices = faces
        for person in gallery.people.indices {
            let counts = modalities.map { gallery.templateCount(person: person, modality: $0) }
            let probes = counts.min() ?? 0
            if probes > 0 { people += 1 }
            templates += probes
            for probe in 0..<probes {
                var quality: Float = 1, seconds: Float = 1
                for (modality, count) in zip(modalities, counts) {
                    let index = probe * count / probes
                    switch modality {
                    case .face:
                        quality = gallery.templateQuality(index, of: person, modality: .face)
                        var span = faces.mutableSpan
                        gallery.match(template: index, of: person, modality: .face, scores: &span)
                    case .voice:
                        seconds = gallery.templateQuality(index, of: person, modality: .voice) * TemplateCandidate.voiceOfFullQuality
                        var span = voices.mutableSpan
                        gallery.match(template: index, of: person, modality: .voice, scores: &span)
                    }
                }
                // A template without quality would weigh nothing and leave a score undefined.
                seconds = max(seconds, 0.1)
                for other in gallery.people.indices {
                    let face = modality == .voice || faces[other] == GallerySnapshot.noScore ? nil : (cosine: faces[other], quality: quality)
                    let voice = modality == .face || voices[other] == GallerySnapshot.noScore ? nil : (cosine: voices[other], seconds: seconds)
                    if modality == .both, face == nil || voice == nil { continue }
                    guard let score = fusion.score(face: face, voice: voice) else { continue }
                    scores.append(score)
                    isSame.append(other == person)
                    pairs.append(SIMD2(Int32(person), Int32(other)))
                }
            }
        }
    }

    /// The comparisons with their people.
    /// - Throws: where there is none of one person, or none of different people.
    public func trials() throws(MetricError) -> ScoredTrials { try ScoredTrials(scores: scores, isSame: isSame, people: pairs) }
}

import Biometrics
public import Gallery

/// Thresholds for every set of modalities, fitted to a gallery: what is to be kept, and what there was too little for.
public struct CalibrationFit: Sendable {
    /// In the order of ``ModalitySet/allCases``.
    public let sets: [ThresholdFit]
    private let gallery: GallerySnapshot
    private let scoreScale: String
    private let falseAccept: Double

    /// - Parameter match: the bundle's own settings.
    public init(_ gallery: GallerySnapshot, bundle match: MatchSettings, settings: ThresholdFit.Settings) {
        self.gallery = gallery
        scoreScale = match.fusion.canonicalText
        falseAccept = settings.falseAccept
        sets = ModalitySet.allCases.map { set in
            ThresholdFit(GalleryComparison(gallery, set, fusion: match.fusion), bundle: match.thresholds[set] ?? 1, settings: settings)
        }
    }

    /// What the gallery is to keep; `nil` where no set could be fitted. Sets that could not stay with the bundle's thresholds.
    public var calibration: GalleryCalibration? {
        var entries: [Set<Modality>: GalleryCalibration.Entry] = [:]
        for set in sets {
            guard case .fitted(let threshold, let estimate) = set.outcome else { continue }
            entries[Set(set.comparison.modality.modalities)] = GalleryCalibration.Entry(
                threshold: threshold, slope: estimate.calibration.slope, offset: estimate.calibration.offset, genuine: set.comparison.genuine,
                impostors: estimate.impostors, people: set.comparison.people,
                steps: estimate.steps.map { SIMD2(Double($0.score), $0.bound) })
        }
        guard !entries.isEmpty else { return nil }
        let used = entries.keys.reduce(into: Set<Modality>()) { $0.formUnion($1) }
        return GalleryCalibration(
            entries: entries, encoders: gallery.encoders.filter { used.contains($0.key) }, scoreScale: scoreScale, falseAccept: falseAccept)
    }
}

import Biometrics
public import Gallery

extension MatchSettings {
    /// These settings with the thresholds and likelihood ratios that were fitted to a gallery, as far as they hold.
    ///
    /// They hold for the encoders and the score scale that they were fitted with. However they came into the file, no threshold is more than
    /// ``ThresholdFit/mostLowering`` below the bundle's.
    ///
    /// - Returns: the settings, and lines for a log: what is not used or not up to date, why, and what to do.
    public func calibrated(by gallery: GallerySnapshot) -> (settings: MatchSettings, notes: [String]) {
        guard let calibration = gallery.calibration else { return (self, []) }
        guard calibration.scoreScale == fusion.canonicalText else {
            return (self, ["the gallery's calibration is not used: the bundle puts scores on another scale; run gallery calibrate again"])
        }
        var settings = self
        var notes: [String] = []
        for set in ModalitySet.allCases {
            guard let entry = calibration.entries[Set(set.modalities)] else { continue }
            if let other = set.modalities.first(where: { calibration.encoders[$0] != gallery.encoders[$0] }) {
                let made = calibration.encoders[other].map { "\($0)" } ?? "none", has = gallery.encoders[other].map { "\($0)" } ?? "none"
                notes.append(
                    "the gallery's calibration by \(set.label) is not used: it was made with \(made), the bundle has \(has); run gallery calibrate again")
                continue
            }
            settings.thresholds[set] = max(entry.threshold, (thresholds[set] ?? 1) - ThresholdFit.mostLowering)
            settings.falseAccepts[set] = FalseAcceptEstimate(
                calibration: ScoreCalibration(slope: entry.slope, offset: entry.offset), impostors: entry.impostors,
                steps: entry.steps.map { FalseAcceptEstimate.Step(score: Float($0.x), bound: $0.y) })
        }
        if gallery.isCalibrationOutdated {
            notes.append("the gallery's calibration is older than its people and templates; run gallery calibrate again")
        }
        return (settings, notes)
    }
}

import Figures
import Foundation
import Gallery
import Recognition

extension Gallery {
    /// The calibration in one line, with what to do where it is older than the people; `nil` where there is none.
    func calibrationLine() throws -> String? {
        guard let (calibration, isOutdated) = try calibration() else { return nil }
        let thresholds = ModalitySet.allCases.compactMap { set in
            calibration.entries[Set(set.modalities)].map { String(format: "%@ %.2f", set.label, $0.threshold) }
        }
        return "calibrated \(calibration.date.formatted(.iso8601)) for \(FigureText.quantity(calibration.falseAccept)) false accepts per stranger: thresholds by "
            + thresholds.joined(separator: ", by ") + (isOutdated ? "; older than the people and templates, run gallery calibrate again" : "")
    }
}

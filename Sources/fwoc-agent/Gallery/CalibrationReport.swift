import Biometrics
import Figures
import Foundation
import Gallery
import Recognition

/// What a calibration found and set, for people and for programs.
struct CalibrationReport: Encodable {
    struct Row: Encodable {
        var modality: String
        var people: Int
        var templates: Int
        /// Comparisons of one person and of different people.
        var genuine: Int
        var impostors: Int
        var thresholdBefore: Double
        var threshold: Double
        /// Shares of the comparisons of one person that stay below the thresholds.
        var missesBefore: Double?
        var misses: Double?
        /// Comparisons of different people at or above the thresholds.
        var falseAcceptsBefore: Int
        var falseAccepts: Int
        /// Probability that a stranger is taken for somebody at the new threshold.
        var falseAcceptEstimate: Double?
        var slope: Double?
        var offset: Double?
        /// Scores with the share of comparisons of different people that at most reaches them.
        var seen: [FalseAcceptEstimate.Step]
        /// Why the bundle's threshold stays.
        var reasons: [String]
    }

    var people: Int
    var falseAccept: Double
    var isStored = false
    var galleryRevision: Int
    var sets: [Row]

    init(_ fit: CalibrationFit, people: Int, falseAccept: Double, revision: Int) {
        self.people = people
        self.falseAccept = falseAccept
        galleryRevision = revision
        sets = fit.sets.map(Row.init)
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self)
    }

    /// Numbers in columns, then what could not be fitted and why.
    var table: String {
        var lines = [["by", "people", "templates", "one person", "different", "threshold", "missed", "at or above, different", "stranger accepted"]]
        for row in sets {
            lines.append([
                row.modality, "\(row.people)", "\(row.templates)", "\(row.genuine)", "\(row.impostors)",
                Self.change(String(format: "%.2f", row.thresholdBefore), String(format: "%.2f", row.threshold)),
                Self.change(Self.percent(row.missesBefore), Self.percent(row.misses)), Self.change("\(row.falseAcceptsBefore)", "\(row.falseAccepts)"),
                row.falseAcceptEstimate.map { "at most " + FigureText.quantity(Self.rounded($0)) } ?? FigureText.none,
            ])
        }
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        var text = lines.map { line in
            zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }
        for row in sets { text += row.reasons.map { "\(row.modality): the bundle's threshold stays; \($0)" } }
        return text.joined(separator: "\n")
    }

    private static func change(_ before: String, _ after: String) -> String { before == after ? before : "\(before) → \(after)" }
    private static func percent(_ share: Double?) -> String { share.map { String(format: "%.1f %%", $0 * 100) } ?? FigureText.none }
    /// Two significant digits.
    private static func rounded(_ value: Double) -> Double { Double(String(format: "%.1e", value)) ?? value }
}

extension CalibrationReport.Row {
    init(_ fit: ThresholdFit) {
        let comparison = fit.comparison
        modality = comparison.modality.label
        people = comparison.people
        templates = comparison.templates
        genuine = comparison.genuine
        impostors = comparison.impostors
        thresholdBefore = (Double(fit.before) * 10_000).rounded() / 10_000
        threshold = (Double(fit.after) * 10_000).rounded() / 10_000
        missesBefore = fit.misses(fit.before)
        misses = fit.misses(fit.after)
        falseAcceptsBefore = fit.falseAccepts(fit.before)
        falseAccepts = fit.falseAccepts(fit.after)
        reasons = []
        seen = []
        switch fit.outcome {
        case .fitted(let threshold, let estimate):
            falseAcceptEstimate = estimate.rate(score: threshold, people: comparison.people)
            slope = estimate.calibration.slope
            offset = estimate.calibration.offset
            seen = estimate.steps
        case .tooLittle(let shortages): reasons = shortages.map { "\($0)" }
        case .unreachable:
            reasons = ["no score up to 1 is rare enough among these people; the rate would have to be higher, or templates better"]
        case .absent: reasons = ["nobody has templates of it"]
        }
    }
}

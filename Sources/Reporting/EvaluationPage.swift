import Biometrics
public import Evaluation
import Figures
import Foundation

/// A report as a page: the figures with their intervals, ROC and DET of all conditions together, scores and mistaken people of each.
public struct EvaluationPage: Sendable {
    public let report: EvaluationReport
    /// By identity, for the pairs that were mistaken most often; without one, names must do.
    public var pictures: [String: HTMLReport.Picture]

    /// Pairs of people in one section that are shown with pictures.
    static let picturedPairs = 6

    public init(_ report: EvaluationReport, pictures: [String: HTMLReport.Picture] = [:]) {
        self.report = report
        self.pictures = pictures
    }

    public var page: HTMLReport { HTMLReport(title: "Evaluation", subtitle: report.model, sections: sections) }

    /// Whose pictures ``pictures`` may hold with effect, sorted.
    public var confusedIdentities: [String] {
        Set(report.sections.flatMap { $0.confusions.prefix(Self.picturedPairs).flatMap { [$0.actual, $0.answered] } }).sorted()
    }

    public var sections: [HTMLReport.Section] {
        var sections: [HTMLReport.Section] = []
        let curves = Self.curves(report)
        if !curves.isEmpty { sections.append(HTMLReport.Section("Errors", [.figures([Plot.roc(curves).svg(), Plot.det(curves).svg()])])) }
        for section in report.sections {
            var blocks: [HTMLReport.Block] = [
                .text("\(section.samples) samples of \(section.people) people, \(section.trials) comparisons" + (section.unscoredTrials > 0 ? ", \(section.unscoredTrials) of them without a score." : ".")),
                .table(ReportTable(header: ["measure", "value", "\(Self.level(report)) interval", ""], rows: section.metrics.map(Self.row))),
            ]
            if let histogram = section.histogram {
                blocks.append(.figures([Plot.scores(lower: histogram.lower, upper: histogram.upper, same: histogram.same, different: histogram.different).svg()]))
            }
            if let reliability = section.reliability {
                let name = "people who were held out, Cllr \(FigureText.number(reliability.cllr, digits: 3))"
                blocks.append(.figures([
                    Plot.reliability([Plot.ReliabilityCurve(name: name, reliability.bins)]).svg(),
                    Plot.falseAccepts([Plot.ReliabilityCurve(name: name, reliability.falseAccepts)]).svg(),
                ]))
            }
            blocks += confusions(section)
            if !section.refused.isEmpty {
                blocks.append(.table(ReportTable(header: ["no embedding because", "files"], rows: section.refused.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] })))
            }
            sections.append(HTMLReport.Section(section.title, blocks))
        }
        return sections
    }

    static func curves(_ report: EvaluationReport) -> [Plot.ErrorCurve] {
        report.sections.compactMap { section in section.curve.flatMap { curve(section.title, $0) } }
    }

    /// `nil` where the numbers of the two rates differ, as no measurement gives and a damaged file may.
    static func curve(_ name: String, _ curve: EvaluationReport.Curve) -> Plot.ErrorCurve? {
        guard curve.falseAccept.count == curve.falseReject.count, !curve.falseAccept.isEmpty else { return nil }
        return Plot.ErrorCurve(name: name, falseAccept: curve.falseAccept, falseReject: curve.falseReject)
    }

    /// For example `95 %`.
    static func level(_ report: EvaluationReport) -> String { AxisFormat.percent.text(report.settings.confidence) }

    private func confusions(_ section: EvaluationReport.Section) -> [HTMLReport.Block] {
        guard !section.confusions.isEmpty else { return [] }
        var blocks: [HTMLReport.Block] = [
            .table(ReportTable(header: ["who it was", "taken for", "times"], rows: section.confusions.map { [$0.actual, $0.answered, "\($0.count)"] }))
        ]
        let shown = section.confusions.prefix(Self.picturedPairs).enumerated().flatMap { number, confusion -> [HTMLReport.Picture] in
            guard var actual = pictures[confusion.actual], var answered = pictures[confusion.answered] else { return [] }
            actual.caption = "\(number + 1): \(confusion.actual)"
            answered.caption = "\(number + 1): taken for \(confusion.answered), \(confusion.count)×"
            return [actual, answered]
        }
        if !shown.isEmpty { blocks.append(.pictures(shown)) }
        return blocks
    }

    private static func row(_ metric: EvaluationReport.Metric) -> [String] {
        let interval = metric.interval.map { "\(FigureText.number($0.lower)) … \(FigureText.number($0.upper))" } ?? ""
        return [metric.name, FigureText.number(metric.value), interval, metric.note ?? ""]
    }
}

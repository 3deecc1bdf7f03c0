import Biometrics
import Evaluation
import Foundation
import Reporting

/// A report as a page: the figures with their intervals, ROC and DET of all conditions together, scores and mistaken people of each.
struct EvaluationPage {
    let report: EvaluationReport

    init(_ report: EvaluationReport) { self.report = report }

    var page: HTMLReport {
        let curves = report.sections.compactMap { section in
            section.curve.map { Plot.ErrorCurve(name: section.title, falseAccept: $0.falseAccept, falseReject: $0.falseReject) }
        }
        var sections = [HTMLReport.Section("Errors", [.figures([Plot.roc(curves).svg(), Plot.det(curves).svg()])])]
        for section in report.sections {
            var blocks: [HTMLReport.Block] = [
                .text("\(section.samples) samples of \(section.people) people, \(section.trials) comparisons" + (section.unscoredTrials > 0 ? ", \(section.unscoredTrials) of them without a score" : ".")),
                .table(ReportTable(header: ["measure", "value", "95 % interval", ""], rows: section.metrics.map(Self.row))),
            ]
            if let histogram = section.histogram {
                blocks.append(.figures([Plot.scores(lower: histogram.lower, upper: histogram.upper, same: histogram.same, different: histogram.different).svg()]))
            }
            if !section.confusions.isEmpty {
                blocks.append(.table(ReportTable(header: ["who it was", "taken for", "times"], rows: section.confusions.map { [$0.actual, $0.answered, "\($0.count)"] })))
            }
            if !section.refused.isEmpty {
                blocks.append(.table(ReportTable(header: ["no embedding because", "files"], rows: section.refused.sorted { $0.key < $1.key }.map { [$0.key, "\($0.value)"] })))
            }
            sections.append(HTMLReport.Section(section.title, blocks))
        }
        return HTMLReport(title: "Evaluation", subtitle: report.model, sections: sections)
    }

    private static func row(_ metric: EvaluationReport.Metric) -> [String] {
        func number(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "–" }
        let interval = metric.interval.map { "\(number($0.lower)) … \(number($0.upper))" } ?? ""
        return [metric.name, number(metric.value), interval, metric.note ?? ""]
    }
}

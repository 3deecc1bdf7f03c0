import Figures
import Biometrics
import Evaluation
import Foundation
import Reporting
import RunRecords
import Testing

final class RunComparisonTests {
    private let runs: MadeUpRuns

    init() throws { runs = try MadeUpRuns() }
    deinit { runs.remove() }

    /// Two fusers and a single modality, two losses, and two seeds of everything.
    private func study(_ fusers: [String?] = ["linear", "embracenet", nil]) throws -> [ReportedRun] {
        var all: [ReportedRun] = []
        for fuser in fusers {
            for loss in ["cross-entropy", "triplet <&>"] {
                for seed in [1, 2] as [UInt64] {
                    var options = MadeUpRuns.Options()
                    options.fuser = fuser
                    options.loss = loss
                    options.seed = seed
                    options.noise = 1 + Float(all.count) / 8
                    options.epochs = 3
                    options.isQuantized = false
                    all.append(try ReportedRun(try runs.make("\(fuser ?? "face") \(loss) \(seed)", in: "run\(all.count)", options)))
                }
            }
        }
        return all
    }

    private func cells(_ markdown: String, heading: String, row: Int) throws -> [String] {
        let parts = markdown.components(separatedBy: "\n### ")
        let part = try #require(parts.first { $0.hasPrefix(heading + "\n") }, "no table \(heading)")
        let lines = part.split(separator: "\n").filter { $0.hasPrefix("|") }
        return lines[row].dropFirst(2).dropLast(2).components(separatedBy: " | ")
    }

    @Test func seedsArePooled() throws {
        let all = try study()
        let comparison = RunComparison(all)
        #expect(comparison.warnings.isEmpty, "\(comparison.warnings)")
        let names = try cells(comparison.markdown, heading: "both", row: 0), first = try cells(comparison.markdown, heading: "both", row: 2)
        #expect(Array(names.prefix(3)) == ["fuser", "loss", "seeds"] && Array(first.prefix(3)) == ["linear", "cross-entropy", "2"])
        for metric in ["auc", "eer", "nmi", "coverage", "map", "1-shot accuracy"] {
            let values = try all.prefix(2).map { run in try #require(run.evaluation?.report.sections.first { $0.title == "both · fused" }?[metric]?.value) }
            let expected = String(format: "%.3f (%.3f … %.3f)", (values[0] + values[1]) / 2, values.min()!, values.max()!)
            #expect(first[try #require(names.firstIndex(of: metric))] == expected, "\(metric)")
        }
        // The single modality stands beside the fused ones in its condition.
        #expect(Array(try cells(comparison.markdown, heading: "both", row: 7).prefix(2)) == ["face only", "triplet &lt;&>"])
        let document = RunReportTests.parsed(comparison.page)
        #expect(document.all("p").contains { $0.text == "12 runs, 6 without counting seeds" })
        #expect(document.all("td").contains { $0.text == first[3] })
    }

    @Test func oneSeedKeepsItsInterval() throws {
        let run = try #require(try study(["linear"]).first)
        let auc = try #require(run.evaluation?.report.sections[0]["auc"])
        let (value, interval) = (try #require(auc.value), try #require(auc.interval))
        let cells = try cells(RunComparison([run]).markdown, heading: "both", row: 2)
        #expect(cells.contains(String(format: "%.3f [%.3f, %.3f]", value, interval.lower, interval.upper)))
    }

    @Test func chartsShowEveryMeasure() throws {
        let all = try study()
        let figures = RunComparison(all).figures
        #expect(
            figures.map(\.name) == [
                "auc", "eer", "nmi", "coverage", "map", "1-shot-accuracy", "5-shot-accuracy", "rank-1", "det-both", "det-blurred", "det-voice", "convergence-training-loss",
                "convergence-fused-auc", "convergence-fused-eer",
            ])
        for figure in figures {
            let document = MarkupDocument(figure.svg.text)
            #expect(document.isWellFormed && !figure.svg.text.contains("nan") && !figure.svg.text.contains("<image"), "\(figure.name)")
        }
        let document = MarkupDocument(figures[0].svg.text)
        // Three circumstances: fused and alone in two of them, fused in the third.
        let bars = document.all("rect", "fp-bar")
        #expect(bars.count == 2 * 6 + 4)
        #expect(document.all("text", "fp-title").map(\.text) == ["Verification: AUC", "both", "blurred", "voice"])
        #expect(document.texts.count { $0 == "face only" } == 2 && document.texts.count { $0 == "embracenet" } == 3 && document.texts.contains("triplet <&>"))
        // One scale for all: heights are as the values.
        let values = try all.prefix(2).map { run in try #require(run.evaluation?.report.sections[0]["auc"]?.value) }
        #expect(document.texts.contains(String(format: "%.3f", (values[0] + values[1]) / 2)))
        let heights = bars.compactMap { $0.number("height") }
        let shown = document.all("text", "fp-value").compactMap { Double($0.text) }
        #expect(heights.count == shown.count)
        let isFromChance = document.texts.contains("higher is better, from chance up")
        for (height, value) in zip(heights, shown) { #expect(abs(height / heights[0] - (value - (isFromChance ? 0.5 : 0)) / (shown[0] - (isFromChance ? 0.5 : 0))) < 0.03) }
        #expect(document.all("line", "fp-error").count == 3 * bars.count)
    }

    @Test func whatDoesNotCompareIsSaid() throws {
        var all = Array(try study(["linear"]).prefix(2))
        var options = MadeUpRuns.Options()
        options.people = 5
        options.loss = "cross-entropy"
        options.epochs = 3
        all.append(try ReportedRun(try runs.make("small", options)))
        let warnings = RunComparison(all).warnings
        #expect(warnings.contains("both: measured on different data (30 samples of 5 people, 48 samples of 8 people): the figures do not compare."), "\(warnings)")
        #expect(warnings.count == 3 && !warnings.contains { $0.contains("settings") })
        var report = try #require(all[2].evaluation?.report)
        report.settings.trialsPerKind = 7
        all[2].evaluation = EvaluationPage(report)
        #expect(RunComparison(all).warnings.contains("Evaluated with different settings: their figures do not compare."))
    }

    @Test func otherwiseEqualRunsKeepTheirNames() throws {
        var all: [ReportedRun] = []
        for number in 0..<12 {
            var run = try ReportedRun(try runs.make("wide \(number)", in: "w\(number)", MadeUpRuns.Options(epochs: 1, isEvaluated: number < 3, isQuantized: false, people: 3)))
            run.record.recipe += "width: \(number)\n"
            all.append(run)
        }
        let comparison = RunComparison(all)
        let rows = (2..<14).compactMap { try? cells("\n" + comparison.markdown, heading: "Runs", row: $0).first }
        #expect(rows == (0..<12).map { "linear (wide \($0))" })
        let document = MarkupDocument(try #require(comparison.figures.first).svg.text)
        #expect(document.isWellFormed && document.all("rect", "fp-bar").count == 9)
        #expect(comparison.warnings.first?.hasPrefix("Not evaluated: wide 3, wide 4") == true)
    }
}

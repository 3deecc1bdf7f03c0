import Evaluation
public import Figures
import Foundation
import RunRecords

/// Runs side by side: every measure of every circumstance, as charts by fuser and loss and as tables. Runs that differ only in their seed count as one.
public struct RunComparison: Sendable {
    public let runs: [ReportedRun]
    private let pools: [RunPool]
    /// As ``ReportedRun/circumstance(_:)`` calls them, in the order of their first appearance.
    private let circumstances: [String]

    /// A chart with the name that it has as a file.
    public struct Figure: Sendable {
        public var name: String
        public var svg: SVG
    }

    public init(_ runs: [ReportedRun]) {
        self.runs = runs
        pools = RunPool.pools(runs)
        var circumstances: [String] = []
        for name in runs.flatMap({ run in run.evaluation?.report.sections.map(run.circumstance) ?? [] }) where !circumstances.contains(name) { circumstances.append(name) }
        self.circumstances = circumstances
    }

    public var page: HTMLReport {
        var parts = [HTMLReport.Section("Runs", [.table(overview), .text(reading)] + (warnings.isEmpty ? [] : [.text(warnings.joined(separator: "\n\n"))]))]
        let charts = metricFigures
        if charts.isEmpty { parts.append(HTMLReport.Section("Measures", [.text("No run has been evaluated: none of the folders holds an evaluation.json.")])) } else {
            parts.append(HTMLReport.Section("Measures", charts.map { .figure($0.svg, caption: "") }))
            parts.append(HTMLReport.Section("Errors", [.figures(errorFigures.map(\.svg))]))
        }
        let curves = convergenceFigures
        parts.append(HTMLReport.Section("Convergence", curves.isEmpty ? [.text("No run has finished an epoch.")] : [.figures(curves.map(\.svg))]))
        for circumstance in circumstances { parts.append(HTMLReport.Section(circumstance, [.table(headline(circumstance)), .table(everything(circumstance))])) }
        parts.append(HTMLReport.Section("Cost", [.table(costs)]))
        return HTMLReport(title: "Comparison", subtitle: "\(runs.count) \(runs.count == 1 ? "run" : "runs"), \(pools.count) without counting seeds", sections: parts)
    }

    /// All charts, for files of their own.
    public var figures: [Figure] {
        var taken: Set<String> = []
        return (metricFigures + errorFigures + convergenceFigures).map { figure in
            var name = figure.name, number = 1
            while !taken.insert(name).inserted {
                number += 1
                name = "\(figure.name)-\(number)"
            }
            return Figure(name: name, svg: figure.svg)
        }
    }

    /// All tables, for a README.
    public var markdown: String {
        var text = "### Runs\n\n\(overview.markdown)\n\(reading)\n"
        for warning in warnings { text += "\n\(warning)\n" }
        for circumstance in circumstances { text += "\n### \(Self.plain(circumstance))\n\n\(headline(circumstance).markdown)" }
        text += "\n### Cost\n\n\(costs.markdown)"
        for circumstance in circumstances { text += "\n### \(Self.plain(circumstance)): all measures\n\n\(everything(circumstance).markdown)" }
        return text
    }

    private static func plain(_ title: String) -> String { title.replacing("\n", with: " ").replacing("<", with: "&lt;") }

    private var reading: String {
        let level = runs.compactMap(\.evaluation).first.map { EvaluationPage.level($0.report) } ?? "95 %"
        return "A circumstance without the name of an embedding is that of each run's own: fused, or of its only modality. "
            + "Of several seeds the mean (and the range), of one seed the value [and its \(level) bootstrap interval over people]; error bars alike."
    }

    // MARK: Charts

    /// Measures that are drawn, in this order; the tables have them all.
    private static let charted: [(name: String, title: String)] = [
        ("auc", "Verification: AUC"), ("eer", "Verification: equal error rate"), ("nmi", "Clustering: normalised mutual information"),
        ("coverage", "Clustering: coverage"), ("map", "Retrieval: mean average precision"), ("1-shot accuracy", "Accuracy with one example"),
        ("5-shot accuracy", "Accuracy with five examples"), ("rank-1", "Identification: rank 1"),
    ]

    /// A chart for each measure: a panel for each circumstance, groups by fuser, colours by loss.
    private var metricFigures: [Figure] {
        var fusers: [String] = [], losses: [String] = []
        for pool in pools {
            if !fusers.contains(pool.fuser) { fusers.append(pool.fuser) }
            if !losses.contains(pool.loss) { losses.append(pool.loss) }
        }
        return Self.charted.compactMap { metric in
            var panels: [BarPanels.Panel] = []
            for circumstance in circumstances {
                // Only who was measured here: a run without voices has no place in the voices' panel.
                let measured = fusers.filter { fuser in pools.contains { $0.fuser == fuser && $0.metric(metric.name, in: circumstance) != nil } }
                guard !measured.isEmpty else { continue }
                panels.append(BarPanels.Panel(circumstance, measured.map { fuser in
                    BarChart.Group(fuser, losses.map { loss in
                        let figure = pools.first { $0.fuser == fuser && $0.loss == loss }?.metric(metric.name, in: circumstance)
                        return BarChart.Bar(figure?.value, lower: figure?.lower, upper: figure?.upper)
                    })
                }))
            }
            guard !panels.isEmpty else { return nil }
            let bars = panels.flatMap(\.groups).flatMap(\.bars)
            let isFromChance = metric.name == "auc" && bars.allSatisfy { ($0.value ?? 1) >= 0.5 && ($0.lower ?? 1) >= 0.5 }
            let isHigherBetter = runs.compactMap { $0.evaluation?.report.sections.compactMap { $0[metric.name] }.first }.first?.isHigherBetter ?? true
            let range: ClosedRange<Double>? = metric.name == "eer" ? nil : isFromChance ? 0.5...1 : 0...1
            let note = (isHigherBetter ? "higher is better" : "lower is better") + (isFromChance ? ", from chance up" : "")
            return Figure(name: FigureText.slug(metric.name), svg: BarPanels(metric.title, note: note, series: losses, panels: panels, range: range).svg())
        }
    }

    /// DET curves of a circumstance, a line for each pool: its first evaluated run.
    private var errorFigures: [Figure] {
        circumstances.compactMap { circumstance in
            // A pool without a curve keeps its place, and so the others their colours.
            let curves = pools.map { pool in
                pool.runs.lazy.compactMap { run in run.section(circumstance)?.curve.flatMap { EvaluationPage.curve(pool.label, $0) } }.first
                    ?? Plot.ErrorCurve(name: "", falseAccept: [], falseReject: [])
            }
            guard curves.contains(where: { !$0.falseAccept.isEmpty }) else { return nil }
            return Figure(name: "det-" + FigureText.slug(circumstance), svg: Plot.det(curves, title: "DET: \(circumstance)").svg())
        }
    }

    /// Loss and validation over epochs: of several seeds the mean, with all of them around it.
    private var convergenceFigures: [Figure] {
        func figure(_ title: String, _ axis: String, _ value: (EpochRow) -> Double?) -> Figure? {
            let marks = pools.map { pool -> Plot.Mark in
                var byEpoch: [Int: [Double]] = [:]
                for row in pool.runs.flatMap(\.epochs) { if let value = value(row) { byEpoch[row.epoch, default: []].append(value) } }
                let epochs = byEpoch.sorted { $0.key < $1.key }
                return TrainingCurves.mark(
                    pool.label, epochs.map { Plot.Point(Double($0.key), $0.value.reduce(0, +) / Double($0.value.count)) },
                    pool.runs.count > 1 ? epochs.map { Plot.Spread(Double($0.key), $0.value.min() ?? 0, $0.value.max() ?? 0) } : [])
            }
            return TrainingCurves.areEmpty(marks) ? nil : Figure(name: "convergence-" + FigureText.slug(axis), svg: Plot(title, x: .init("epoch"), y: .init(axis), marks: marks).svg())
        }
        return [figure("Training loss", "training loss") { $0.trainingLoss }].compactMap { $0 }
            + TrainingCurves.metricNames(runs).compactMap { name in figure("Validation: \(name)", name) { row in row.metrics.first { $0.name == name }?.value } }
    }

    // MARK: Tables

    private var overview: ReportTable {
        ReportTable(
            header: ["fuser", "loss", "modalities", "seeds", "status", "best epoch", "runs"],
            rows: pools.map { pool in
                let statuses = Set(pool.runs.map(\.record.status.rawValue)).sorted().joined(separator: ", ")
                let best = pool.runs.map { $0.record.bestEpoch.map(String.init) ?? FigureText.none }.joined(separator: ", ")
                return [
                    pool.fuser, pool.loss, pool.runs[0].modalityNames, pool.runs.map { "\($0.record.seed)" }.joined(separator: ", "), statuses, best,
                    pool.runs.map { $0.record.name }.joined(separator: ", "),
                ]
            })
    }

    private func headline(_ circumstance: String) -> ReportTable {
        let metrics = Self.charted.map(\.name).filter { name in pools.contains { $0.metric(name, in: circumstance) != nil } }
        return ReportTable(header: ["fuser", "loss", "seeds"] + metrics, rows: measured(circumstance).map { pool in
            [pool.fuser, pool.loss, "\(pool.runs.count)"] + metrics.map { pool.metric($0, in: circumstance)?.text ?? FigureText.none }
        })
    }

    private func everything(_ circumstance: String) -> ReportTable {
        var names: [String] = []
        let pools = measured(circumstance)
        for metric in pools.flatMap(\.runs).compactMap({ $0.section(circumstance) }).flatMap(\.metrics) where !names.contains(metric.name) {
            names.append(metric.name)
        }
        return ReportTable(header: ["measure"] + pools.map(\.label), rows: names.map { name in [name] + pools.map { $0.metric(name, in: circumstance)?.text ?? FigureText.none } })
    }

    private func measured(_ circumstance: String) -> [RunPool] {
        pools.filter { pool in pool.runs.contains { $0.section(circumstance) != nil } }
    }

    private var costs: ReportTable {
        func text(_ figure: RunPool.Figure?, _ write: (Double) -> String) -> String {
            guard let figure else { return FigureText.none }
            guard figure.runs > 1, let lower = figure.lower, let upper = figure.upper else { return write(figure.value) }
            return "\(write(figure.value)) (\(write(lower)) … \(write(upper)))"
        }
        return ReportTable(
            header: ["fuser", "loss", "parameters", "multiply-accumulates", "ms an inference", "training time", "epochs", "samples a second", "most memory"],
            rows: pools.map { pool in
                [
                    pool.fuser, pool.loss, FigureText.count(pool.runs[0].parameters), FigureText.count(pool.runs[0].multiplyAccumulates),
                    text(pool.mean(\.milliseconds)) { FigureText.number($0, digits: 2) }, text(pool.mean { $0.record.seconds }, FigureText.duration),
                    text(pool.mean { Double($0.record.epochs) }, FigureText.quantity), text(pool.mean(\.record.samplesPerSecond)) { FigureText.number($0, digits: 1) },
                    text(pool.mean(\.record.peakMemoryMiB), FigureText.mebibytes),
                ]
            })
    }

    // MARK: What does not compare

    /// Why figures may not be comparable, a sentence each.
    public var warnings: [String] {
        let labels = ReportedRun.labels(runs)
        var warnings: [String] = []
        let missing = zip(runs, labels).filter { $0.0.evaluation == nil }.map(\.1)
        if !missing.isEmpty { warnings.append("Not evaluated: \(missing.joined(separator: ", ")).") }
        let unfinished = zip(runs, labels).filter { [.running, .interrupted, .failed].contains($0.0.record.status) }.map { "\($1) (\($0.record.status.rawValue))" }
        if !unfinished.isEmpty { warnings.append("Not at their end: \(unfinished.joined(separator: ", ")).") }
        let reports = runs.compactMap { $0.evaluation?.report }
        var settings = reports.map(\.settings)
        for index in settings.indices { settings[index].seed = 0 }
        if Set(settings).count > 1 { warnings.append("Evaluated with different settings: their figures do not compare.") }
        for circumstance in circumstances {
            let alike = Set(runs.compactMap { $0.section(circumstance) }.map { "\($0.samples) samples of \($0.people) people" })
            if alike.count > 1 { warnings.append("\(circumstance): measured on different data (\(alike.sorted().joined(separator: ", "))): the figures do not compare.") }
        }
        return warnings
    }
}

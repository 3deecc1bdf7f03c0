import Figures
import Foundation
import RunRecords

/// How training went: a plot for each quantity, a line for each run.
struct TrainingCurves {
    private let runs: [ReportedRun]
    private let labels: [String]
    /// Of lines: a single run's need no name.
    private let names: [String]
    /// Points of a line; of more steps than that, each point is a mean with the span around it.
    static let drawnPoints = 300

    init(_ runs: [ReportedRun], labels: [String]) {
        self.runs = runs
        self.labels = labels
        names = runs.count > 1 ? labels : labels.map { _ in "" }
    }

    var blocks: [HTMLReport.Block] {
        var blocks: [HTMLReport.Block] = []
        let untrained = zip(runs, labels).filter { $0.0.steps.isEmpty && $0.0.epochs.isEmpty }.map(\.1)
        if !untrained.isEmpty { blocks.append(.text("Without a step so far: \(untrained.joined(separator: ", ")).")) }
        guard untrained.count < runs.count else { return blocks }

        let lost = zip(runs, labels).compactMap { run, label in
            run.steps.first { !$0.loss.isFinite }.map { "\(label): the loss of step \($0.step) (epoch \($0.epoch), batch \($0.batch)) is \(FigureText.quantity($0.loss))." }
        }
        if !lost.isEmpty { blocks.append(.text(lost.joined(separator: "\n\n"))) }
        blocks.append(.figures(overSteps + overEpochs))
        for (run, label) in zip(runs, labels) where !run.epochs.isEmpty { blocks.append(.details(summary: "All epochs" + (runs.count > 1 ? " of \(label)" : ""), text: Self.table(run.epochs))) }
        return blocks
    }

    private var overSteps: [SVG] {
        func plot(_ title: String, _ axis: String, scale: AxisScale = .linear, _ value: (StepRow) -> Double?) -> SVG? {
            let marks = zip(runs, names).map { run, name -> Plot.Mark in
                let points = run.steps.compactMap { row in value(row).map { Plot.Point(Double(row.step), $0) } }
                let (line, band) = Self.thinned(points)
                return Self.mark(name, line, band)
            }
            return Self.areEmpty(marks) ? nil : Plot(title, x: .init("step"), y: .init(axis, scale: scale), marks: marks).svg()
        }
        var terms: [String] = []
        for run in runs { for term in run.steps.first?.terms ?? [] where !terms.contains(term.name) { terms.append(term.name) } }
        let norms = runs.flatMap(\.steps).compactMap(\.gradientNorm).filter(\.isFinite)
        var plots = [plot("Loss of each step", "loss") { $0.loss }]
        // A single term is the loss.
        if terms.count > 1 { plots += terms.map { term in plot("Term \(term)", term) { row in row.terms.first { $0.name == term }?.value } } }
        plots.append(plot("Learning rate", "learning rate") { $0.learningRate })
        plots.append(plot("Gradient norm", "2-norm before clipping", scale: norms.allSatisfy { $0 > 0 } ? .logarithmic : .linear) { $0.gradientNorm })
        plots.append(plot("Throughput", "samples a second") { $0.samplesPerSecond })
        return plots.compactMap { $0 }
    }

    private var overEpochs: [SVG] {
        func plot(_ title: String, _ axis: String, _ value: (EpochRow) -> Double?) -> SVG? {
            var marks: [Plot.Mark] = []
            for (run, name) in zip(runs, names) {
                let points = run.epochs.compactMap { row in value(row).map { Plot.Point(Double(row.epoch), $0) } }
                marks.append(Self.mark(name, points, []))
            }
            guard !Self.areEmpty(marks) else { return nil }
            if runs.count == 1, let best = runs[0].record.bestEpoch, let row = runs[0].epochs.first(where: { $0.epoch == best }), let place = value(row) {
                marks.append(.line(name: "best epoch: \(best)", points: [Plot.Point(Double(best), place)], band: []))
            }
            return Plot(title, x: .init("epoch"), y: .init(axis), marks: marks).svg()
        }
        let metrics = Self.metricNames(runs)
        return [plot("Mean loss of each epoch", "loss") { $0.trainingLoss }].compactMap { $0 }
            + metrics.compactMap { metric in plot("Validation: \(metric)", metric) { row in row.metrics.first { $0.name == metric }?.value } }
    }

    /// A line without points keeps its place, so that a run has one colour in all plots, but no name in the legend.
    static func mark(_ name: String, _ points: [Plot.Point], _ band: [Plot.Spread]) -> Plot.Mark { .line(name: points.isEmpty ? "" : name, points: points, band: band) }

    static func areEmpty(_ marks: [Plot.Mark]) -> Bool {
        marks.allSatisfy { mark in if case .line(_, let points, _) = mark { points.isEmpty } else { true } }
    }

    static func metricNames(_ runs: [ReportedRun]) -> [String] {
        var names: [String] = []
        for run in runs { for metric in run.epochs.first?.metrics ?? [] where !names.contains(metric.name) { names.append(metric.name) } }
        return names
    }

    /// As many points as can be told apart; one that is not finite stays one.
    static func thinned(_ points: [Plot.Point]) -> (points: [Plot.Point], band: [Plot.Spread]) {
        guard points.count > drawnPoints else { return (points, []) }
        var line: [Plot.Point] = [], band: [Plot.Spread] = []
        for number in 0..<drawnPoints {
            let bucket = points[points.count * number / drawnPoints..<points.count * (number + 1) / drawnPoints]
            let x = bucket.reduce(0) { $0 + $1.x } / Double(bucket.count), y = bucket.reduce(0) { $0 + $1.y } / Double(bucket.count)
            line.append(Plot.Point(x, y))
            if y.isFinite { band.append(Plot.Spread(x, bucket.map(\.y).min() ?? y, bucket.map(\.y).max() ?? y)) }
        }
        return (line, band)
    }

    private static func table(_ epochs: [EpochRow]) -> String {
        let header = ["epoch", "step", "time", "training loss"] + (epochs.first?.metrics.map(\.name) ?? [])
        let lines = [header] + epochs.map { row in
            ["\(row.epoch)", "\(row.step)", FigureText.duration(row.seconds), FigureText.number(row.trainingLoss, digits: 6)] + row.metrics.map { FigureText.number($0.value, digits: 6) }
        }
        let widths = header.indices.map { column in lines.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return lines.map { line in zip(line, widths).map { String(repeating: " ", count: max(0, $1 - $0.count)) + $0 }.joined(separator: "  ") }.joined(separator: "\n")
    }
}

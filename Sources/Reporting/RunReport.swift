import Figures
import Foundation
import Quantization
import RunRecords

/// What one run or several were, how they went and what came of them, as one page.
public struct RunReport: Sendable {
    public let runs: [ReportedRun]
    private let labels: [String]

    public init(_ runs: [ReportedRun]) {
        self.runs = runs
        labels = ReportedRun.labels(runs)
    }

    public var page: HTMLReport {
        var sections = [HTMLReport.Section(runs.count == 1 ? "Run" : "Runs", [.table(header)]), HTMLReport.Section("Training", TrainingCurves(runs, labels: labels).blocks)]
        for (run, label) in zip(runs, labels) {
            let prefix = runs.count > 1 ? label + ": " : ""
            if let evaluation = run.evaluation {
                sections += evaluation.sections.map { HTMLReport.Section(prefix + $0.title, $0.blocks) }
            } else {
                sections.append(HTMLReport.Section(prefix + "Evaluation", [.text("Not evaluated: \(run.folder.path) holds no evaluation.json.")]))
            }
        }
        for (run, label) in zip(runs, labels) {
            let title = (runs.count > 1 ? label + ": " : "") + "Eight bits against float"
            sections.append(HTMLReport.Section(title, run.quantization.map(Self.quantization) ?? [.text("Not quantized: \(run.folder.path) holds no quantization.json.")]))
        }
        sections.append(HTMLReport.Section("Cost of an inference", [.table(costs)]))
        sections.append(HTMLReport.Section("Recipes", zip(runs, labels).map { .details(summary: $1, text: $0.record.recipe) }))
        let title = runs.count == 1 ? labels[0] : "\(runs.count) runs"
        return HTMLReport(title: title, subtitle: runs.count == 1 ? Self.status(runs[0].record) : labels.joined(separator: ", "), sections: sections)
    }

    // MARK: Parts

    private static func status(_ record: RunRecord) -> String {
        let status = record.status == .stoppedEarly ? "stopped early" : record.status.rawValue
        return record.reason.map { "\(status): \($0)" } ?? status
    }

    /// A line for each property, a column for each run.
    private var header: ReportTable {
        var rows: [[String]] = []
        func add(_ name: String, _ text: (RunRecord) -> String) { rows.append([name] + runs.map { text($0.record) }) }
        add("status", Self.status)
        add("modalities") { $0.modalities.map(Self.text).joined(separator: "; ") }
        add("fuser") { $0.fuser.map(Self.text) ?? FigureText.none }
        add("losses") { $0.losses.map { "\(FigureText.quantity($0.weight)) × \($0.name) on \($0.on)" }.joined(separator: "; ") }
        var subsets: [String] = []
        for subset in runs.flatMap(\.record.data) where !subsets.contains(subset.name) { subsets.append(subset.name) }
        for name in subsets {
            add("\(name) data") { record in
                guard let subset = record.data.first(where: { $0.name == name }) else { return FigureText.none }
                return "\(FigureText.count(subset.people)) people, \(FigureText.count(subset.rows)) rows"
            }
        }
        add("seed") { "\($0.seed)" }
        add("device") { $0.device }
        add("threads") { "\($0.threads)" }
        add("processes") { "\($0.processes)" }
        add("libtorch") { $0.libtorch }
        add("fwoc-train") { $0.program }
        add("epochs") { FigureText.count($0.epochs) }
        add("steps") { FigureText.count($0.steps) }
        add("best epoch") { record in
            guard let epoch = record.bestEpoch else { return FigureText.none }
            guard let metric = record.selectionMetric else { return "\(epoch)" }
            return "\(epoch), \(metric) \(FigureText.number(record.bestValue))"
        }
        add("time") { FigureText.duration($0.seconds) }
        add("samples a second") { FigureText.number($0.samplesPerSecond, digits: 1) }
        add("most memory") { FigureText.mebibytes($0.peakMemoryMiB) }
        add("began") { FigureText.time($0.started) }
        add("ended") { FigureText.time($0.ended) }
        return ReportTable(header: [""] + labels, rows: rows)
    }

    private static func text(_ modality: RunRecord.Modality) -> String {
        "\(modality.name): \(modality.encoder), \(modality.dimension)-d\(modality.isTrainable ? "" : ", frozen")"
    }

    private static func text(_ fuser: RunRecord.Fuser) -> String {
        "\(fuser.name), \(fuser.dimension)-d, \(fuser.toleratesMissingModality ? "tolerates" : "does not tolerate") a missing modality"
    }

    private static func quantization(_ report: QuantizationReport) -> [HTMLReport.Block] {
        func decibels(_ value: Double) -> String { value >= 999 ? "∞" : FigureText.number(value, digits: 1) }
        let saved = report.quantizedBytes > 0 ? String(format: " (%.2f times smaller)", Double(report.floatBytes) / Double(report.quantizedBytes)) : ""
        var blocks: [HTMLReport.Block] = [
            .text(
                "\(report.layers.count) layers in eight bits (\(report.method), \(report.samples) samples), \(report.left.count) left float; "
                    + "\(FigureText.count(report.floatBytes)) bytes of weights became \(FigureText.count(report.quantizedBytes))\(saved)."),
            .table(
                ReportTable(
                    header: ["output", "SQNR dB", "mean cosine", "least cosine"],
                    rows: report.outputs.map { [$0.name, decibels($0.signalToNoise), FigureText.number($0.meanCosine, digits: 5), FigureText.number($0.leastCosine, digits: 5)] })),
        ]
        for tuning in report.tunings ?? [] {
            blocks.append(
                .text(
                    "Fine-tuned for eight bits: \(tuning.layers.joined(separator: ", ")); \(FigureText.count(tuning.steps)) steps on \(FigureText.count(tuning.samples)) samples, seed \(tuning.seed). "
                        + (tuning.isKept ? "It was better, and is what is shown here." : "It was not better: what went in was kept.")))
            blocks.append(
                .table(
                    ReportTable(
                        header: ["output", "SQNR dB", "fine-tuned", "mean cosine", "fine-tuned", "least cosine", "fine-tuned"],
                        rows: zip(tuning.before, tuning.after).map { before, after in
                            [before.name, decibels(before.signalToNoise), decibels(after.signalToNoise)]
                                + [before.meanCosine, after.meanCosine, before.leastCosine, after.leastCosine].map { FigureText.number($0, digits: 5) }
                        })))
        }
        if !report.layers.isEmpty {
            let points = report.layers.enumerated().map { Plot.Point(Double($0 + 1), $1.signalToNoise >= 999 ? .nan : $1.signalToNoise) }
            let weights = report.layers.enumerated().map { Plot.Point(Double($0 + 1), $1.weightSignalToNoise >= 999 ? .nan : $1.weightSignalToNoise) }
            blocks.append(
                .figures([
                    Plot("Noise layer by layer", x: .init("layer"), y: .init("SQNR, dB"), marks: [.line(name: "output", points: points, band: []), .line(name: "weights", points: weights, band: [])]).svg()
                ]))
            let worst = report.layers.sorted { $0.signalToNoise < $1.signalToNoise }.prefix(12)
            blocks.append(
                .table(
                    ReportTable(
                        header: ["worst layers", "operator", "SQNR dB", "of its weights", "input cut off"],
                        rows: worst.map { [$0.node, $0.operation, decibels($0.signalToNoise), decibels($0.weightSignalToNoise), String(format: "%.3f %%", 100 * $0.clipped)] })))
        }
        if !report.left.isEmpty {
            blocks.append(.table(ReportTable(header: ["left float", "because"], rows: report.left.sorted { $0.key < $1.key }.map { [$0.key, $0.value] })))
        }
        return blocks
    }

    private var costs: ReportTable {
        var rows: [[String]] = []
        for (run, label) in zip(runs, labels) {
            for modality in run.record.modalities {
                rows.append([label, "\(modality.name): \(modality.encoder)", FigureText.count(modality.parameters), FigureText.count(modality.multiplyAccumulates), FigureText.number(modality.milliseconds, digits: 2)])
            }
            if let fuser = run.record.fuser {
                rows.append([label, "fuser: \(fuser.name)", FigureText.count(fuser.parameters), FigureText.count(fuser.multiplyAccumulates), FigureText.number(fuser.milliseconds, digits: 2)])
            }
            if run.record.modalities.count + (run.record.fuser == nil ? 0 : 1) > 1 {
                rows.append([label, "all together", FigureText.count(run.parameters), FigureText.count(run.multiplyAccumulates), FigureText.number(run.milliseconds, digits: 2)])
            }
        }
        return ReportTable(header: ["run", "part", "parameters", "multiply-accumulates", "ms"], rows: rows, caption: "A dash where it was not measured.")
    }
}

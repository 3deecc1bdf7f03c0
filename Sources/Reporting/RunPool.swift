import Biometrics
import Evaluation
import Figures
import RunRecords

/// Runs that differ only in their seed, as one: its figures are means over them.
struct RunPool {
    /// What fuses, or the modality that stands alone.
    var fuser: String
    var loss: String
    var runs: [ReportedRun]

    var label: String { "\(fuser) · \(loss)" }

    /// A figure of a pool.
    struct Figure {
        /// The mean over the runs that have it.
        var value: Double
        /// Of several runs the least and the greatest; of one its bootstrap interval, if it has one.
        var lower: Double?
        var upper: Double?
        var runs: Int

        /// `0.981 [0.974, 0.988]` with the interval of one run, `0.981 (0.975 … 0.986)` with the range of several.
        var text: String {
            guard let lower, let upper else { return FigureText.number(value, digits: 3) }
            let (least, most) = (FigureText.number(lower, digits: 3), FigureText.number(upper, digits: 3))
            return FigureText.number(value, digits: 3) + (runs > 1 ? " (\(least) … \(most))" : " [\(least), \(most)]")
        }
    }

    /// - Parameter interval: of a single run.
    static func figure(_ values: [Double], interval: (Double, Double)? = nil) -> Figure? {
        let values = values.filter(\.isFinite)
        guard let first = values.first else { return nil }
        if values.count == 1 { return Figure(value: first, lower: interval?.0, upper: interval?.1, runs: 1) }
        return Figure(value: values.reduce(0, +) / Double(values.count), lower: values.min(), upper: values.max(), runs: values.count)
    }

    /// - Parameter circumstance: as ``ReportedRun/circumstance(_:)`` calls it.
    func metric(_ name: String, in circumstance: String) -> Figure? {
        let metrics = runs.compactMap { $0.section(circumstance)?[name] }
        let interval = metrics.first { $0.value != nil }?.interval.map { ($0.lower, $0.upper) }
        return Self.figure(metrics.compactMap(\.value), interval: interval)
    }

    func mean(_ value: (ReportedRun) -> Double?) -> Figure? { Self.figure(runs.compactMap(value)) }

    /// Pools in the order of their first runs, with labels that tell them apart.
    static func pools(_ runs: [ReportedRun]) -> [RunPool] {
        var pools: [(key: String, pool: RunPool)] = []
        for run in runs {
            let key = key(run)
            if let index = pools.firstIndex(where: { $0.key == key }) {
                pools[index].pool.runs.append(run)
            } else {
                let fuser = run.record.fuser?.name ?? (run.record.modalities.isEmpty ? run.record.name : run.modalityNames + " only")
                pools.append((key, RunPool(fuser: fuser, loss: run.lossNames, runs: [run])))
            }
        }
        var result = pools.map(\.pool)
        // What else tells them apart: the modalities, then the runs' names, then their number.
        let more: [(Int) -> String] = [{ result[$0].runs[0].modalityNames }, { result[$0].runs[0].record.name }, { "\($0 + 1)" }]
        for name in more {
            let twins = result.indices.filter { index in result.count { $0.label == result[index].label } > 1 }
            guard Set(twins.map(name)).count > 1 else { continue }
            let names = twins.map(name)
            for (index, name) in zip(twins, names) { result[index].fuser += " (\(name))" }
        }
        return result
    }

    /// Equal for runs that differ in nothing but the seed, and in what they and their folders are called.
    private static func key(_ run: ReportedRun) -> String {
        let record = run.record
        let recipe = record.recipe.split(separator: "\n").filter { line in
            let words = line.split(separator: ":", maxSplits: 1)
            return !["seed", "name", "output", "folder"].contains(words.first.map { String($0.trimmingSpaces) } ?? "")
        }
        let losses = record.losses.map { "\($0.name) \($0.on) \($0.weight)" }
        let modalities = record.modalities.map { "\($0.name) \($0.encoder) \($0.dimension) \($0.isTrainable)" }
        let fuser = record.fuser.map { "\($0.name) \($0.dimension)" } ?? ""
        return ([fuser] + modalities + ["|"] + losses + ["|"] + recipe.map(String.init)).joined(separator: "\n")
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        let start = drop { $0 == " " || $0 == "\t" || $0 == "-" }
        return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
    }
}

public import Foundation

/// Comparisons that are to be made: two items each, and whether they are of one person.
///
/// As a file: one `a,b,label` a line (RFC 4180), the label 1 (same person) or 0, with or without the heading `a,b,label`. VoxCeleb's own
/// lists (`label a b`, by spaces) are not this format; `awk '{print $2","$3","$1}'` makes it.
public struct TrialList: Sendable, Equatable {
    public struct Trial: Sendable, Hashable {
        public var a: String
        public var b: String
        public var isSame: Bool

        public init(a: String, b: String, isSame: Bool) {
            self.a = a
            self.b = b
            self.isSame = isSame
        }
    }

    public var trials: [Trial]

    public init(trials: [Trial]) { self.trials = trials }

    public init(contentsOf url: URL) throws(EvaluationError) {
        try self.init(try CSVRecords(contentsOf: url), name: url.path)
    }

    public init(text: String, name: String = "trial list") throws(EvaluationError) {
        try self.init(try CSVRecords(text: text, name: name), name: name)
    }

    private init(_ csv: CSVRecords, name: String) throws(EvaluationError) {
        var trials: [Trial] = []
        trials.reserveCapacity(csv.records.count)
        for (index, record) in csv.records.enumerated() {
            let fields = record.fields.map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 3 else {
                throw .line(name, record.line, "\(fields.count) field\(fields.count == 1 ? "" : "s"), expected 3: a,b,label")
            }
            if index == 0, fields[2].lowercased() == "label" { continue }
            guard !fields[0].isEmpty, !fields[1].isEmpty else { throw .line(name, record.line, "an item without a name; expected a,b,label") }
            let isSame: Bool
            switch fields[2].lowercased() {
            case "1", "true", "same": isSame = true
            case "0", "false", "different": isSame = false
            default: throw .line(name, record.line, "label '\(fields[2])', expected 1 (same person) or 0 (different people)")
            }
            trials.append(Trial(a: fields[0], b: fields[1], isSame: isSame))
        }
        guard !trials.isEmpty else { throw EvaluationError(.badData, "\(name): no trials in it; expected lines of a,b,label") }
        self.trials = trials
    }

    /// The text of the file, with its heading.
    public var csv: String {
        "a,b,label\n" + trials.map { "\(CSVRecords.field($0.a)),\(CSVRecords.field($0.b)),\($0.isSame ? 1 : 0)\n" }.joined()
    }

    public var sameCount: Int { trials.count { $0.isSame } }

    /// Every item that is compared, once, in the order of the list.
    public var items: [String] {
        var seen: Set<String> = []
        return trials.flatMap { [$0.a, $0.b] }.filter { seen.insert($0).inserted }
    }
}

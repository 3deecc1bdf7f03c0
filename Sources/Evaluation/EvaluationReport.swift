public import Biometrics
public import Foundation

/// Everything that was measured on a table of embeddings: figures with intervals, and what is needed to draw them. JSON as it stands.
public struct EvaluationReport: Sendable, Codable, Equatable {
    public static let schema = "fwoc.evaluation/1"

    /// One figure.
    public struct Metric: Sendable, Codable, Equatable {
        /// For example `auc`, `tar@far=0.01`, `map`; the same in every report.
        public var name: String
        /// Absent where the metric is not defined on these samples; `note` says why.
        public var value: Double?
        public var interval: ConfidenceInterval?
        public var note: String?
        public var isHigherBetter: Bool

        public init(name: String, value: Double? = nil, interval: ConfidenceInterval? = nil, note: String? = nil, isHigherBetter: Bool) {
            (self.name, self.value, self.interval, self.note, self.isHigherBetter) = (name, value, interval, note, isHigherBetter)
        }
    }

    /// A curve for drawing; thresholds are absent where nothing is accepted.
    public struct Curve: Sendable, Codable, Equatable {
        public var falseAccept: [Double]
        public var falseReject: [Double]
        public var threshold: [Float?]
    }

    /// Scores of both kinds in bins of equal width.
    public struct Histogram: Sendable, Codable, Equatable {
        public var lower: Double
        public var upper: Double
        public var same: [Int]
        public var different: [Int]
    }

    /// One person taken for another, this often.
    public struct Confusion: Sendable, Codable, Equatable {
        public var actual: String
        public var answered: String
        public var count: Int
    }

    /// The figures of one condition and role, or of two roles against each other.
    public struct Section: Sendable, Codable, Equatable {
        public var condition: Condition
        public var role: EmbeddingRole
        /// The other role, where two are compared with each other.
        public var against: EmbeddingRole?
        public var samples: Int
        public var people: Int
        /// Items without an embedding, by reason.
        public var refused: [String: Int]
        public var trials: Int
        /// Trials of the list whose items have no embedding here; no figure contains them.
        public var unscoredTrials: Int
        public var metrics: [Metric]
        public var curve: Curve?
        public var histogram: Histogram?
        /// Whether calibrated scores mean what they say about people from whom the calibration was not learnt; absent where there are too few.
        public var reliability: Reliability?
        /// The most frequent first.
        public var confusions: [Confusion]

        public subscript(name: String) -> Metric? { metrics.first { $0.name == name } }
        public var title: String { "\(condition) · \(role)" + (against.map { " against \($0)" } ?? "") }
    }

    public var schema = Self.schema
    /// What the embeddings were made by.
    public var model: String
    public var settings: EvaluationProtocol
    public var sections: [Section]

    public init(model: String, settings: EvaluationProtocol, sections: [Section]) {
        self.model = model
        self.settings = settings
        self.sections = sections
    }

    /// Keys sorted, so that equal reports are equal bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    public init(json: Data) throws { self = try JSONDecoder().decode(EvaluationReport.self, from: json) }

    /// A column for each section, a line for each metric: `0.981 [0.974, 0.988]`.
    public var table: String {
        var names: [String] = []
        for metric in sections.flatMap(\.metrics) where !names.contains(metric.name) { names.append(metric.name) }
        var lines = [[""] + sections.map(\.title), ["samples (people)"] + sections.map { "\($0.samples) (\($0.people))" }]
        for name in names {
            lines.append([name] + sections.map { section in section[name].map(Self.text) ?? "" })
        }
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ").trimmingSuffix(" ")
        }.joined(separator: "\n")
    }

    static func text(_ metric: Metric) -> String {
        guard let value = metric.value else { return "–" }
        guard let interval = metric.interval else { return String(format: "%.3f", value) }
        return String(format: "%.3f [%.3f, %.3f]", value, interval.lower, interval.upper)
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        String(self[..<(lastIndex { $0 != character }.map(index(after:)) ?? startIndex)])
    }
}

extension Plot {
    /// A named curve of errors: false accepts and false rejects, 0…1.
    public struct ErrorCurve: Sendable, Hashable {
        public var name: String
        public var falseAccept: [Double]
        public var falseReject: [Double]

        /// - Precondition: as many of one as of the other.
        public init(name: String, falseAccept: [Double], falseReject: [Double]) {
            precondition(falseAccept.count == falseReject.count, "\(falseAccept.count) false accept rates and \(falseReject.count) false reject rates")
            self.name = name
            self.falseAccept = falseAccept
            self.falseReject = falseReject
        }
    }

    /// True accepts over false accepts, with the line of chance.
    /// - Parameter leastFalseAccept: shows rates from there on a logarithmic axis, where low rates matter; a linear one where `nil`.
    public static func roc(_ curves: [ErrorCurve], title: String = "ROC", leastFalseAccept: Double? = nil) -> Plot {
        let range = (leastFalseAccept ?? 0)...1
        let scale: AxisScale = leastFalseAccept == nil ? .linear : .logarithmic
        // Chance bends on a logarithmic axis.
        let chance: [Mark] = leastFalseAccept == nil ? [.guide(from: Point(0, 0), to: Point(1, 1), label: "")] : []
        return Plot(
            title, x: Axis("false accept rate", scale: scale, format: .percent, range: range),
            y: Axis("true accept rate", format: .percent, range: 0...1),
            marks: chance + curves.map { curve in
                .line(name: curve.name, points: zip(curve.falseAccept, curve.falseReject).map { Point($0, 1 - $1) }, band: [])
            }, width: 560, height: 460)
    }

    /// False rejects over false accepts on probit axes, with the line of equal errors.
    public static func det(_ curves: [ErrorCurve], title: String = "DET", range: ClosedRange<Double> = 0.0005...0.6) -> Plot {
        Plot(
            title, x: Axis("false accept rate", scale: .probit, format: .percent, range: range),
            y: Axis("false reject rate", scale: .probit, format: .percent, range: range),
            marks: [.guide(from: Point(range.lowerBound, range.lowerBound), to: Point(range.upperBound, range.upperBound), label: "equal error")]
                + curves.map { .line(name: $0.name, points: zip($0.falseAccept, $0.falseReject).map { Point($0, $1) }, band: []) },
            width: 560, height: 500)
    }

    /// Scores of both kinds of comparison, each as a share of its own kind.
    /// - Parameters:
    ///   - same, different: counts in bins of equal width from `lower` to `upper`.
    public static func scores(lower: Double, upper: Double, same: [Int], different: [Int], title: String = "Scores") -> Plot {
        func edges(_ counts: [Int]) -> [Double] { (0...counts.count).map { lower + (upper - lower) * Double($0) / Double(max(1, counts.count)) } }
        func shares(_ counts: [Int]) -> [Double] {
            let total = counts.reduce(0, +)
            return counts.map { total > 0 ? Double($0) / Double(total) : 0 }
        }
        return Plot(
            title, x: Axis("score"), y: Axis("share of comparisons", format: .percent),
            marks: [
                .histogram(name: "different people", edges: edges(different), heights: shares(different)),
                .histogram(name: "one person", edges: edges(same), heights: shares(same)),
            ], height: 320)
    }
}

public import Biometrics

extension Plot {
    /// What was said of unseen people.
    public struct ReliabilityCurve: Sendable, Hashable {
        public var name: String
        /// Estimated probability, observed share and the share's interval, all 0…1.
        public var points: [Spread]
        public var observed: [Double]

        public init(name: String, _ bins: [Reliability.Bin]) {
            self.name = name
            points = bins.map { Spread($0.estimated, $0.lower, $0.upper) }
            observed = bins.map(\.observed)
        }
    }

    /// Share of comparisons that were of one person over the probability that was estimated, with 95 % intervals: honest along the diagonal.
    public static func reliability(_ curves: [ReliabilityCurve], title: String = "Reliability") -> Plot {
        Plot(
            title, x: Axis("estimated probability of one person", format: .percent, range: 0...1),
            y: Axis("observed share", format: .percent, range: 0...1),
            marks: [.guide(from: Point(0, 0), to: Point(1, 1), label: "")]
                + curves.map { curve in
                    .line(name: curve.name, points: zip(curve.points, curve.observed).map { Point($0.x, $1) }, band: curve.points)
                }, width: 560, height: 460)
    }

    /// Share of comparisons of different people that reach a score over the bound that was estimated for it, with 95 % intervals, on logarithmic
    /// axes: a bound holds where the curve lies below the diagonal. A share of none has no place there; its band still shows what it may be.
    public static func falseAccepts(_ curves: [ReliabilityCurve], title: String = "False accepts of one comparison") -> Plot {
        let least = curves.flatMap { $0.points.map(\.x) + $0.observed.filter { $0 > 0 } }.min() ?? 0.01
        // At least a decade, and whole ones.
        let floor = Self.decade(below: min(least, 0.1))
        return Plot(
            title, x: Axis("estimated bound", scale: .logarithmic, format: .percent, range: floor...1),
            y: Axis("observed share", scale: .logarithmic, format: .percent, range: floor...1),
            marks: [.guide(from: Point(floor, floor), to: Point(1, 1), label: "")]
                + curves.map { curve in
                    .line(
                        name: curve.name, points: zip(curve.points, curve.observed).map { Point($0.x, $1) },
                        band: curve.points.map { Spread($0.x, max($0.lower, floor), max($0.upper, floor)) })
                }, width: 560, height: 460)
    }

    private static func decade(below value: Double) -> Double {
        var decade = 0.1
        while decade > value * (1 + 1e-9), decade > 1e-12 { decade /= 10 }
        return decade
    }
}

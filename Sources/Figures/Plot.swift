/// Curves, bands and histograms over two axes.
public struct Plot: Sendable, Hashable {
    public struct Axis: Sendable, Hashable {
        public var label: String
        public var scale: AxisScale
        public var format: AxisFormat
        /// What is shown; what the marks need, where `nil`.
        public var range: ClosedRange<Double>?

        public init(_ label: String, scale: AxisScale = .linear, format: AxisFormat = .number, range: ClosedRange<Double>? = nil) {
            self.label = label
            self.scale = scale
            self.format = format
            self.range = range
        }
    }

    public struct Point: Sendable, Hashable {
        public var x: Double
        public var y: Double

        public init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// Where a curve may lie at one place.
    public struct Spread: Sendable, Hashable {
        public var x: Double
        public var lower: Double
        public var upper: Double

        public init(_ x: Double, _ lower: Double, _ upper: Double) {
            self.x = x
            self.lower = lower
            self.upper = upper
        }
    }

    public enum Mark: Sendable, Hashable {
        /// A curve; points without a place on the axes (not finite, not positive on a logarithmic one) interrupt it.
        case line(name: String, points: [Point], band: [Spread])
        /// Bins between `edges`, one more than `heights`.
        case histogram(name: String, edges: [Double], heights: [Double])
        /// A straight dashed line without a place in the legend, such as that of chance.
        case guide(from: Point, to: Point, label: String)
    }

    public var title: String
    public var x: Axis
    public var y: Axis
    public var marks: [Mark]
    public var width: Double
    /// Without the legend, which is added below.
    public var height: Double

    public init(_ title: String, x: Axis, y: Axis, marks: [Mark] = [], width: Double = 640, height: Double = 400) {
        self.title = title
        self.x = x
        self.y = y
        self.marks = marks
        self.width = width
        self.height = height
    }

    public func svg() -> SVG {
        let names = marks.compactMap(\.name)
        let legend = Legend(names, width: width - 40)
        let xRange = x.range ?? x.scale.range(marks.flatMap(\.xValues))
        let yRange = y.range ?? y.scale.range(marks.flatMap(\.yValues))
        let yTicks = y.scale.ticks(yRange, about: 5)
        let left = 34 + (yTicks.map { SVG.width(of: y.format.text($0), size: 12) }.max() ?? 20)
        let frame = PlotFrame(
            left: left, top: 40, right: width - 22, bottom: height - 52, x: x.scale, xRange: xRange, y: y.scale, yRange: yRange)
        var elements = [SVG.text(SVG.fitted(title, width: width - 32, size: 15), x: 16, y: 24, style: "fp-title")]
        elements += frame.grid(x: x, y: y, yTicks: yTicks)

        // An inner drawing cuts off what lies outside; it needs no identifier for that.
        var inner: [String] = []
        var series = 0
        var isEmpty = true
        for mark in marks {
            let drawn = frame.draw(mark, series: series)
            inner += drawn
            if case .guide = mark { continue }
            if !drawn.isEmpty { isEmpty = false }
            series += 1
        }
        elements.append("<svg x=\"\(SVG.number(frame.left))\" y=\"\(SVG.number(frame.top))\" width=\"\(SVG.number(frame.width))\" height=\"\(SVG.number(frame.height))\" overflow=\"hidden\">")
        elements += inner
        elements.append("</svg>")
        for case .guide(_, let to, let label) in marks where !label.isEmpty {
            if let place = frame.place(to) {
                elements.append(SVG.text(label, x: min(frame.left + place.x, frame.right) - 6, y: max(frame.top + place.y, frame.top) + 16, style: "fp-faint", anchor: .end))
            }
        }
        elements.append(SVG.line(frame.left, frame.bottom, frame.right, frame.bottom, style: "fp-axis"))
        elements.append(SVG.line(frame.left, frame.top, frame.left, frame.bottom, style: "fp-axis"))
        if isEmpty {
            elements.append(SVG.text("no data", x: (frame.left + frame.right) / 2, y: (frame.top + frame.bottom) / 2, style: "fp-faint", anchor: .middle))
        }
        elements += legend.draw(x: 20, y: height - 4)
        return SVG(width: width, height: height + legend.height, label: title, elements: elements)
    }
}

extension Plot.Mark {
    fileprivate var name: String? {
        switch self {
        case .line(let name, _, _), .histogram(let name, _, _): name
        case .guide: nil
        }
    }

    fileprivate var xValues: [Double] {
        switch self {
        case .line(_, let points, let band): points.map(\.x) + band.map(\.x)
        case .histogram(_, let edges, _): edges
        case .guide: []
        }
    }

    fileprivate var yValues: [Double] {
        switch self {
        case .line(_, let points, let band): points.map(\.y) + band.flatMap { [$0.lower, $0.upper] }
        case .histogram(_, _, let heights): heights + [0]
        case .guide: []
        }
    }
}

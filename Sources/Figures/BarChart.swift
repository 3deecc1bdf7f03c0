import Foundation

/// Groups of bars with error bars: a figure for each of several systems, side by side.
public struct BarChart: Sendable, Hashable {
    public struct Bar: Sendable, Hashable {
        /// Absent where there is no figure; a dash stands in its place.
        public var value: Double?
        /// The interval, drawn as an error bar.
        public var lower: Double?
        public var upper: Double?

        public init(_ value: Double?, lower: Double? = nil, upper: Double? = nil) {
            self.value = value
            self.lower = lower
            self.upper = upper
        }
    }

    /// Bars that stand together, one of each series.
    public struct Group: Sendable, Hashable {
        public var name: String
        public var bars: [Bar]

        public init(_ name: String, _ bars: [Bar]) {
            self.name = name
            self.bars = bars
        }
    }

    public var title: String
    public var label: String
    public var format: AxisFormat
    /// Names of the bars of every group.
    public var series: [String]
    public var groups: [Group]
    /// What is shown; from zero to the highest bar where `nil`.
    public var range: ClosedRange<Double>?
    public var width: Double
    /// Without the legend, which is added below.
    public var height: Double

    public init(
        _ title: String, label: String, format: AxisFormat = .number, series: [String], groups: [Group], range: ClosedRange<Double>? = nil,
        width: Double = 640, height: Double = 340
    ) {
        self.title = title
        self.label = label
        self.format = format
        self.series = series
        self.groups = groups
        self.range = range
        self.width = width
        self.height = height
    }

    public func svg() -> SVG {
        let legend = Legend(series.count > 1 ? series : [], width: width - 40)
        return SVG(width: width, height: height + legend.height, label: title, elements: elements + legend.draw(x: 20, y: height - 2))
    }

    /// From zero to the highest bar or error bar.
    var fittedRange: ClosedRange<Double> {
        AxisScale.linear.range(groups.flatMap(\.bars).flatMap { [$0.value, $0.lower, $0.upper].compactMap { $0 } }.filter(\.isFinite) + [0])
    }

    /// The drawing without its legend.
    var elements: [String] {
        let range = range ?? fittedRange
        let ticks = AxisScale.linear.ticks(range, about: 5)
        let left = (label.isEmpty ? 14 : 34) + (ticks.map { SVG.width(of: format.text($0), size: 12) }.max() ?? 20)
        let right = width - 18, top = 44.0, bottom = height - 34
        func y(_ value: Double) -> Double {
            let share = PlotFrame.share(value, .linear, range) ?? 0
            return bottom - min(max(share, 0), 1) * (bottom - top)
        }
        var elements = [SVG.text(SVG.fitted(title, width: width - 32, size: 15), x: 16, y: 24, style: "fp-title")]
        for tick in ticks {
            elements.append(SVG.line(left, y(tick), right, y(tick), style: "fp-grid"))
            elements.append(SVG.text(format.text(tick), x: left - 7, y: y(tick) + 4, style: "fp-faint", anchor: .end))
        }
        if !label.isEmpty { elements.append(SVG.text(label, x: 18, y: (top + bottom) / 2, style: "fp-text", anchor: .middle, turned: true)) }
        let base = y(min(max(0, range.lowerBound), range.upperBound))
        let slot = (right - left) / Double(max(1, groups.count))
        let barCount = max(1, groups.map(\.bars.count).max() ?? 1)
        let barWidth = min(slot * 0.82 / Double(barCount), 64)
        for (number, group) in groups.enumerated() {
            let centre = left + (Double(number) + 0.5) * slot
            for (index, bar) in group.bars.enumerated() {
                let x = centre + (Double(index) - Double(group.bars.count) / 2) * barWidth, middle = x + barWidth / 2
                guard let value = bar.value, value.isFinite else {
                    elements.append(SVG.text("–", x: middle, y: base - 5, style: "fp-faint", anchor: .middle))
                    continue
                }
                let end = y(value)
                elements.append(SVG.rectangle(x + 1.5, min(end, base), barWidth - 3, abs(end - base), style: "fp-bar \(Palette.fill(index))"))
                var labelPlace = min(end, base) - 5
                if let lower = bar.lower, let upper = bar.upper, lower.isFinite, upper.isFinite {
                    let cap = min(5, barWidth / 4)
                    elements.append(SVG.line(middle, y(lower), middle, y(upper), style: "fp-error"))
                    elements.append(SVG.line(middle - cap, y(lower), middle + cap, y(lower), style: "fp-error"))
                    elements.append(SVG.line(middle - cap, y(upper), middle + cap, y(upper), style: "fp-error"))
                    labelPlace = min(labelPlace, y(upper) - 5)
                }
                // Where bars are too narrow for figures, the axis has to do.
                if let text = Self.figures(value, format).first(where: { SVG.width(of: $0, size: 11) <= barWidth + 3 }) {
                    elements.append(SVG.text(text, x: middle, y: labelPlace, style: "fp-value", anchor: .middle))
                }
            }
            elements.append(SVG.text(SVG.fitted(group.name, width: slot - 4, size: 12), x: centre, y: bottom + 18, style: "fp-text", anchor: .middle))
        }
        elements.append(SVG.line(left, base, right, base, style: "fp-axis"))
        if groups.allSatisfy(\.bars.isEmpty) {
            elements.append(SVG.text("no data", x: (left + right) / 2, y: (top + bottom) / 2, style: "fp-faint", anchor: .middle))
        }
        return elements
    }

    /// The value as it may be written over its bar, the most exact first: no more digits than an interval leaves of it.
    private static func figures(_ value: Double, _ format: AxisFormat) -> [String] {
        switch format {
        case .number:
            abs(value) < 10 ? [String(format: "%.3f", value), String(format: "%.2f", value)] : [AxisFormat.plain((value * 10).rounded() / 10), AxisFormat.plain(value.rounded())]
        case .percent: [String(format: "%.1f %%", value * 100), String(format: "%.0f %%", value * 100)]
        }
    }
}

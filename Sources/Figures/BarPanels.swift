/// Bar charts of one quantity side by side, on one scale and with one legend: a chart for each circumstance.
public struct BarPanels: Sendable, Hashable {
    public var title: String
    /// Beside the title, for example `higher is better`.
    public var note: String
    public var format: AxisFormat
    /// Names of the bars of every group.
    public var series: [String]
    /// Title and groups of each chart.
    public var panels: [Panel]
    /// What every chart shows; from zero to the highest bar where `nil`.
    public var range: ClosedRange<Double>?

    public struct Panel: Sendable, Hashable {
        public var title: String
        public var groups: [BarChart.Group]

        public init(_ title: String, _ groups: [BarChart.Group]) {
            self.title = title
            self.groups = groups
        }
    }

    public init(_ title: String, note: String = "", format: AxisFormat = .number, series: [String], panels: [Panel], range: ClosedRange<Double>? = nil) {
        self.title = title
        self.note = note
        self.format = format
        self.series = series
        self.panels = panels
        self.range = range
    }

    private static let fullWidth = 1180.0
    private static let panelHeight = 270.0

    public func svg() -> SVG {
        let everything = BarChart("", label: "", format: format, series: series, groups: panels.flatMap(\.groups))
        let range = range ?? everything.fittedRange
        // A group is as wide as its name or its figures need.
        let name = panels.flatMap(\.groups).map { SVG.width(of: $0.name, size: 12) }.max() ?? 0
        let slot = max(min(name, 130) + 10, Double(max(1, series.count)) * 42 / 0.82)
        let needed = slot * Double(panels.map(\.groups.count).max() ?? 1) + 80
        let columns = max(1, min(panels.count, Int(Self.fullWidth / min(max(needed, 380), Self.fullWidth))))
        // A few narrow charts do not grow to fill the page.
        let panelWidth = min(Self.fullWidth / Double(columns), max(needed, 380))
        let width = panelWidth * Double(columns)
        let legend = Legend(series.count > 1 ? series : [], width: width - 40)
        let rows = (panels.count + columns - 1) / columns
        let top = 40.0, height = top + Double(rows) * Self.panelHeight + legend.height + 8
        var elements = [SVG.text(SVG.fitted(title, width: width - 32, size: 15), x: 16, y: 26, style: "fp-title")]
        if SVG.width(of: title, size: 17) + SVG.width(of: note, size: 12) + 60 < width { elements.append(SVG.text(note, x: width - 18, y: 26, style: "fp-faint", anchor: .end)) }
        if panels.isEmpty { elements.append(SVG.text("no data", x: width / 2, y: top + 20, style: "fp-faint", anchor: .middle)) }
        for (number, panel) in panels.enumerated() {
            let chart = BarChart(panel.title, label: "", format: format, series: series, groups: panel.groups, range: range, width: panelWidth, height: Self.panelHeight)
            let x = Double(number % columns) * panelWidth, y = top + Double(number / columns) * Self.panelHeight
            elements.append("<g transform=\"translate(\(SVG.number(x)) \(SVG.number(y)))\">\(chart.elements.joined(separator: "\n"))</g>")
        }
        elements += legend.draw(x: 20, y: height - legend.height - 4)
        return SVG(width: width, height: height, label: title, elements: elements)
    }
}

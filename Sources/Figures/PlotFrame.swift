/// The area between the axes: places for values, and what is drawn there.
struct PlotFrame {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double
    var x: AxisScale
    var xRange: ClosedRange<Double>
    var y: AxisScale
    var yRange: ClosedRange<Double>

    var width: Double { right - left }
    var height: Double { bottom - top }

    /// Share of the way along an axis, 0…1 within its range.
    static func share(_ value: Double, _ scale: AxisScale, _ range: ClosedRange<Double>) -> Double? {
        guard let mapped = scale.mapped(value), let low = scale.mapped(range.lowerBound), let high = scale.mapped(range.upperBound), high > low else { return nil }
        return (mapped - low) / (high - low)
    }

    /// From the area's upper left corner; never so far outside that coordinates grow without bound.
    func place(_ point: Plot.Point) -> (x: Double, y: Double)? {
        guard let across = Self.share(point.x, x, xRange), let up = Self.share(point.y, y, yRange) else { return nil }
        func bounded(_ share: Double) -> Double { min(max(share, -10), 11) }
        return (bounded(across) * width, (1 - bounded(up)) * height)
    }

    func grid(x xAxis: Plot.Axis, y yAxis: Plot.Axis, yTicks: [Double]) -> [String] {
        var elements: [String] = []
        for tick in yTicks {
            guard let share = Self.share(tick, y, yRange) else { continue }
            let place = bottom - share * height
            elements.append(SVG.line(left, place, right, place, style: "fp-grid"))
            elements.append(SVG.text(yAxis.format.text(tick), x: left - 7, y: place + 4, style: "fp-faint", anchor: .end))
        }
        var lastEnd = -Double.infinity
        for tick in x.ticks(xRange, about: 7) {
            guard let share = Self.share(tick, x, xRange) else { continue }
            let place = left + share * width
            elements.append(SVG.line(place, top, place, bottom, style: "fp-grid"))
            let label = xAxis.format.text(tick), half = SVG.width(of: label, size: 12) / 2
            // A label that would run into the one before is left out; its line stays.
            guard place - half > lastEnd + 6 else { continue }
            lastEnd = place + half
            elements.append(SVG.text(label, x: place, y: bottom + 18, style: "fp-faint", anchor: .middle))
        }
        elements.append(SVG.text(xAxis.label, x: (left + right) / 2, y: bottom + 38, style: "fp-text", anchor: .middle))
        elements.append(SVG.text(yAxis.label, x: 18, y: (top + bottom) / 2, style: "fp-text", anchor: .middle, turned: true))
        return elements
    }

    func draw(_ mark: Plot.Mark, series: Int) -> [String] {
        switch mark {
        case .line(_, let points, let band): drawBand(band, series) + drawLine(points, series)
        case .histogram(_, let edges, let heights): drawHistogram(edges, heights, series)
        case .guide(let from, let to, _):
            if let a = place(from), let b = place(to) { [SVG.line(a.x, a.y, b.x, b.y, style: "fp-guide")] } else { [] }
        }
    }

    private func drawLine(_ points: [Plot.Point], _ series: Int) -> [String] {
        var path = "", isDrawing = false, isolated: (x: Double, y: Double)?
        var dots: [String] = []
        func endRun() {
            if let dot = isolated { dots.append("<circle class=\"\(Palette.fill(series))\" cx=\"\(SVG.number(dot.x))\" cy=\"\(SVG.number(dot.y))\" r=\"3\"/>") }
            isolated = nil
            isDrawing = false
        }
        for point in points {
            guard let place = place(point) else {
                endRun()
                continue
            }
            path += (isDrawing ? "L" : "M") + SVG.number(place.x) + " " + SVG.number(place.y)
            // A point alone would be a line without length.
            isolated = isDrawing ? nil : place
            isDrawing = true
        }
        endRun()
        guard !path.isEmpty else { return [] }
        return ["<path class=\"fp-line \(Palette.stroke(series))\"\(Palette.dash(series)) d=\"\(path)\"/>"] + dots
    }

    private func drawBand(_ band: [Plot.Spread], _ series: Int) -> [String] {
        let upper = band.compactMap { place(Plot.Point($0.x, $0.upper)) }, lower = band.compactMap { place(Plot.Point($0.x, $0.lower)) }
        guard upper.count >= 2, lower.count >= 2 else { return [] }
        let corners = (upper + lower.reversed()).map { SVG.number($0.x) + "," + SVG.number($0.y) }.joined(separator: " ")
        return ["<polygon class=\"fp-band \(Palette.fill(series))\" points=\"\(corners)\"/>"]
    }

    private func drawHistogram(_ edges: [Double], _ heights: [Double], _ series: Int) -> [String] {
        guard !heights.isEmpty, edges.count == heights.count + 1 else { return [] }
        var path = ""
        for (index, height) in heights.enumerated() {
            guard let a = place(Plot.Point(edges[index], height)), let b = place(Plot.Point(edges[index + 1], height)) else { continue }
            path += (path.isEmpty ? "M" : "L") + "\(SVG.number(a.x)) \(SVG.number(a.y))L\(SVG.number(b.x)) \(SVG.number(a.y))"
        }
        guard let first = place(Plot.Point(edges[0], yRange.lowerBound)), let last = place(Plot.Point(edges[edges.count - 1], yRange.lowerBound)), !path.isEmpty else { return [] }
        let closed = "M\(SVG.number(first.x)) \(SVG.number(first.y))L\(path.dropFirst())L\(SVG.number(last.x)) \(SVG.number(last.y))Z"
        return ["<path class=\"fp-area \(Palette.fill(series))\" d=\"\(closed)\"/>", "<path class=\"fp-line \(Palette.stroke(series))\"\(Palette.dash(series)) d=\"\(path)\"/>"]
    }
}

import Foundation

/// Two distributions in one drawing, each of area one.
public struct Histogram {
    private let title: String
    private let axis: String
    private let series: [(name: String, colour: String, values: [Float])]

    public init(title: String, axis: String, _ first: (name: String, values: [Float]), _ second: (name: String, values: [Float])) {
        self.title = title
        self.axis = axis
        series = [(first.name, "#4477aa", first.values), (second.name, "#cc6677", second.values)]
    }

    public var svg: String {
        let all = series.flatMap(\.values)
        let low = all.min() ?? 0, high = max(all.max() ?? 1, low + 1e-3)
        let bins = 40
        let counts = series.map { entry -> [Double] in
            var counts = [Double](repeating: 0, count: bins)
            for v in entry.values { counts[min(bins - 1, Int(Float(bins) * (v - low) / (high - low)))] += 1 / Double(max(entry.values.count, 1)) }
            return counts
        }
        let top = max(counts.flatMap { $0 }.max() ?? 1, 1e-9)
        var text = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"320\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"640\" height=\"320\" fill=\"#ffffff\"/>\n"
        text += "<text x=\"20\" y=\"22\" font-size=\"15\">\(title)</text>\n"
        for (index, entry) in series.enumerated() {
            for (k, value) in counts[index].enumerated() where value > 0 {
                let height = 220 * value / top
                text += String(format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"%.1f\" fill=\"%@\" fill-opacity=\"0.55\"/>\n", 30 + 14.5 * Double(k), 270 - height, height, entry.colour)
            }
            text += "<rect x=\"\(30 + 300 * index)\" y=\"34\" width=\"12\" height=\"12\" fill=\"\(entry.colour)\" fill-opacity=\"0.55\"/><text x=\"\(48 + 300 * index)\" y=\"45\">\(entry.name)</text>\n"
        }
        for k in 0...4 {
            let value = low + (high - low) * Float(k) / 4
            text += String(format: "<text x=\"%.0f\" y=\"288\" text-anchor=\"middle\">%.2f</text>\n", 30 + 145 * Double(k), value)
        }
        return text + "<text x=\"320\" y=\"310\" text-anchor=\"middle\">\(axis)</text>\n</svg>\n"
    }
}

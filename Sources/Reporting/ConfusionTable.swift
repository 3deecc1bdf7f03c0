public import Figures

/// Who was taken for whom: rows are who it was, columns who was answered.
public struct ConfusionTable: Sendable, Hashable {
    public var title: String
    /// Of rows and columns alike.
    public var names: [String]
    /// `[actual][answered]`, as many of each as names.
    public var counts: [[Int]]

    /// - Precondition: counts are square, with a row for each name.
    public init(_ title: String, names: [String], counts: [[Int]]) {
        precondition(counts.count == names.count && counts.allSatisfy { $0.count == names.count }, "\(names.count) names and counts of \(counts.map(\.count))")
        self.title = title
        self.names = names
        self.counts = counts
    }

    public func svg() -> SVG {
        let cell = 34.0
        let labels = names.map { SVG.fitted($0, width: 120, size: 12) }
        let left = 44 + (labels.map { SVG.width(of: $0, size: 12) }.max() ?? 0), top = 60 + (labels.map { SVG.width(of: $0, size: 12) }.max() ?? 0)
        let side = cell * Double(names.count)
        let width = max(left + side + 24, SVG.width(of: title, size: 15) + 40, 240), height = top + side + 20
        var elements = [SVG.text(SVG.fitted(title, width: width - 32, size: 15), x: 16, y: 24, style: "fp-title")]
        if names.isEmpty { elements.append(SVG.text("no data", x: width / 2, y: 52, style: "fp-faint", anchor: .middle)) } else {
            elements.append(SVG.text("answered", x: left + side / 2, y: 44, style: "fp-faint", anchor: .middle))
            elements.append(SVG.text("actual", x: 20, y: top + side / 2, style: "fp-faint", anchor: .middle, turned: true))
        }
        for (row, line) in counts.enumerated() {
            let total = line.reduce(0, +), y = top + Double(row) * cell
            elements.append(SVG.text(labels[row], x: left - 8, y: y + cell / 2 + 4, style: "fp-text", anchor: .end))
            elements.append(SVG.text(labels[row], x: left + (Double(row) + 0.5) * cell + 4, y: top - 8, style: "fp-text", turned: true))
            for (column, count) in line.enumerated() {
                let x = left + Double(column) * cell, share = total > 0 ? Double(count) / Double(total) : 0
                // Right answers in one colour, wrong ones in another; the share of the row as strength.
                let colour = Palette.fill(row == column ? 0 : 1)
                if count > 0 { elements.append(SVG.rectangle(x, y, cell, cell, style: colour, extra: " fill-opacity=\"\(SVG.number(0.12 + 0.5 * share))\"")) }
                elements.append(SVG.rectangle(x, y, cell, cell, style: "fp-cell", extra: " fill=\"none\""))
                if count > 0 { elements.append(SVG.text("\(count)", x: x + cell / 2, y: y + cell / 2 + 4, style: "fp-value", anchor: .middle)) }
            }
        }
        return SVG(width: width, height: height, label: title, elements: elements)
    }
}

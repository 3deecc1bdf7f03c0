/// Names of series beside their colours, in as many lines as they need.
public struct Legend {
    private let rows: [[(series: Int, name: String, x: Double)]]
    private static let rowHeight = 20.0

    /// - Parameter names: in the order of the series; a series without a name has no entry.
    public init(_ names: [String], width: Double) {
        var rows: [[(series: Int, name: String, x: Double)]] = [], x = 0.0
        for (series, name) in names.enumerated() where !name.isEmpty {
            let name = SVG.fitted(name, width: width - 34, size: 12), needed = 34 + SVG.width(of: name, size: 12) + 14
            if rows.isEmpty || x + needed > width {
                rows.append([])
                x = 0
            }
            rows[rows.count - 1].append((series, name, x))
            x += needed
        }
        self.rows = rows
    }

    public var height: Double { rows.isEmpty ? 0 : Double(rows.count) * Self.rowHeight + 8 }

    public func draw(x: Double, y: Double) -> [String] {
        rows.enumerated().flatMap { number, row in
            row.flatMap { entry in
                let top = y + Double(number) * Self.rowHeight
                return [
                    "<line class=\"fp-line \(Palette.stroke(entry.series))\"\(Palette.dash(entry.series)) x1=\"\(SVG.number(x + entry.x))\" y1=\"\(SVG.number(top + 8))\" x2=\"\(SVG.number(x + entry.x + 24))\" y2=\"\(SVG.number(top + 8))\"/>",
                    SVG.text(entry.name, x: x + entry.x + 30, y: top + 12, style: "fp-text"),
                ]
            }
        }
    }
}

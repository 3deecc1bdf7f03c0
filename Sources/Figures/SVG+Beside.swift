extension SVG {
    /// Drawings in rows of `columns`, as one drawing.
    public static func beside(_ drawings: [SVG], columns: Int, label: String) -> SVG {
        precondition(columns > 0, "\(columns) columns")
        let width = drawings.map(\.width).max() ?? 0, gap = 12.0
        var elements: [String] = [], top = 0.0, used = 0
        for row in stride(from: 0, to: drawings.count, by: columns) {
            let inRow = drawings[row..<min(row + columns, drawings.count)]
            for (column, drawing) in inRow.enumerated() {
                // Every drawing begins with its element; a place is all that it needs to become a part.
                let place = "<svg x=\"\(number(Double(column) * (width + gap)))\" y=\"\(number(top))\""
                elements.append(place + drawing.text.dropFirst("<svg".count))
            }
            used = max(used, inRow.count)
            top += (inRow.map(\.height).max() ?? 0) + gap
        }
        return SVG(width: Double(used) * (width + gap) - gap, height: max(top - gap, 0), label: label, elements: elements)
    }
}

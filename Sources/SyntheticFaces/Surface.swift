/// A mesh with a texture: part of a head or body, in head or body coordinates.
struct Surface: Sendable {
    var positions: [Vector] = []
    /// Texels.
    var coordinates: [SIMD2<Float>] = []
    /// How much of the light reaches each point, 0…1.
    var openness: [Float] = []
    var alpha: [Float] = []
    var triangles: [UInt16] = []
    /// Strength of the sheen.
    var gloss: Float = 0

    mutating func add(_ position: Vector, at coordinate: SIMD2<Float>, openness: Float = 1, alpha: Float = 1) {
        positions.append(position)
        coordinates.append(coordinate)
        self.openness.append(openness)
        self.alpha.append(alpha)
    }

    /// Two triangles for each cell of a grid of `rows` × `columns` points that begin at `first`.
    mutating func addGrid(first: Int, rows: Int, columns: Int, closed: Bool = false) {
        for row in 0..<rows - 1 {
            for column in 0..<(closed ? columns : columns - 1) {
                let next = (column + 1) % columns
                let a = first + row * columns + column, b = first + row * columns + next
                let c = a + columns, d = b + columns
                triangles += [a, b, d, a, d, c].map { UInt16($0) }
            }
        }
    }

    /// Unit normals, averaged over the triangles of each point by area.
    func normals() -> [Vector] {
        var sums = [Vector](repeating: .zero, count: positions.count)
        var i = 0
        while i + 2 < triangles.count {
            let a = Int(triangles[i]), b = Int(triangles[i + 1]), c = Int(triangles[i + 2])
            let normal = cross(positions[b] - positions[a], positions[c] - positions[a])
            sums[a] += normal
            sums[b] += normal
            sums[c] += normal
            i += 3
        }
        return sums.map(unit)
    }

    /// Turns triangles round whose normal points toward `centre`.
    mutating func orient(from first: Int = 0, awayFrom centre: Vector) {
        var i = first
        while i + 2 < triangles.count {
            let a = positions[Int(triangles[i])], b = positions[Int(triangles[i + 1])], c = positions[Int(triangles[i + 2])]
            if dot(cross(b - a, c - a), (a + b + c) / 3 - centre) < 0 { triangles.swapAt(i + 1, i + 2) }
            i += 3
        }
    }
}

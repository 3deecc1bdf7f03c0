import Foundation

/// The triangles of a face mesh and its canonical points, from a Wavefront OBJ file.
struct FaceTopology {
    let points: [SIMD3<Float>]
    let triangles: [(Int, Int, Int)]

    init(obj path: String) throws {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { throw FaceModellingError("\(path): cannot be read") }
        var points: [SIMD3<Float>] = [], triangles: [(Int, Int, Int)] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            if words.first == "v", words.count >= 4, let x = Float(words[1]), let y = Float(words[2]), let z = Float(words[3]) { points.append(SIMD3(x, y, z)) }
            if words.first == "f", words.count == 4 {
                let indices = words[1...].compactMap { Int($0.split(separator: "/")[0]) }.map { $0 - 1 }
                if indices.count == 3 { triangles.append((indices[0], indices[1], indices[2])) }
            }
        }
        guard points.count == 468, triangles.count == 898, triangles.allSatisfy({ max($0.0, $0.1, $0.2) < 468 && min($0.0, $0.1, $0.2) >= 0 }) else {
            throw FaceModellingError("\(path): \(points.count) points and \(triangles.count) triangles, expected 468 and 898: MediaPipe's canonical face")
        }
        self.points = points
        self.triangles = triangles
    }

    /// Of each point the one on the other side.
    var mirror: [Int] {
        points.map { p in
            let other = SIMD3(-p.x, p.y, p.z)
            return points.indices.min { a, b in
                let d = points[a] - other, e = points[b] - other
                return (d * d).sum() < (e * e).sum()
            } ?? 0
        }
    }
}

/// Where each texel of the frontal, symmetric template lies on the mesh.
struct FaceTemplate {
    static let width = 176
    static let height = 160
    private static let density: Float = 8
    private static let holes: [Set<Int>] = [
        [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95],
        [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246], [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
    ]

    struct Texel {
        var x: Int
        var y: Int
        var corners: (Int, Int, Int)
        var shares: SIMD3<Float>
        var normal: SIMD3<Float>
        /// 0 at the face's rim, 1 well inside.
        var weight: Float
        /// Index of the texel on the other side.
        var mirror: Int
    }

    /// `[468]`
    let positions: [SIMD2<Float>]
    let texels: [Texel]

    /// - Parameter mean: `[468]`, symmetric.
    init(mean: [SIMD3<Float>], _ topology: FaceTopology) {
        let (width, height) = (Self.width, Self.height)
        let chin = mean.map(\.y).min() ?? -9
        let positions = mean.map { p in
            let angle = atan2(p.x, p.z + 6)
            return SIMD2<Float>((0.5 * p.x + 5 * angle) * Self.density + Float(width) / 2 - 0.5, Float(height) - 10 - (p.y - chin) * Self.density)
        }
        self.positions = positions
        var sums = [SIMD3<Float>](repeating: .zero, count: mean.count)
        for (a, b, c) in topology.triangles {
            let u = mean[b] - mean[a], v = mean[c] - mean[a]
            let normal = SIMD3(u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x)
            for i in [a, b, c] { sums[i] += normal }
        }
        let facing: Float = sums[1].z < 0 ? -1 : 1
        let normals = sums.map { $0 * facing / max(($0 * $0).sum().squareRoot(), 1e-9) }
        var owner = [Int](repeating: -1, count: width * height), shares = [SIMD3<Float>](repeating: .zero, count: width * height)
        for (index, (a, b, c)) in topology.triangles.enumerated() {
            let p = positions[a], q = positions[b], r = positions[c]
            let area = (q.x - p.x) * (r.y - p.y) - (r.x - p.x) * (q.y - p.y)
            if abs(area) < 1e-6 { continue }
            let low = pointwiseMin(p, pointwiseMin(q, r)), high = pointwiseMax(p, pointwiseMax(q, r))
            for y in max(0, Int(low.y))...max(0, min(height - 1, Int(high.y) + 1)) {
                for x in max(0, Int(low.x))...max(0, min(width - 1, Int(high.x) + 1)) {
                    let at = SIMD2(Float(x), Float(y))
                    let second = ((at.x - p.x) * (r.y - p.y) - (r.x - p.x) * (at.y - p.y)) / area
                    let third = ((q.x - p.x) * (at.y - p.y) - (at.x - p.x) * (q.y - p.y)) / area
                    if second >= -1e-5, third >= -1e-5, second + third <= 1 + 1e-5 {
                        owner[y * width + x] = index
                        shares[y * width + x] = SIMD3(1 - second - third, second, third)
                    }
                }
            }
        }
        // Steps to the rim.
        var distance = owner.map { $0 < 0 ? Float(0) : 999 }
        func relax(_ at: Int, _ x: Int, _ y: Int, _ cost: Float) {
            let other = x < 0 || y < 0 || x >= width || y >= height ? 0 : distance[y * width + x]
            distance[at] = min(distance[at], other + cost)
        }
        for y in 0..<height { for x in 0..<width { let at = y * width + x; relax(at, x - 1, y, 1); relax(at, x, y - 1, 1); relax(at, x - 1, y - 1, 1.414); relax(at, x + 1, y - 1, 1.414) } }
        for y in (0..<height).reversed() { for x in (0..<width).reversed() { let at = y * width + x; relax(at, x + 1, y, 1); relax(at, x, y + 1, 1); relax(at, x + 1, y + 1, 1.414); relax(at, x - 1, y + 1, 1.414) } }

        func isSkin(_ at: Int) -> Bool {
            guard owner[at] >= 0 else { return false }
            let (a, b, c) = topology.triangles[owner[at]]
            return !Self.holes.contains { $0.contains(a) && $0.contains(b) && $0.contains(c) }
        }
        var numbers = [Int](repeating: -1, count: width * height)
        var texels: [Texel] = []
        for y in 0..<height {
            for x in 0..<width where isSkin(y * width + x) && isSkin(y * width + width - 1 - x) {
                let at = y * width + x
                let corners = topology.triangles[owner[at]]
                let share = shares[at]
                let normal = normals[corners.0] * share.x + normals[corners.1] * share.y + normals[corners.2] * share.z
                let inward = min(max(((distance[at] + distance[y * width + width - 1 - x]) / 2 - 3) / 22, 0), 1)
                numbers[at] = texels.count
                texels.append(Texel(x: x, y: y, corners: corners, shares: share, normal: normal / max((normal * normal).sum().squareRoot(), 1e-9), weight: inward * inward * (3 - 2 * inward), mirror: 0))
            }
        }
        for i in texels.indices { texels[i].mirror = numbers[texels[i].y * width + width - 1 - texels[i].x] }
        self.texels = texels
    }
}

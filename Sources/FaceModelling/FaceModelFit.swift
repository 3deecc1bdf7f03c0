import Biometrics
import Foundation
public import SyntheticFaces

/// Computes a face model from labelled pictures.
///
/// Pose: the similarity that takes the canonical mesh to the 468 landmarks (Horn 1987) is undone, so that shapes compare in one frame. Colour: each picture is
/// warped to a frontal template; of the logarithm of its luminance the part that nine spherical harmonics of the mean face's normals explain is light, and
/// removed (Ramamoorthi and Hanrahan 2001). What remains is made symmetric, faded out toward the rim, where hair begins, and regressed on age, sex, group and
/// the mouth's state; the residual's principal components are the model. Pictures that are not frontal, not sharp, grey, lopsided or badly explained are left out.
public struct FaceModelFit {
    public struct Settings: Sendable {
        public var mostPictures = 20_000
        public var shapeComponents = 60
        public var lightComponents = 170
        public var chromaComponents = 24
        public var mostYaw: Float = 10
        public var mostPitch: Float = 11
        /// Fewer sharp, frontal faces, or fewer good ones among them, are too few to compute a model from.
        public var fewestFrontal = 300
        public var fewestGood = 200
        public var seed: UInt64 = 1

        public init() {}
    }

    public let file: FaceModelFile
    /// People that the model was computed from, as weights of its components: for tests that nobody is copied, never for the file.
    public let people: [FaceWeights]
    /// What was kept and what was left out, for the log.
    public let report: String

    static let conditions = 8

    /// - Throws: ``FaceModellingError`` where there are too few usable pictures.
    public init(folder: String, topology path: String, measurement: FaceMeasurement, settings: Settings = Settings(), progress: (String) -> Void = { _ in }) throws {
        let topology = try FaceTopology(obj: path)
        let mirror = topology.mirror
        let labels = try LabelledFace.adults(in: folder).prefix(settings.mostPictures)
        var faces: [MeasuredFace] = []
        for (index, label) in labels.enumerated() {
            if index % 1000 == 0 { progress("landmarks: \(index) of \(labels.count)") }
            if let face = try measurement.measure(label) { faces.append(face) }
        }
        let withFace = faces.count
        // Upright, y up, z toward the camera, in units of the canonical face.
        var shapes: [[SIMD3<Float>]] = [], angles: [(yaw: Float, pitch: Float)] = []
        for face in faces {
            let pose = Self.withoutPose(face.points.map { SIMD3($0.x, -$0.y, -$0.z) }, topology.points)
            shapes.append(pose.shape)
            angles.append((pose.yaw, pose.pitch))
        }
        let level = angles.map(\.pitch).sorted()[max(0, angles.count / 2)]
        var kept = faces.indices.filter { abs(angles[$0].yaw) < settings.mostYaw && abs(angles[$0].pitch - level) < settings.mostPitch && (0.33...0.95).contains(Self.sharpness(faces[$0])) }
        guard kept.count >= settings.fewestFrontal else { throw FaceModellingError("\(folder): \(kept.count) sharp frontal faces of \(withFace), expected at least \(settings.fewestFrontal)") }
        let frontal = kept.count
        var mean = [SIMD3<Float>](repeating: .zero, count: 468)
        for i in kept { for k in 0..<468 { mean[k] += (shapes[i][k] + shapes[i][mirror[k]] * SIMD3(-1, 1, 1)) / Float(2 * kept.count) } }
        let template = FaceTemplate(mean: mean, topology)
        let texels = template.texels
        let n = texels.count
        progress("textures of \(kept.count) frontal faces, \(n) texels")

        // The mean without each picture's own level, then the light against it.
        var average = [Float](repeating: 0, count: n)
        for i in kept {
            let colour = Self.warp(faces[i], template)
            let own = colour.light.reduce(0, +) / Float(n)
            for k in 0..<n { average[k] += (colour.light[k] - own) / Float(kept.count) }
        }
        let basis = texels.map { t -> [Double] in
            let (x, y, z) = (Double(t.normal.x), Double(t.normal.y), Double(t.normal.z))
            return [1, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
        }
        var gram = [Double](repeating: 0, count: 81)
        for k in 0..<n { for a in 0..<9 { for b in 0..<9 { gram[a * 9 + b] += Double(texels[k].weight) * basis[k][a] * basis[k][b] } } }
        for a in 0..<9 { gram[a * 10] += 1e-3 }
        let inverse = solve(gram, (0..<9).map { a in (0..<9).map { $0 == a ? 1 : 0 } })
        let half = texels.indices.filter { texels[$0].x < FaceTemplate.width / 2 }
        let m = half.count
        var light: [[Float]] = [], chroma: [[Float]] = [], lopsided: [Float] = [], chosen: [Int] = []
        for i in kept {
            let colour = Self.warp(faces[i], template)
            let own = colour.light.reduce(0, +) / Float(n)
            guard own > -3.2, own < -0.35, colour.isColourful else { continue }
            var residual = (0..<n).map { colour.light[$0] - average[$0] }
            for pass in 0..<2 {
                var sums = [Double](repeating: 0, count: 9)
                for k in 0..<n {
                    // The second pass trusts what the first explained: hair and highlights weigh less.
                    let value = Double(pass == 0 ? residual[k] : min(max(residual[k], -1), 0.8))
                    for a in 0..<9 { sums[a] += Double(texels[k].weight) * basis[k][a] * value }
                }
                let coefficients = inverse.map { row in zip(row, sums).reduce(0) { $0 + $1.0 * $1.1 } }
                for k in 0..<n { residual[k] -= Float((0..<9).reduce(0.0) { $0 + coefficients[$1] * basis[k][$1] }) }
            }
            for k in 0..<n { residual[k] = min(max(residual[k], -1.6), 1.2) }
            var uneven: Float = 0
            for k in 0..<n { uneven += Self.power2((residual[k] - residual[texels[k].mirror]) * texels[k].weight) }
            lopsided.append((uneven / Float(n)).squareRoot())
            light.append(half.map { (residual[$0] + residual[texels[$0].mirror]) / 2 * texels[$0].weight })
            func even(_ plane: [Float]) -> [Float] {
                let middle = plane.sorted()[n / 2]
                return half.map { k in
                    let value = (plane[k] + plane[texels[k].mirror]) / 2 - middle
                    return min(max(value, -0.5), 0.5) * texels[k].weight
                }
            }
            chroma.append(even(colour.red) + even(colour.blue))
            chosen.append(i)
        }
        kept = chosen
        progress("choosing among \(kept.count) faces in colour")
        let first = PrincipalComponents(of: Self.centred(light), count: 40, seed: settings.seed)
        let errors = Self.errors(Self.centred(light), first)
        let mostError = errors.sorted()[Int(0.72 * Float(errors.count - 1))], mostLopsided = lopsided.sorted()[Int(0.8 * Float(lopsided.count - 1))]
        let good = kept.indices.filter { errors[$0] <= mostError && lopsided[$0] <= mostLopsided }
        guard good.count >= settings.fewestGood else { throw FaceModellingError("\(folder): \(good.count) good faces remain, expected at least \(settings.fewestGood)") }
        let labelsKept = good.map { faces[kept[$0]].label }

        // Shapes: the symmetric part and the rest; the mouth's state beside who the person is.
        var even: [[Float]] = [], odd: [[Float]] = [], states: [[Double]] = []
        for g in good {
            let shape = shapes[kept[g]]
            var a: [Float] = [], b: [Float] = []
            for k in 0..<468 {
                let other = shape[mirror[k]] * SIMD3(-1, 1, 1)
                let s = (shape[k] + other) / 2, d = (shape[k] - other) / 2
                a += [s.x, s.y, s.z]
                b += [d.x, d.y, d.z]
            }
            func point(_ k: Int) -> SIMD3<Float> { SIMD3(a[3 * k], a[3 * k + 1], a[3 * k + 2]) }
            func distance(_ p: Int, _ q: Int) -> Double { let d = point(p) - point(q); return Double((d * d).sum().squareRoot()) }
            let raise = Double((point(61).y + point(291).y) / 2 - (point(13).y + point(14).y) / 2)
            states.append([distance(13, 14) - 0.15, distance(61, 291) - 5.7, raise])
            even.append(a)
            odd.append(b)
        }
        let design = zip(labelsKept, states).map { label, state -> [Double] in
            let decades = (Double(label.age) - 40) / 20, sex = label.isWoman ? 0.5 : -0.5
            return [1, sex, decades, decades * decades - 0.6, sex * decades] + (1...4).map { label.group == $0 ? 1 : 0 } + state
        }
        progress("components of \(good.count) people")
        let shape = Self.regress(even, design), texture = Self.regress(good.map { light[$0] }, design), tint = Self.regress(good.map { chroma[$0] }, design)
        let shapeBasis = PrincipalComponents(of: shape.residual, count: settings.shapeComponents, seed: settings.seed + 1)
        let oddBasis = PrincipalComponents(of: Self.centred(odd), count: 12, seed: settings.seed + 2)
        let lightBasis = PrincipalComponents(of: texture.residual, count: settings.lightComponents, seed: settings.seed + 3)
        let chromaBasis = PrincipalComponents(of: tint.residual, count: settings.chromaComponents, seed: settings.seed + 4)

        // The mean fades to one level at the rim, too, so that skin goes on beyond it.
        var levelSum: Float = 0, levelCount: Float = 0
        for k in 0..<n where texels[k].weight > 0.35 && texels[k].weight < 0.9 { levelSum += average[k]; levelCount += 1 }
        let rim = levelSum / max(levelCount, 1)
        let meanLight = half.enumerated().map { j, k in
            rim + ((average[k] + average[texels[k].mirror]) / 2 - rim) * texels[k].weight + Float(texture.coefficients[0][j])
        }

        var file = FaceModelFile()
        func flat(_ rows: ArraySlice<[Double]>) -> [Float] { rows.flatMap { $0.map(Float.init) } }
        func addBasis(_ name: String, _ components: PrincipalComponents) {
            let count = components.deviations.count, length = components.directions.columns
            var values: [Int8] = [], scales: [Float] = []
            for k in 0..<count {
                let row = components.directions.row(k).map { $0 * components.deviations[k] }
                let step = max(row.reduce(0) { max($0, abs($1)) } / 127, 1e-12)
                values += row.map { Int8(min(max(($0 / step).rounded(), -127), 127)) }
                scales.append(step)
            }
            file.add(name, [count, length], .int8(values))
            file.add(name + ".scale", [count], .float(scales))
        }
        file.add("shape.mean", [468, 3], .float(flat(shape.coefficients[0...0])))
        file.add("shape.people", [8, 1404], .float(flat(shape.coefficients[1...8])))
        file.add("shape.mouth", [3, 1404], .float(flat(shape.coefficients[9...11])))
        addBasis("shape.basis", shapeBasis)
        addBasis("shape.asymmetry", oddBasis)
        file.add("triangles", [topology.triangles.count, 3], .uint16(topology.triangles.flatMap { [UInt16($0.0), UInt16($0.1), UInt16($0.2)] }))
        file.add("mirror", [468], .uint16(mirror.map { UInt16($0) }))
        file.add("template", [468, 2], .float(template.positions.flatMap { [$0.x, $0.y] }))
        file.add("canvas", [2], .uint16([UInt16(FaceTemplate.width), UInt16(FaceTemplate.height)]))
        file.add("pixels", [m, 2], .uint16(half.flatMap { [UInt16(texels[$0].x), UInt16(texels[$0].y)] }))
        file.add("light.mean", [m], .float(meanLight))
        file.add("light.people", [8, m], .float(flat(texture.coefficients[1...8])))
        addBasis("light.basis", lightBasis)
        file.add("chroma.mean", [2 * m], .float(flat(tint.coefficients[0...0])))
        file.add("chroma.people", [8, 2 * m], .float(flat(tint.coefficients[1...8])))
        addBasis("chroma.basis", chromaBasis)
        self.file = file

        func whitened(_ rows: Matrix, _ components: PrincipalComponents) -> Matrix {
            var scores = rows.times(transposeOf: components.directions)
            for i in 0..<scores.rows { for k in 0..<scores.columns { scores.values[i * scores.columns + k] /= max(components.deviations[k], 1e-6) } }
            return scores
        }
        let own = (whitened(shape.residual, shapeBasis), whitened(Self.centred(odd), oddBasis), whitened(texture.residual, lightBasis), whitened(tint.residual, chromaBasis))
        people = good.indices.map { i in
            FaceWeights(shape: Array(own.0.row(i)), asymmetry: Array(own.1.row(i)), light: Array(own.2.row(i)), chroma: Array(own.3.row(i)), conditions: design[i][1...8].map(Float.init))
        }
        report = "\(labels.count) pictures, \(withFace) with landmarks, \(frontal) frontal and sharp, \(kept.count) in colour, \(good.count) used; "
            + "light: \(Self.percent(lightBasis, texture.residual)) % of the variance in \(lightBasis.deviations.count) components"
    }

    // MARK: Parts

    private static func percent(_ components: PrincipalComponents, _ rows: Matrix) -> Int {
        let total = rows.values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(rows.rows)
        return Int((100 * components.deviations.reduce(0.0) { $0 + Double($1) * Double($1) } / max(total, 1e-12)).rounded())
    }

    private static func power2(_ x: Float) -> Float { x * x }

    private static func centred(_ rows: [[Float]]) -> Matrix {
        let n = rows[0].count
        var mean = [Float](repeating: 0, count: n)
        for row in rows { for k in 0..<n { mean[k] += row[k] } }
        for k in 0..<n { mean[k] /= Float(rows.count) }
        var values: [Float] = []
        values.reserveCapacity(rows.count * n)
        for row in rows { for k in 0..<n { values.append(row[k] - mean[k]) } }
        return Matrix(rows: rows.count, columns: n, values: values)
    }

    private static func errors(_ rows: Matrix, _ components: PrincipalComponents) -> [Float] {
        let scores = rows.times(transposeOf: components.directions)
        return (0..<rows.rows).map { i in
            let all = rows.row(i).reduce(0) { $0 + $1 * $1 }, known = scores.row(i).reduce(0) { $0 + $1 * $1 }
            return (max(all - known, 0) / Float(rows.columns)).squareRoot()
        }
    }

    /// Least squares: coefficients `[terms][length]` and the residual.
    private static func regress(_ rows: [[Float]], _ design: [[Double]]) -> (coefficients: [[Double]], residual: Matrix) {
        let terms = design[0].count, n = rows[0].count
        var gram = [Double](repeating: 0, count: terms * terms), sums = [[Double]](repeating: [Double](repeating: 0, count: n), count: terms)
        for (row, x) in zip(rows, design) {
            for a in 0..<terms {
                for b in 0..<terms { gram[a * terms + b] += x[a] * x[b] }
                if x[a] == 0 { continue }
                for k in 0..<n { sums[a][k] += x[a] * Double(row[k]) }
            }
        }
        for a in 0..<terms { gram[a * (terms + 1)] += 1e-6 }
        let inverse = solve(gram, (0..<terms).map { a in (0..<terms).map { $0 == a ? 1 : 0 } })
        var coefficients = [[Double]](repeating: [Double](repeating: 0, count: n), count: terms)
        for a in 0..<terms { for b in 0..<terms { for k in 0..<n { coefficients[a][k] += inverse[a][b] * sums[b][k] } } }
        var values: [Float] = []
        values.reserveCapacity(rows.count * n)
        for (row, x) in zip(rows, design) {
            var expected = [Double](repeating: 0, count: n)
            for a in 0..<terms where x[a] != 0 { for k in 0..<n { expected[k] += x[a] * coefficients[a][k] } }
            for k in 0..<n { values.append(row[k] - Float(expected[k])) }
        }
        return (coefficients, Matrix(rows: rows.count, columns: n, values: values))
    }

    /// Undoes the similarity that takes the canonical points to these.
    private static func withoutPose(_ points: [SIMD3<Float>], _ canonical: [SIMD3<Float>]) -> (shape: [SIMD3<Float>], yaw: Float, pitch: Float) {
        let n = Float(points.count)
        let a = canonical.reduce(SIMD3<Float>.zero, +) / n, b = points.reduce(SIMD3<Float>.zero, +) / n
        var s = [Double](repeating: 0, count: 9), square = 0.0
        for (p, q) in zip(canonical, points) {
            let u = p - a, v = q - b
            for i in 0..<3 { for j in 0..<3 { s[3 * i + j] += Double(u[i]) * Double(v[j]) } }
            square += Double((u * u).sum())
        }
        // Horn's matrix: its first eigenvector is the rotation's quaternion.
        let matrix = [
            s[0] + s[4] + s[8], s[5] - s[7], s[6] - s[2], s[1] - s[3],
            s[5] - s[7], s[0] - s[4] - s[8], s[1] + s[3], s[6] + s[2],
            s[6] - s[2], s[1] + s[3], s[4] - s[0] - s[8], s[5] + s[7],
            s[1] - s[3], s[6] + s[2], s[5] + s[7], s[8] - s[0] - s[4],
        ]
        let eigen = symmetricEigen(matrix)
        let q = eigen.vectors[0].map(Float.init)
        let (w, x, y, z) = (q[0], q[1], q[2], q[3])
        let rows = [
            SIMD3(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)), SIMD3(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            SIMD3(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        ]
        let scale = Float(eigen.values[0] / square)
        let shape = points.map { p -> SIMD3<Float> in
            let v = (p - b) / scale
            return rows[0] * v.x + rows[1] * v.y + rows[2] * v.z + a
        }
        let forward = SIMD3(rows[0].z, rows[1].z, rows[2].z)
        return (shape, atan2(forward.x, forward.z) * 180 / .pi, asin(min(max(forward.y, -1), 1)) * 180 / .pi)
    }

    /// Deviation of the Laplacian over the deviation of the level in the middle of the picture.
    private static func sharpness(_ face: MeasuredFace) -> Float {
        let side = face.side, plane = side * side
        func grey(_ x: Int, _ y: Int) -> Float {
            let at = y * side + x
            return 0.299 * Float(face.pixels[at]) + 0.587 * Float(face.pixels[plane + at]) + 0.114 * Float(face.pixels[2 * plane + at])
        }
        var sum: Float = 0, square: Float = 0, edges: Float = 0, edgeSum: Float = 0, count: Float = 0
        for y in side * 30 / 112..<side * 95 / 112 {
            for x in side * 25 / 112..<side * 87 / 112 {
                let g = grey(x, y), l = grey(x - 1, y) + grey(x + 1, y) + grey(x, y - 1) + grey(x, y + 1) - 4 * g
                sum += g
                square += g * g
                edges += l * l
                edgeSum += l
                count += 1
            }
        }
        let variance = square / count - (sum / count) * (sum / count), edge = edges / count - (edgeSum / count) * (edgeSum / count)
        return max(edge, 0).squareRoot() / (max(variance, 0).squareRoot() + 1e-3)
    }

    private struct WarpedColour {
        var light: [Float]
        var red: [Float]
        var blue: [Float]
        var isColourful: Bool
    }

    private static let decode: [Float] = (0..<256).map { i in
        let v = Float(i) / 255
        return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
    }

    private static func warp(_ face: MeasuredFace, _ template: FaceTemplate) -> WarpedColour {
        var result = WarpedColour(light: [], red: [], blue: [], isColourful: true)
        result.light.reserveCapacity(template.texels.count)
        for t in template.texels {
            let p = face.points[t.corners.0] * t.shares.x + face.points[t.corners.1] * t.shares.y + face.points[t.corners.2] * t.shares.z
            func level(_ channel: Int) -> Float { decode[Int(FaceMeasurement.sample(face.pixels, face.side, channel, p.x, p.y) + 0.5)] }
            let (r, g, b) = (level(0), level(1), level(2))
            let y = 0.2126 * r + 0.7152 * g + 0.0722 * b
            result.light.append(log(y + 0.012))
            result.red.append(log((r + 0.01) / (y + 0.01)))
            result.blue.append(log((b + 0.01) / (y + 0.01)))
        }
        let n = Float(result.red.count)
        let mean = result.red.reduce(0, +) / n
        let deviation = (result.red.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot()
        result.isColourful = deviation >= 0.02 && abs(mean) >= 0.03
        return result
    }
}

import Biometrics
import Foundation

/// Colours of a surface without light: `[height, width, 4]`, linear red, green, blue and opacity.
struct Texture: Sendable {
    let width: Int
    let height: Int
    var texels: [Float]

    init(width: Int, height: Int, colour: Vector = Vector(1, 1, 1), alpha: Float = 1) {
        self.width = width
        self.height = height
        texels = [Float](repeating: alpha, count: 4 * width * height)
        for i in 0..<width * height { set(i, colour) }
    }

    subscript(x: Int, y: Int) -> Vector {
        get {
            let i = 4 * (y * width + x)
            return Vector(texels[i], texels[i + 1], texels[i + 2])
        }
        set { set(y * width + x, newValue) }
    }

    private mutating func set(_ i: Int, _ colour: Vector) {
        texels[4 * i] = colour.x
        texels[4 * i + 1] = colour.y
        texels[4 * i + 2] = colour.z
    }

    /// A line of soft edges that takes the surface's colour toward `colour`.
    mutating func stroke(_ from: SIMD2<Float>, _ to: SIMD2<Float>, radius: Float, colour: Vector, alpha: Float) {
        let low = pointwiseMin(from, to) - (radius + 1), high = pointwiseMax(from, to) + (radius + 1)
        let along = to - from
        let squared = max((along * along).sum(), 1e-6)
        for y in max(0, Int(low.y))...max(0, min(height - 1, Int(high.y))) {
            for x in max(0, Int(low.x))...max(0, min(width - 1, Int(high.x))) {
                let p = SIMD2(Float(x), Float(y)) - from
                let t = min(max((p * along).sum() / squared, 0), 1)
                let off = p - along * t
                let cover = min(max(radius + 0.5 - (off * off).sum().squareRoot(), 0), 1) * alpha * (1 - 0.6 * t)
                if cover > 0 { self[x, y] = mix(self[x, y], colour, cover) }
            }
        }
    }
}

/// A texture as the rasteriser reads it: square roots in bytes.
struct Texels: Sendable {
    let width: Int
    let height: Int
    let bytes: [UInt8]

    init(_ texture: Texture) {
        width = texture.width
        height = texture.height
        bytes = texture.texels.map { UInt8(min(max($0, 0), 1).squareRoot() * 255 + 0.5) }
    }
}

/// Smooth noise of one number per lattice point, −1…1, the same for the same seed.
struct ValueNoise {
    let seed: UInt64

    private func lattice(_ x: Int, _ y: Int) -> Float {
        var z = seed &+ UInt64(bitPattern: Int64(x)) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(bitPattern: Int64(y)) &* 0xD1B5_4A32_D192_ED03
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Float((z ^ (z >> 31)) >> 40) * 0x1p-23 - 1
    }

    func callAsFunction(_ x: Float, _ y: Float) -> Float {
        // Rounded down without the library's call: this is most of what a person costs to make.
        func down(_ value: Float) -> Int { let whole = Int(value); return Float(whole) > value ? whole - 1 : whole }
        func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }
        let i = down(x), j = down(y)
        let s = smooth(x - Float(i)), t = smooth(y - Float(j))
        return mix(mix(lattice(i, j), lattice(i + 1, j), s), mix(lattice(i, j + 1), lattice(i + 1, j + 1), s), t)
    }
}

/// The skin of a person's face on the model's template, twice as fine.
struct FaceTexture {
    static let fineness = 2
    let texture: Texture
    /// Where each point of the mesh is, in texels.
    let positions: [SIMD2<Float>]

    init(_ identity: FaceIdentity, _ model: FaceModel) {
        let n = model.pixels.count / 2
        var light = model.meanLight, chroma = model.meanChroma
        for (k, weight) in identity.weights.conditions.enumerated() {
            for i in 0..<n { light[i] += weight * model.lightOfConditions[k * n + i] }
            for i in 0..<2 * n { chroma[i] += weight * model.chromaOfConditions[k * 2 * n + i] }
        }
        model.light.add(identity.weights.light, to: &light)
        model.chroma.add(identity.weights.chroma, to: &chroma)
        // A light or ruddy middle and another level at the temples are the lamps' of the pictures that the model was computed from: skin is one colour.
        let smooth = Self.smoothFields(model), inward = Self.inward(model)
        Self.weaken(&light, 0..<n, smooth, by: 0.75)
        Self.weaken(&chroma, 0..<n, smooth, by: 0.6)
        Self.weaken(&chroma, n..<2 * n, smooth, by: 0.6)
        Self.level(&light, 0..<n, inward, at: Self.rimValue(light, model))
        Self.level(&chroma, 0..<n, inward, at: 0)
        Self.level(&chroma, n..<2 * n, inward, at: 0)

        // Three planes over the whole template; what the model does not hold is filled from what surrounds it.
        let width = model.width, height = model.height
        var planes = [[Float]](repeating: [Float](repeating: 0, count: width * height), count: 3)
        var known = [Bool](repeating: false, count: width * height)
        let outside = Self.rimValue(light, model)
        for i in 0..<n {
            let x = Int(model.pixels[2 * i]), y = Int(model.pixels[2 * i + 1])
            for column in [x, width - 1 - x] {
                let at = y * width + column
                planes[0][at] = light[i] - outside
                planes[1][at] = chroma[i]
                planes[2][at] = chroma[n + i]
                known[at] = true
            }
        }
        Self.fill(&planes, known, width, height)
        let fine = planes.map { Self.doubled($0, width, height) }

        let w = 2 * width, h = 2 * height
        var result = Texture(width: w, height: h)
        let noise = ValueNoise(seed: identity.seed &+ 17)
        let positions = (0..<FaceModel.points).map { i -> SIMD2<Float> in
            let column = model.template[2 * i], row = model.template[2 * i + 1]
            return SIMD2<Float>(column, row) * 2 + 0.5
        }
        let base = identity.skin
        let luminance = dot(base, Vector(0.2126, 0.7152, 0.0722))
        let aged = ramp(30, 75, identity.age)
        for y in 0..<h {
            for x in 0..<w {
                let i = y * w + x
                let fx = Float(x), fy = Float(y)
                // Pores, blotches of blood and of pigment: what a camera sees as life in the skin.
                var life: Float = 0.022 * noise(fx * 0.55, fy * 0.55)
                life += 0.016 * noise(fx * 0.27 + 90, fy * 0.27)
                life += 0.022 * noise(fx * 0.06, fy * 0.06 + 40)
                life += 0.018 * aged * noise(fx * 0.13 + 7, fy * 0.13)
                let blood = 0.02 * noise(fx * 0.045 + 30, fy * 0.045 + 11)
                // Highlights of the lamps that the pictures were taken with are not the skin's.
                let raw = max(fine[0][i], -2.2), relief = raw > 0 ? 0.7 * raw / (1 + 1.2 * raw) : raw
                let y = luminance * exp(relief + life)
                // Lips are redder than the rest; nothing is much greyer.
                let redder = min(max(fine[1][i], -0.12), 0.35) + blood, bluer = min(max(fine[2][i], -0.4), 0.14) - blood
                let red = base.x / luminance * y * exp(redder)
                let blue = base.z / luminance * y * exp(bluer)
                let green = max((y - 0.2126 * red - 0.0722 * blue) / 0.7152, 0.2 * y)
                result.texels[4 * i] = red
                result.texels[4 * i + 1] = green
                result.texels[4 * i + 2] = blue
            }
        }
        var texture = result
        Self.addBeardShadow(identity, positions, &texture)
        Self.addBrows(identity, positions, &texture)
        Self.addSpots(identity, positions, &texture)
        self.texture = texture
        self.positions = positions
    }

    /// Polynomials of the place on the template but the constant, symmetric and orthonormal over the model's texels.
    private static func smoothFields(_ model: FaceModel) -> [[Float]] {
        let n = model.pixels.count / 2
        let places = (0..<n).map { i -> (x: Float, y: Float) in
            let x = (Float(model.pixels[2 * i]) - Float(model.width - 1) / 2) / Float(model.width) * 2, y = Float(model.pixels[2 * i + 1]) / Float(model.height) * 2 - 1
            return (x * x, y)
        }
        let terms: [(Float, Float) -> Float] = [{ _, _ in 1 }, { _, y in y }, { x, _ in x }, { _, y in y * y }, { x, y in x * y }, { x, _ in x * x }]
        var fields: [[Float]] = []
        for term in terms {
            var field = places.map { term($0.x, $0.y) }
            for other in fields {
                var share: Float = 0
                for i in 0..<n { share += field[i] * other[i] }
                for i in 0..<n { field[i] -= share * other[i] }
            }
            var squares: Float = 0
            for value in field { squares += value * value }
            let scale = 1 / max(squares.squareRoot(), 1e-9)
            for i in 0..<n { field[i] *= scale }
            fields.append(field)
        }
        return Array(fields.dropFirst())
    }

    /// 0 at the model's rim, where it ends in one colour, to 1 well inside.
    private static func inward(_ model: FaceModel) -> [Float] {
        let n = model.pixels.count / 2
        var left = [Int](repeating: model.width, count: model.height), top = [Int](repeating: model.height, count: model.width), bottom = [Int](repeating: 0, count: model.width)
        for i in 0..<n {
            let x = Int(model.pixels[2 * i]), y = Int(model.pixels[2 * i + 1])
            left[y] = min(left[y], x)
            top[x] = min(top[x], y)
            bottom[x] = max(bottom[x], y)
        }
        return (0..<n).map { i in
            let x = Int(model.pixels[2 * i]), y = Int(model.pixels[2 * i + 1])
            return ramp(3, 25, Float(min(x - left[y], y - top[x], bottom[x] - y)))
        }
    }

    /// Brings the inside most of the way to the rim's value: the same skin goes on over ears and neck.
    private static func level(_ plane: inout [Float], _ range: Range<Int>, _ inward: [Float], at rim: Float) {
        var sum: Float = 0, count: Float = 0
        for (k, i) in range.enumerated() where inward[k] > 0.9 {
            sum += plane[i] - rim
            count += 1
        }
        let excess = 0.8 * sum / max(count, 1)
        for (k, i) in range.enumerated() { plane[i] -= excess * inward[k] }
    }

    private static func weaken(_ plane: inout [Float], _ range: Range<Int>, _ fields: [[Float]], by share: Float) {
        for field in fields {
            var amount: Float = 0
            for (k, i) in range.enumerated() { amount += plane[i] * field[k] }
            for (k, i) in range.enumerated() { plane[i] -= share * amount * field[k] }
        }
    }

    /// What the template's border holds: the model fades to it.
    private static func rimValue(_ light: [Float], _ model: FaceModel) -> Float {
        var sum: Float = 0, count: Float = 0
        var leftmost = [Int: (x: Int, value: Float)]()
        for i in light.indices {
            let x = Int(model.pixels[2 * i]), y = Int(model.pixels[2 * i + 1])
            if leftmost[y].map({ x < $0.x }) ?? true { leftmost[y] = (x, light[i]) }
        }
        for y in 0..<model.height {
            guard let rim = leftmost[y] else { continue }
            sum += rim.value
            count += 1
        }
        return count > 0 ? sum / count : 0
    }

    /// Fills unknown texels with averages of their known neighbours, from the edge inward.
    private static func fill(_ planes: inout [[Float]], _ known: [Bool], _ width: Int, _ height: Int) {
        var known = known
        var unknown = known.indices.filter { !known[$0] }
        let count = planes.count
        var values: [Float] = []
        while !unknown.isEmpty {
            var found: [Int] = [], rest: [Int] = []
            values.removeAll(keepingCapacity: true)
            for at in unknown {
                let x = at % width, y = at / width
                var neighbours: Float = 0
                var sum = Vector.zero
                for dy in max(0, y - 1)...min(height - 1, y + 1) {
                    for dx in max(0, x - 1)...min(width - 1, x + 1) where known[dy * width + dx] {
                        for p in 0..<count { sum[p] += planes[p][dy * width + dx] }
                        neighbours += 1
                    }
                }
                if neighbours > 0 {
                    found.append(at)
                    for p in 0..<count { values.append(sum[p] / neighbours) }
                } else {
                    rest.append(at)
                }
            }
            if found.isEmpty { return }
            for (k, at) in found.enumerated() {
                known[at] = true
                for p in 0..<count { planes[p][at] = values[k * count + p] }
            }
            unknown = rest
        }
    }

    /// Twice as fine (Catmull and Rom), the centres of old texels at 2x + ½.
    private static func doubled(_ plane: [Float], _ width: Int, _ height: Int) -> [Float] {
        // New texels lie a quarter beside an old one: four weights, mirrored for the other side.
        let t: Float = 0.75, u: Float = 0.25
        func weights(_ t: Float) -> SIMD4<Float> {
            SIMD4(0.5 * t * (-1 + t * (2 - t)), 1 + 0.5 * t * t * (-5 + 3 * t), 0.5 * t * (1 + t * (4 - 3 * t)), 0.5 * t * t * (t - 1))
        }
        let even = weights(t), odd = weights(u)
        var wide = [Float](repeating: 0, count: 2 * width * height)
        for y in 0..<height {
            for x in 0..<2 * width {
                let k = (x + 1) / 2 - 1
                var taps = SIMD4<Float>.zero
                for j in 0..<4 { taps[j] = plane[y * width + min(max(k - 1 + j, 0), width - 1)] }
                wide[y * 2 * width + x] = (taps * (x % 2 == 0 ? even : odd)).sum()
            }
        }
        var result = [Float](repeating: 0, count: 4 * width * height)
        for y in 0..<2 * height {
            let k = (y + 1) / 2 - 1
            let w = y % 2 == 0 ? even : odd
            let rows = (0..<4).map { min(max(k - 1 + $0, 0), height - 1) * 2 * width }
            let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
            for x in 0..<2 * width {
                result[y * 2 * width + x] = w[0] * wide[a + x] + w[1] * wide[b + x] + w[2] * wide[c + x] + w[3] * wide[d + x]
            }
        }
        return result
    }

    /// Hairs of the brows, drawn along the brow over what the model holds.
    private static func addBrows(_ identity: FaceIdentity, _ positions: [SIMD2<Float>], _ texture: inout Texture) {
        var draw = identity.generator(21)
        let woman = identity.sex == .female
        let density = draw.real(0.35, 1), thickness = (woman ? draw.real(0.5, 0.95) : draw.real(0.8, 1.35)), lift = draw.real(-0.35, 0.25)
        for (side, brow) in [(-1, FaceMesh.leftBrow), (1, FaceMesh.rightBrow)] as [(Float, (upper: [Int], lower: [Int]))] {
            let hairs = Int(90 + 150 * density)
            for _ in 0..<hairs {
                let t = draw.real(0.02, 1), s = draw.real(0, 1)
                let at = t * 3.999
                let i = Int(at), f = at - Float(i)
                func point(_ ring: [Int]) -> SIMD2<Float> { positions[ring[i]] + (positions[ring[i + 1]] - positions[ring[i]]) * f }
                let upper = point(brow.upper), lower = point(brow.lower)
                let middle = (upper + lower) * 0.5 + SIMD2(0, lift * 2)
                // Thin at the outer end, blunt at the inner one.
                let half = (lower - upper) * (0.36 * thickness * ramp(0, 0.45, t) * (1 - 0.25 * ramp(0.85, 1, t)))
                let root = middle + half * (2 * s - 1)
                let inner = ramp(0.55, 1, t)
                let direction = SIMD2(side * (1 - 0.75 * inner), (s - 0.65) * 0.5 - 0.85 * inner)
                let length = draw.real(4, 7.5)
                texture.stroke(root, root + direction * length, radius: 0.42, colour: identity.browColour, alpha: draw.real(0.15, 0.42) * (0.45 + 0.55 * density))
            }
        }
    }

    /// The blue-brown shadow of shaved hair, and short hairs, where a beard grows.
    private static func addBeardShadow(_ identity: FaceIdentity, _ positions: [SIMD2<Float>], _ texture: inout Texture) {
        guard identity.stubble > 0.02 else { return }
        var draw = identity.generator(22)
        let noise = ValueNoise(seed: identity.seed &+ 23)
        let scale = Float(2 * 8)
        let lip = positions[164], corner = positions[61], middle = positions[17]
        let half = Float(texture.width) / 2 - 0.5
        func amount(_ x: Float, _ y: Float) -> Float {
            let dx = abs(x - half) / scale, dy = (y - middle.y) / scale
            // Jaw and cheeks: below a line from the ear to the mouth; upper lip; chin. Not the lips.
            let edge = corner.y - (dx - 3) * 0.42 * scale
            let wander: Float = 0.5 * scale * noise(x * 0.05, y * 0.05)
            let jaw = ramp(0, 1.6 * scale, y - edge + wander)
            let lipWidth = abs(corner.x - half) / scale, below = (y - lip.y) / scale
            let upperLip: Float = ramp(lipWidth + 0.5, lipWidth - 0.9, dx) * ramp(-0.95, -0.25, below) * ramp(1.05, 0.5, below)
            let a = dx / lipWidth, b = (dy + 0.95) / 1.05
            let lips = ramp(1.15, 0.75, a * a + b * b)
            let bare: Float = 0.85 * ramp(0.75, 0, dx * 0.4) * ramp(0.9, 0.1, dy)
            return max(jaw * (1 - bare), upperLip) * (1 - lips)
        }
        let hair = mix(identity.browColour, Vector(0.05, 0.05, 0.055), 0.4)
        for y in Int(lip.y - scale)..<texture.height {
            for x in 0..<texture.width {
                let strength = amount(Float(x), Float(y)) * identity.stubble
                if strength <= 0.01 { continue }
                let speckle = 0.75 + 0.5 * noise(Float(x) * 0.7, Float(y) * 0.7)
                texture[x, y] = mix(texture[x, y], hair, min(0.42 * strength * speckle, 0.8))
            }
        }
        let hairs = Int(900 * identity.stubble)
        for _ in 0..<hairs {
            let x = draw.real(0, Float(texture.width)), y = draw.real(lip.y - 8, Float(texture.height))
            if draw.real(0, 1) > amount(x, y) { continue }
            texture.stroke(SIMD2(x, y), SIMD2(x + draw.real(-1, 1), y + draw.real(0.5, 2.5)), radius: 0.3, colour: hair, alpha: 0.3 * identity.stubble)
        }
    }

    /// Freckles, moles.
    private static func addSpots(_ identity: FaceIdentity, _ positions: [SIMD2<Float>], _ texture: inout Texture) {
        var draw = identity.generator(24)
        let cheek = positions[6]
        let brown = identity.skin * Vector(0.55, 0.42, 0.36)
        for _ in 0..<Int(220 * identity.freckles) {
            let x = cheek.x + 52 * draw.normal(within: 2), y = cheek.y + 26 + 22 * draw.normal(within: 2)
            texture.stroke(SIMD2(x, y), SIMD2(x + 0.3, y), radius: draw.real(0.1, 0.7), colour: brown, alpha: draw.real(0.1, 0.35))
        }
        for _ in 0..<Int(draw.real(0, 3.4)) {
            let x = draw.real(40, Float(texture.width) - 40), y = draw.real(40, Float(texture.height) - 40)
            texture.stroke(SIMD2(x, y), SIMD2(x + 0.2, y), radius: draw.real(0.6, 1.4), colour: brown * 0.6, alpha: draw.real(0.4, 0.8))
        }
    }
}

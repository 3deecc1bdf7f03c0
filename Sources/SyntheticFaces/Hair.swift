import Biometrics
import Foundation

/// A person's hair in head coordinates: a soft cap over the scalp and strands that grow from it.
struct Hair: Sendable {
    /// `[strand]`: range of knots.
    private(set) var strands: [Range<Int>] = []
    private(set) var knots: [Vector] = []
    /// Of each knot: direction along the strand, and out of the head.
    private(set) var tangents: [Vector] = []
    private(set) var normals: [Vector] = []
    /// Of each knot: how bright it is against the hair's colour, 0…1 of its opacity, and half its width in head units.
    private(set) var tones: [Float] = []
    private(set) var opacities: [Float] = []
    private(set) var radii: [Float] = []
    /// Of the beard's strands, which are the first: the point of the face whose movement each follows.
    private(set) var anchors: [Int] = []
    /// Whether the scalp's strands are broad locks and not single hairs.
    private(set) var isThick = false
    /// The skin's points raised, opaque where hair grows: nothing where the head is bald.
    private(set) var cap: Surface?
    let colour: Vector
    /// The knots' positions, tangents and normals, flat, for the kernel.
    private(set) var flat: (positions: [Float], tangents: [Float], normals: [Float]) = ([], [], [])

    /// What a style is made of; lengths in head units.
    private struct Cut {
        var hairline: Float = 0
        var recess: Float = 0.6
        /// Only round the sides.
        var crown = true
        var length: Float = 3
        var sideLength: Float?
        var ends: Float?
        var lift: Float = 0.6
        var curl: Float = 0
        var gravity: Float = 0
        var count = 5200
        var radius: Float = 0.085
        var part: Float?
        var fringe = false
        var comb: @Sendable (Vector) -> Vector
    }

    init(_ identity: FaceIdentity, _ shape: HeadShape) {
        self.init(growing: identity, shape)
        func flatten(_ values: [Vector]) -> [Float] { values.flatMap { [$0.x, $0.y, $0.z] } }
        flat = (flatten(knots), flatten(tangents), flatten(normals))
    }

    private init(growing identity: FaceIdentity, _ shape: HeadShape) {
        var draw = identity.generator(41)
        let side: Float = draw.chance(0.5) ? 1 : -1
        let cut = Self.cut(identity, side: side, &draw)
        colour = identity.hairColour
        growBeard(identity, shape)
        guard let cut else { return }
        isThick = cut.radius > 0.08
        let skull = shape.skull
        let line = Hairline(shape, cut.hairline, cut.recess, crown: cut.crown, seed: identity.seed)
        let noise = ValueNoise(seed: identity.seed &+ 43)

        // The cap.
        var cap = shape.skin
        let out = cap.normals()
        let depths = cap.positions.map { line.depth($0) }
        for i in cap.positions.indices {
            cap.positions[i] += out[i] * min(0.1 + 0.3 * cut.lift, 0.5) * ramp(-0.2, 1.6, depths[i])
            cap.alpha[i] = (identity.hair == .buzz ? 0.8 : 0.94) * ramp(-0.35, 1.1, depths[i])
        }
        var covered: [UInt16] = []
        for t in stride(from: 0, to: cap.triangles.count, by: 3) where (t..<t + 3).contains(where: { cap.alpha[Int(cap.triangles[$0])] > 0.01 }) {
            covered += cap.triangles[t..<t + 3]
        }
        cap.triangles = covered
        for i in cap.coordinates.indices { cap.coordinates[i] = .zero }
        cap.gloss = 0.2
        self.cap = cap

        // Roots on the scalp, evenly by area.
        var areas: [Float] = [], total: Float = 0
        let skin = shape.skin
        for t in stride(from: 0, to: covered.count, by: 3) {
            let a = skin.positions[Int(covered[t])], b = skin.positions[Int(covered[t + 1])], c = skin.positions[Int(covered[t + 2])]
            // The back is not seen.
            let weight: Float = (a + b + c).z / 3 < -9 ? 0.35 : 1
            total += length(cross(b - a, c - a)) * weight
            areas.append(total)
        }
        guard total > 0 else { return }
        for _ in 0..<cut.count {
            let at = draw.real(0, total)
            var low = 0, high = areas.count - 1
            while low < high {
                let middle = (low + high) / 2
                if areas[middle] < at { low = middle + 1 } else { high = middle }
            }
            var u = draw.real(0, 1), v = draw.real(0, 1)
            if u + v > 1 { (u, v) = (1 - u, 1 - v) }
            let a = skin.positions[Int(covered[3 * low])], b = skin.positions[Int(covered[3 * low + 1])], c = skin.positions[Int(covered[3 * low + 2])]
            let root = a + (b - a) * u + (c - a) * v
            let depth = line.depth(root)
            guard depth > draw.real(-0.15, 0.5) else { continue }
            grow(from: root, depth: depth, cut, skull, noise, &draw)
        }
    }

    private mutating func grow(from root: Vector, depth: Float, _ cut: Cut, _ skull: Skull, _ noise: ValueNoise, _ draw: inout SeededGenerator) {
        let out = skull.normal(root)
        let sides = ramp(0.75, 0.25, out.y)
        var reach = mix(cut.length, cut.sideLength ?? cut.length, sides) * draw.real(0.7, 1.1) * (0.45 + 0.55 * ramp(0, 1.6, depth))
        if let ends = cut.ends { reach = max(2, root.y - ends + 4 * max(0, out.y)) * draw.real(0.82, 1.05) }
        let isFringe = cut.fringe && root.z > 2.2 && out.y > 0.2 && abs(root.x) < 5.2
        if isFringe { reach = draw.real(4.4, 5.6) + max(0, root.y - 8.5) * 0.9 }
        let pieces = max(2, min(14, Int(reach / 0.8) + 1))
        let step = reach / Float(pieces)
        let layer = cut.lift * draw.real(0.1, 1)
        let clump = noise(root.x * 0.7 + root.z * 0.3, root.y * 0.7 + root.z * 0.5)
        let tone = exp(0.26 * clump + 0.16 * draw.normal(within: 2)) * (0.72 + 0.28 * (layer / max(cut.lift, 0.05)))
        let phase = draw.real(0, 6.28), wave = draw.real(0.8, 1.3)
        let strayness: Float = draw.chance(0.04) ? 0.045 : 0.02
        let stray = Vector(draw.normal(within: 2), draw.normal(within: 2), draw.normal(within: 2)) * strayness
        let swirl = Vector(clump, noise(root.y + 31, root.x), noise(root.z, root.x + 17)) * 0.22
        let first = knots.count
        var at = skull.outside(root, by: -0.5), heading = unit(cut.comb(root) + out * (0.55 * cut.lift) + stray * 3 + swirl)
        let part = cut.part
        let away: Float = at.x > 0 ? 1 : -1
        for k in 0...pieces {
            let t = Float(k) / Float(pieces)
            let normal = skull.normal(at)
            knots.append(at)
            tangents.append(heading)
            normals.append(normal)
            tones.append(tone * (0.6 + 0.4 * ramp(0, 0.4, t)))
            // Nobody's hair hangs in front of the eyes for long.
            let inFace = isFringe || cut.ends == nil ? 0 : ramp(5.6, 4.6, abs(at.x)) * ramp(7.4, 6.6, at.y) * ramp(0.5, 2, at.z)
            opacities.append(draw.real(0.8, 1) * (1 - ramp(0.78, 1.02, t) * 0.7) * (1 - inFace))
            radii.append(cut.radius * (1 - 0.35 * t))
            var wish = isFringe ? Vector(0.12 * (part ?? 0) + 0.25 * clump, -1, 0.25) : cut.comb(at)
            if cut.gravity > 0, !isFringe {
                // Below the widest part of the head hair hangs; above it follows the head.
                let hang = cut.gravity * ramp(0.66, 0.2, normal.y)
                wish = mix(unit(wish), Vector(0.06 * away, -1, 0.02), hang)
            }
            let level = skull.level(at)
            if level < 1.3 {
                wish -= normal * (dot(wish, normal) * (cut.curl > 1.5 ? 0.2 : 0.9))
                let above = (level - 1) * 8.5 - layer
                if cut.curl < 1.5, above > 0, normal.y > 0 { wish -= normal * min(0.6 * above, 0.7) }
            }
            let turn = phase + wave * Float(k) * 1.5
            let bend = cut.curl * 0.5
            let sideways = unit(cross(normal, heading))
            heading = unit(mix(heading, unit(wish), cut.gravity > 0 ? 0.62 : 0.5) + stray + sideways * (bend * sin(turn)) + normal * (bend * 0.7 * cos(turn)))
            at = skull.outside(at + heading * step, by: layer * ramp(0, 0.35, t) + 0.05)
        }
        strands.append(first..<knots.count)
    }

    /// Short strands on jaw, chin and upper lip.
    private mutating func growBeard(_ identity: FaceIdentity, _ shape: HeadShape) {
        guard max(identity.beard, identity.moustache) > 0 else { return }
        var draw = identity.generator(44)
        let noise = ValueNoise(seed: identity.seed &+ 45)
        let face = shape.rest
        let corner = face[FaceMesh.mouthCorners.right], noseBase = face[2], lipTop = face[0], lipBottom = face[17]
        let normals = shape.skin.normals()
        let goatee = draw.chance(0.4)
        func density(_ p: Vector) -> Float {
            let x = abs(p.x)
            let edge = corner.y - 0.5 + (x - 3) * 0.5 + 0.4 * noise(p.x, p.y * 1.3)
            var jaw = ramp(0, 1.2, edge - p.y) * identity.beard
            if goatee { jaw *= ramp(3.4, 2.4, x) }
            // Bare round the lower lip but for the tuft below it.
            if x < corner.x { jaw *= ramp(0.1, 0.9, lipBottom.y - p.y - 0.25 * ramp(0.4, 1.2, x)) }
            let moustache = ramp(corner.x + 0.6, corner.x - 0.6, x) * ramp(0.05, 0.35, noseBase.y - 0.2 - p.y) * ramp(-0.1, 0.15, p.y - lipTop.y + 0.3 * ramp(0.3, 2.4, x)) * identity.moustache
            return max(jaw, moustache)
        }
        let fall = draw.real(0.25, 1) * (0.3 + identity.beard)
        let triangles = shape.skin.triangles
        for t in stride(from: 0, to: triangles.count, by: 3) {
            let index = (Int(triangles[t]), Int(triangles[t + 1]), Int(triangles[t + 2]))
            guard max(index.0, index.1, index.2) < FaceModel.points else { continue }
            let a = face[index.0], b = face[index.1], c = face[index.2]
            guard density((a + b + c) / 3) > 0.005 else { continue }
            let expected = length(cross(b - a, c - a)) * 11
            for _ in 0..<Int(expected + draw.real(0, 1)) {
                var u = draw.real(0, 1), v = draw.real(0, 1)
                if u + v > 1 { (u, v) = (1 - u, 1 - v) }
                let root = a + (b - a) * u + (c - a) * v
                guard draw.real(0, 1) < density(root) else { continue }
                let out = unit(normals[index.0] + normals[index.1] + normals[index.2])
                let direction = unit(Vector(root.x * 0.06 + 0.3 * draw.normal(within: 2), -0.9, 0.1) + out * draw.real(0.25, 0.6))
                let reach = draw.real(0.35, 1) * fall
                let tone = draw.real(0.6, 1.2)
                let first = knots.count
                for k in 0..<3 {
                    let s = Float(k) / 2
                    knots.append(root + out * 0.02 + direction * (reach * s) - out * (0.2 * reach * s * s))
                    tangents.append(direction)
                }
                self.normals.append(contentsOf: [out, out, out])
                tones.append(contentsOf: [tone * 0.8, tone, tone])
                opacities.append(contentsOf: [0.75, 0.75, 0.35])
                radii.append(contentsOf: [0.055, 0.05, 0.03])
                strands.append(first..<knots.count)
                anchors.append(index.0)
            }
        }
    }

    private static func cut(_ identity: FaceIdentity, side: Float, _ draw: inout SeededGenerator) -> Cut? {
        let man = identity.sex == .male
        let hairline = draw.real(-0.5, 0.55) + (man ? 0.25 * ramp(30, 65, identity.age) : -0.1), recess = man ? draw.real(0.2, 1.5) : draw.real(0, 0.7)
        let part = side * draw.real(1.2, 3.2), centre = draw.chance(0.35) ? Float(0) : part
        typealias Comb = @Sendable (Vector) -> Vector
        let forward: Comb = { p in p.y > 8 ? Vector(0.35 * side, 0.1, 0.8) : Vector(0, -0.9, -0.25) }
        let back: Comb = { _ in Vector(0.2 * side, 0.2, -1) }
        let parted: Comb = { p in
            if p.y <= 7.5 { return Vector(0, -0.9, -0.45) }
            return Vector(p.x < part ? -1 : 1, 0.25, p.z > 2 ? 0.05 : -0.4)
        }
        let swept: Comb = { p in p.y > 7 ? Vector(0.25 * side, 0.55, -0.8) : Vector(0, -0.6, -0.8) }
        let outward: Comb = { p in unit(p - Vector(0, 3.5, -3.6)) }
        let loose: Comb = { p in Vector(p.x * 0.12, 0.2, p.z * 0.08) }
        let cropped: Comb = { p in Vector(p.x * 0.1, 0.6, p.z > 0 ? 0.5 : -0.3) }
        let gathered: Comb = { p in unit(Vector(0, 3.5, -14) - p) }
        let hanging: Comb = { p in
            let away: Float = p.x < centre ? -1 : 1
            return p.z > 1 ? Vector(away, 0.15, -0.15) : Vector(away * 0.75, -0.1, -0.5)
        }
        var cut: Cut
        switch identity.hair {
        case .bald:
            guard identity.age > 40, draw.chance(0.6) else { return nil }
            cut = Cut(hairline: 5, comb: { _ in Vector(0, -0.6, -0.6) })
            cut.crown = false
            (cut.length, cut.lift, cut.count, cut.radius) = (0.7, 0.12, 2400, 0.06)
        case .receding:
            cut = Cut(hairline: hairline + 1.4, comb: draw.chance(0.5) ? forward : back)
            (cut.length, cut.sideLength, cut.lift, cut.count, cut.radius) = (draw.real(1.2, 2.6), 1.3, 0.35, 4200, 0.07)
        case .buzz:
            cut = Cut(hairline: hairline, comb: cropped)
            (cut.length, cut.lift, cut.curl, cut.count, cut.radius) = (draw.real(0.3, 0.75), 0.16, 0.3, 8000, 0.05)
        case .short:
            cut = Cut(hairline: hairline, comb: forward)
            (cut.length, cut.sideLength, cut.lift, cut.curl) = (draw.real(2.4, 4.6), draw.real(1, 2.2), draw.real(0.9, 1.9), draw.real(0.05, 0.4))
        case .sideParted:
            cut = Cut(hairline: hairline, comb: parted)
            (cut.length, cut.sideLength, cut.lift, cut.curl, cut.part) = (draw.real(3.5, 6), draw.real(1.2, 2.4), draw.real(0.9, 1.8), 0.12, part)
        case .swept:
            cut = Cut(hairline: hairline, comb: swept)
            (cut.length, cut.sideLength, cut.lift, cut.curl) = (draw.real(4, 7), draw.real(1.2, 2.6), draw.real(1, 2), 0.12)
        case .curly:
            cut = Cut(hairline: hairline, comb: loose)
            (cut.length, cut.sideLength) = man ? (draw.real(2.5, 4.5), 2) : (draw.real(5, 12), nil)
            (cut.lift, cut.curl, cut.gravity) = (man ? draw.real(0.8, 1.5) : draw.real(1.2, 2.2), 1.3, man ? 0.3 : 0.8)
        case .afro:
            cut = Cut(hairline: hairline - 0.1, comb: outward)
            (cut.length, cut.lift, cut.curl, cut.count, cut.radius) = (draw.real(2.2, 5), draw.real(1.4, 3.2), 1.8, 6200, 0.08)
        case .bob, .long, .fringe:
            cut = Cut(hairline: hairline, comb: hanging)
            cut.ends = identity.hair == .bob ? draw.real(-9.5, -5.5) : draw.real(-24, -13)
            cut.lift = draw.real(0.7, 1.6)
            cut.curl = draw.chance(0.4) ? draw.real(0.35, 0.8) : draw.real(0.05, 0.2)
            (cut.gravity, cut.count, cut.radius, cut.part) = (1, 6000, 0.16, centre)
            cut.fringe = identity.hair == .fringe || (identity.hair == .bob && draw.chance(0.3))
        case .tied:
            cut = Cut(hairline: hairline, comb: gathered)
            (cut.length, cut.lift, cut.curl, cut.part) = (draw.real(5, 8), draw.real(0.2, 0.5), 0.04, centre)
        }
        switch identity.hair {
        case .receding: cut.recess = recess + 1.6
        case .buzz, .curly, .afro: cut.recess = recess * 0.6
        default: cut.recess = recess
        }
        return cut
    }
}

/// Where hair grows on a head.
private struct Hairline {
    let top: Float
    let recess: Float
    let crown: Bool
    let sideZ: Float
    let noise: ValueNoise
    let width: Float

    init(_ shape: HeadShape, _ raise: Float, _ recess: Float, crown: Bool, seed: UInt64) {
        top = shape.rest[FaceMesh.forehead].y + 0.55 + raise
        self.recess = recess
        self.crown = crown
        sideZ = (shape.rest[162].z + shape.rest[389].z) / 2
        width = (abs(shape.rest[162].x) + abs(shape.rest[389].x)) / 2
        noise = ValueNoise(seed: seed &+ 47)
    }

    /// Units behind the hairline; negative on bare skin.
    func depth(_ p: Vector) -> Float {
        let x = abs(p.x)
        let jitter = 0.32 * noise(p.x * 1.3, p.z * 1.3 + p.y) + 0.12 * noise(p.x * 3.1, p.z * 3.1 + p.y * 2)
        // The forehead's edge: lower in the middle, higher at the corners, then down the temples.
        let corner = ramp(1.2, 4.2, x) * ramp(width + 0.6, 4.4, x)
        var depth = p.y - (top + recess * corner - 0.5 * recess * ramp(2, 0, x) * 0.3)
        if !crown { depth = min(depth, -1) }
        let front = sideZ + 1.25 + 0.28 * (p.y - 4)
        let side = min(front - p.z, p.y - 0.2, crown ? 99 : 8.6 - p.y)
        let back = min(-4.6 - p.z, p.y + 4.2, crown ? 99 : 8.6 - p.y)
        return max(depth, side, back) + jitter
    }
}

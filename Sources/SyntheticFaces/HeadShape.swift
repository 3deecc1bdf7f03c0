import Foundation

/// A person's head at rest and how poses move it: face, skull, ears; in head coordinates.
struct HeadShape: Sendable {
    let rest: [Vector]
    let skull: Skull
    /// Face and skull; the first 468 points are the face's.
    let skin: Surface
    let ears: Surface
    let faceWidth: Float
    /// Centres of the image-left and image-right eye.
    let eyes: (left: Vector, right: Vector)
    private let opening: [Vector]
    private let widening: [Vector]
    private let raising: [Vector]
    private let browWeights: [Float]

    var eyeMiddle: Vector { (eyes.left + eyes.right) / 2 }
    var eyeDistance: Float { length(eyes.right - eyes.left) }

    init(_ identity: FaceIdentity, _ model: FaceModel, _ texture: FaceTexture) {
        var points = identity.points(model)
        let moves = (0..<3).map { k in
            (0..<FaceModel.points).map { i in
                let at = k * 3 * FaceModel.points + 3 * i
                return Vector(model.shapeOfMouth[at], model.shapeOfMouth[at + 1], model.shapeOfMouth[at + 2])
            }
        }
        // At rest the lips touch.
        let gap = length(points[FaceMesh.lipMiddles.upper] - points[FaceMesh.lipMiddles.lower])
        for i in points.indices { points[i] -= moves[0][i] * (gap - 0.03) }
        (opening, widening, raising) = (moves[0], moves[1], moves[2])
        rest = points
        skull = Skull(points)
        faceWidth = length(points[FaceMesh.sides.left] - points[FaceMesh.sides.right])
        func middle(_ ring: [Int]) -> Vector { ring.reduce(Vector.zero) { $0 + points[$1] } / Float(ring.count) }
        eyes = (middle(FaceMesh.leftEye), middle(FaceMesh.rightEye))

        let browCentres = [FaceMesh.leftBrow, FaceMesh.rightBrow].map { brow in
            (brow.upper + brow.lower).reduce(Vector.zero) { $0 + points[$1] } / Float(brow.upper.count + brow.lower.count)
        }
        browWeights = points.map { p in
            let distance = browCentres.map { centre -> Float in
                let d = (p - centre) / Vector(2.6, p.y > centre.y ? 2.4 : 0.75, 4)
                return dot(d, d)
            }.min() ?? 9
            return exp(-distance)
        }

        var skin = Surface()
        for (i, p) in points.enumerated() { skin.add(p, at: texture.positions[i]) }
        let holes = [Set(FaceMesh.innerLips), Set(FaceMesh.leftEye), Set(FaceMesh.rightEye)]
        for t in stride(from: 0, to: model.triangles.count, by: 3) {
            let corners = model.triangles[t..<t + 3]
            if !holes.contains(where: { hole in corners.allSatisfy { hole.contains(Int($0)) } }) { skin.triangles += Array(corners) }
        }
        let rim = FaceMesh.rim.map { points[$0] }
        let size = SIMD2(Float(texture.texture.width), Float(texture.texture.height))
        for (ring, row) in skull.backward(from: rim).enumerated() {
            for (i, p) in row.enumerated() {
                // Outward over the template's margin, which holds one colour.
                let edge = (texture.positions[FaceMesh.rim[i / 2]] + texture.positions[FaceMesh.rim[(i + 1) / 2 % rim.count]]) / 2
                let away = edge - size / 2
                let outward = away / max((away * away).sum().squareRoot(), 1)
                let below = ramp(-5.5, -8.5, p.y) * ramp(0, 3, Float(ring))
                skin.add(p, at: edge + outward * min(Float(ring + 1) * 6, 14), openness: 1 - 0.5 * below)
            }
        }
        let firstRing = FaceModel.points
        let count = 2 * rim.count
        let seam = skin.triangles.count
        for i in rim.indices {
            let a = FaceMesh.rim[i], b = FaceMesh.rim[(i + 1) % rim.count]
            let under = firstRing + 2 * i, between = under + 1, next = firstRing + (2 * i + 2) % count
            skin.triangles += [a, b, between, a, between, under, b, next, between].map { UInt16($0) }
        }
        skin.addGrid(first: firstRing, rows: Skull.rings, columns: count, closed: true)
        let last = firstRing + (Skull.rings - 1) * count
        let pole = skin.positions.count
        skin.add(skin.positions[last..<last + count].reduce(Vector.zero, +) / Float(count), at: skin.coordinates[last])
        for i in 0..<count { skin.triangles += [last + i, last + (i + 1) % count, pole].map { UInt16($0) } }
        skin.orient(from: seam, awayFrom: skull.centre)
        skin.gloss = 0.8
        self.skin = skin
        ears = Self.ears(identity, points, texture)
    }

    private static func ears(_ identity: FaceIdentity, _ points: [Vector], _ texture: FaceTexture) -> Surface {
        var draw = identity.generator(31)
        let size = draw.real(0.88, 1.12) * (identity.sex == .male ? 1.04 : 0.95), flare = draw.real(0.3, 0.75)
        var ears = Surface()
        for (side, anchor) in [(-1, FaceMesh.sides.left), (1, FaceMesh.sides.right)] as [(Float, Int)] {
            let first = ears.positions.count, start = ears.triangles.count
            let root = points[anchor] + Vector(-side * 0.1, 0.5, -0.7)
            let across = unit(Vector(side * flare, 0, -1)), up = unit(Vector(side * 0.16, 1, -0.2)), out = unit(Vector(side, 0, flare))
            let rows = 9, columns = 7
            for row in 0..<rows {
                let v = 1 - 2 * Float(row) / Float(rows - 1)
                let wide = max(1 - v * v, 0).squareRoot() * (1 + 0.2 * v)
                for column in 0..<columns {
                    let u = Float(column) / Float(columns - 1)
                    let hollow = ramp(0.1, 0.35, u) * ramp(0.82, 0.55, u) * ramp(0.95, 0.5, abs(v))
                    let helix = ramp(0.62, 0.9, u) * 0.35
                    let p = root + across * (u * wide * 3.3 * size) + up * (v * 3.05 * size) + out * (helix - 0.35 * hollow + 0.25 * u)
                    let edge = texture.positions[anchor]
                    ears.add(p, at: SIMD2(edge.x + side * 8, edge.y), openness: (1 - 0.55 * hollow) * (0.7 + 0.3 * u))
                }
            }
            ears.addGrid(first: first, rows: rows, columns: columns)
            ears.orient(from: start, awayFrom: root - Vector(side * 6, 0, 0) + across * 1.5)
        }
        ears.gloss = 0.5
        return ears
    }

    /// The face's 468 points in this pose, before the head is turned.
    func points(_ pose: FacePose) -> [Vector] {
        let mouth = pose.mouth
        let gap = min(max(mouth.opening, 0), 0.4) * faceWidth
        let smile = min(max(pose.smile, -1), 1)
        let wider = min(max(mouth.width, -0.15), 0.15) * faceWidth + 0.75 * smile
        let rounded = max(0, -mouth.width * faceWidth) * 0.35
        let brows = min(max(pose.brows, -1), 1) * 0.5
        var moved = rest
        for i in moved.indices {
            moved[i] += opening[i] * gap + widening[i] * wider + raising[i] * (0.42 * smile)
            if browWeights[i] > 0.01 { moved[i].y += brows * browWeights[i] }
        }
        // What the statistics leave of the gap.
        let (upper, lower) = FaceMesh.lipMiddles
        let missing = gap + 0.03 - (moved[upper].y - moved[lower].y)
        if gap > 0.01 || missing < 0 { for i in moved.indices { moved[i] += opening[i] * missing } }
        if rounded > 0 {
            for i in FaceMesh.innerLips { moved[i].z += rounded }
        }
        let blink = min(max(pose.blink, 0), 1)
        if blink > 0 {
            for lids in [FaceMesh.leftLids, FaceMesh.rightLids] {
                for k in lids.upper.indices {
                    let upper = moved[lids.upper[k]], lower = moved[lids.lower[k]]
                    let meeting = mix(upper, lower, 0.88) + Vector(0, 0, 0.12)
                    moved[lids.upper[k]] = mix(upper, meeting, blink)
                    moved[lids.lower[k]] = mix(lower, meeting - Vector(0, 0.02, 0), blink)
                    moved[lids.fold[k]] = mix(moved[lids.fold[k]], mix(moved[lids.fold[k]], lower, 0.3), blink)
                }
            }
        }
        return moved
    }
}

/// The head beyond the face: a superellipsoid that fits a person's face, and the rings that lead from the face's rim to it.
struct Skull: Sendable {
    let centre: Vector
    let radii: Vector
    static let rings = 9

    init(_ points: [Vector]) {
        let side = (abs(points[FaceMesh.sides.left].x) + abs(points[FaceMesh.sides.right].x)) / 2
        let temple = (abs(points[127].x) + abs(points[356].x)) / 2
        let top = points[FaceMesh.forehead]
        // The eyes are half way between the chin and the crown.
        let eyes = (points[FaceMesh.leftEye[0]].y + points[FaceMesh.rightEye[0]].y) / 2
        let crown = max(top.y + 4.2, eyes + 0.92 * (eyes - points[FaceMesh.chin].y))
        radii = Vector(max(side, temple) + 0.45, 9.8, 9.5)
        centre = Vector(0, crown - 9.8, top.z - 8)
    }

    /// 1 on the surface, more outside.
    func level(_ p: Vector) -> Float { Self.norm((p - centre) / radii) }

    func normal(_ p: Vector) -> Vector {
        let q = (p - centre) / radii
        let size = pointwiseMax(q, -q)
        // The gradient: |q|^1.5 with q's sign.
        return unit(q * size.squareRoot() / radii)
    }

    /// (Σ |q|^2.5)^(1/2.5): skulls are a little squarer than ellipsoids.
    private static func norm(_ q: Vector) -> Float { power((q * q * pointwiseMax(q, -q).squareRoot()).sum(), 0.4) }

    /// The nearest point along the ray from the centre that is at least `offset` outside.
    func outside(_ p: Vector, by offset: Float) -> Vector {
        let level = level(p), least = 1 + offset / 8.5
        return level >= least ? p : centre + (p - centre) * (least / max(level, 1e-3))
    }

    /// Points from the rim backward, ring by ring, two for each of the rim's: few points lie on the forehead, and a crown of straight lines has a peak.
    func backward(from rim: [Vector]) -> [[Vector]] {
        let pole = unit(Vector(0, -0.3, -1))
        let offsets = rim.indices.flatMap { i -> [Vector] in
            let here = rim[i] - centre, next = rim[(i + 1) % rim.count] - centre
            return [here, unit(here + next) * ((length(here) + length(next)) / 2)]
        }
        return (1...Self.rings).map { ring in
            let t = power(Float(ring) / Float(Self.rings), 1.15) * 0.985
            return offsets.map { offset in
                let from = unit(offset)
                // Along the great circle from the rim to the back of the head.
                let cosine = min(max(dot(from, pole), -1), 1)
                let side = unit(pole - from * cosine)
                let angle = acosine(cosine) * t
                let direction = from * cosineOf(angle) + side * sineOf(angle)
                let down = direction.y < 0 ? 1 - 0.16 * min(1, -direction.y * 1.2) : 1
                let own = 1 / Self.norm(direction / (radii * Vector(1, down, 1)))
                return centre + direction * mix(length(offset), own, ramp(0, 0.45, t))
            }
        }
    }
}

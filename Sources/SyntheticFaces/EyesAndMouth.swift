import Biometrics
import Foundation

/// What is seen through the openings of the face: eyeballs, teeth, tongue and the dark behind them.
struct EyesAndMouth: Sendable {
    let eyeTexture: Texels
    let teeth: Texels
    private static let eyeDensity: Float = 26
    private static let eyeSize = (width: 112, height: 80)
    private let toothShade: Float
    private let tongueColour = Vector(0.33, 0.11, 0.1)

    init(_ identity: FaceIdentity) {
        var draw = identity.generator(61)
        let noise = ValueNoise(seed: identity.seed &+ 63)
        let (width, height) = Self.eyeSize
        var eye = Texture(width: width, height: height)
        let radius: Float = draw.real(0.6, 0.66), pupil = draw.real(0.2, 0.29)
        let sclera = mix(Vector(0.50, 0.46, 0.43), Vector(0.43, 0.35, 0.29), ramp(0.3, 0.9, Float(identity.traits.skinTone ?? 0)))
        for y in 0..<height {
            for x in 0..<width {
                let dx = (Float(x) - Float(width - 1) / 2) / Self.eyeDensity, dy = (Float(y) - Float(height - 1) / 2) / Self.eyeDensity
                let r = (dx * dx + dy * dy).squareRoot()
                let angle = atan2(dy, dx)
                let white = sclera * (1 + 0.05 * noise(dx * 5, dy * 5)) * Vector(1, 1 - 0.05 * ramp(0.9, 1.7, abs(dx)), 1 - 0.06 * ramp(0.9, 1.7, abs(dx)))
                let rays = 1 + 0.25 * noise(angle * 9, r * 3) + 0.12 * noise(angle * 23, r * 5)
                var iris = identity.irisColour * rays * (0.75 + 0.5 * ramp(radius, pupil, r))
                iris = mix(iris, iris * 0.22, ramp(radius - 0.14, radius, r))
                iris = mix(iris, Vector(repeating: 0.006), ramp(pupil + 0.05, pupil - 0.03, r))
                eye[x, y] = mix(iris, white, ramp(radius - 0.05, radius + 0.07, r))
            }
        }
        eyeTexture = Texels(eye)
        toothShade = draw.real(0.36, 0.52) * (1 - 0.2 * ramp(40, 80, identity.age))
        let yellow = draw.real(0.6, 0.76)
        var teeth = Texture(width: 96, height: 24)
        for y in 0..<24 {
            for x in 0..<96 {
                // Eight teeth, the middle ones wider; gums above.
                let position = abs(Float(x) - 47.5) / 47.5
                let tooth = position < 0.25 ? position / 0.25 : position < 0.47 ? (position - 0.25) / 0.22 : position < 0.72 ? (position - 0.47) / 0.25 : (position - 0.72) / 0.28
                let gap = ramp(0.1, 0, min(tooth, 1 - tooth))
                let down = Float(y) / 23
                let colour = Vector(1, 0.91, yellow) * toothShade * (1 - 0.35 * gap) * (1 - 0.35 * position) * (0.8 + 0.2 * down)
                let gum = Vector(0.3, 0.1, 0.09)
                teeth[x, y] = mix(colour, gum, ramp(0.34 + 0.05 * gap, 0.22 + 0.05 * gap, down))
            }
        }
        self.teeth = Texels(teeth)
    }

    /// One eye's surface behind the opening; `points` are the face's.
    func eye(_ ring: [Int], _ points: [Vector], gaze: SIMD2<Float>, blink: Float) -> Surface {
        let outer = points[ring[0]], inner = points[ring[8]]
        let (left, right) = outer.x < inner.x ? (outer, inner) : (inner, outer)
        let middle = (left + right) / 2 + Vector(0, 0.1, 0)
        let half = max((right.x - left.x) / 2, 0.5)
        let lid = points[ring[12]].y
        var surface = Surface()
        let rows = 9, columns = 13
        let (width, height) = Self.eyeSize
        for row in 0..<rows {
            let dy = (0.5 - Float(row) / Float(rows - 1)) * 2.4
            for column in 0..<columns {
                let dx = (Float(column) / Float(columns - 1) - 0.5) * 2 * (half + 0.35)
                let t = dx / half
                let z = mix(left.z, right.z, (t + 1) / 2) + 0.62 * (1 - t * t) - 0.14 * dy * dy - 0.2
                let at = SIMD2((dx - 0.42 * gaze.x) * Self.eyeDensity + Float(width - 1) / 2, (-dy + 0.06 + 0.3 * gaze.y) * Self.eyeDensity + Float(height - 1) / 2)
                let y = middle.y + dy
                // The upper lid and its lashes shade the ball.
                let shade = (0.4 + 0.6 * ramp(0.06, 0.62, lid - y)) * (1 - 0.3 * ramp(0.75, 1.05, abs(t)))
                surface.add(Vector(middle.x + dx, y, z), at: at, openness: shade)
            }
        }
        surface.addGrid(first: 0, rows: rows, columns: columns)
        surface.orient(awayFrom: middle - Vector(0, 0, 5))
        return surface
    }

    /// The dark behind the lips, shaded toward the throat. Its texture is one colour.
    func cavity(_ points: [Vector]) -> Surface {
        var surface = Surface()
        let ring = FaceMesh.innerLips.map { points[$0] }
        let centre = ring.reduce(Vector.zero, +) / Float(ring.count)
        surface.add(centre - Vector(0, 0, 1.9), at: .zero, openness: 0.25)
        for p in ring { surface.add(centre + (p - centre) * 1.3 - Vector(0, 0, 0.6), at: .zero, openness: 0.9) }
        for i in ring.indices { surface.triangles += [0, UInt16(i + 1), UInt16((i + 1) % ring.count + 1)] }
        surface.orient(awayFrom: centre - Vector(0, 0, 9))
        return surface
    }

    /// - Parameter upper: the upper row, fixed to the skull; else the lower one, which moves with the jaw.
    func teethRow(upper: Bool, rest: [Vector], points: [Vector]) -> Surface {
        let lip = upper ? rest[FaceMesh.lipMiddles.upper] : points[FaceMesh.lipMiddles.lower]
        let corner = (abs(rest[308].x - rest[78].x)) / 2
        let half = max(corner * 0.95, 1.8)
        let gap = points[FaceMesh.lipMiddles.upper].y - points[FaceMesh.lipMiddles.lower].y
        var surface = Surface()
        let columns = 13
        for row in 0..<2 {
            for column in 0..<columns {
                let t = Float(column) / Float(columns - 1) * 2 - 1
                let edge = upper ? lip.y - 0.28 + 0.1 * t * t : lip.y - 0.12
                let y = upper ? (row == 0 ? edge + 1.25 : edge) : (row == 0 ? edge - 1 : edge)
                let z = lip.z - (upper ? 0.42 : 0.6) - 1.25 * t * t
                surface.add(Vector(lip.x + t * half, y, z), at: SIMD2((t + 1) / 2 * 95, row == 0 ? 0 : 23), openness: (0.3 + 0.62 * ramp(0, 1.6, gap)) * (upper ? 1 : 0.75) * (1 - 0.5 * abs(t)))
            }
        }
        surface.addGrid(first: 0, rows: 2, columns: columns)
        surface.orient(awayFrom: lip - Vector(0, 0, 6))
        return surface
    }

    func tongue(_ points: [Vector], raised: Float) -> (surface: Surface, colour: Vector) {
        let lower = points[FaceMesh.lipMiddles.lower], upper = points[FaceMesh.lipMiddles.upper]
        let gap = upper.y - lower.y
        let top = lower.y + 0.12 + gap * (0.18 + 0.6 * min(max(raised, 0), 1))
        var surface = Surface()
        let rows = 5, columns = 9
        for row in 0..<rows {
            for column in 0..<columns {
                let t = Float(column) / Float(columns - 1) * 2 - 1, s = Float(row) / Float(rows - 1)
                let y = top - 0.45 * t * t - s * 1.3 + 0.08 * (1 - min(1, abs(t) * 4))
                surface.add(Vector(lower.x + t * 1.5, y, lower.z - 1.5 + 0.6 * s - 0.7 * t * t), at: .zero, openness: 0.35 + 0.4 * ramp(0.3, 2, gap))
            }
        }
        surface.addGrid(first: 0, rows: rows, columns: columns)
        surface.orient(awayFrom: lower - Vector(0, 0, 8))
        surface.gloss = 0.5
        return (surface, tongueColour)
    }
}

import Biometrics
import Foundation

/// A pair of glasses: lines in head coordinates.
struct Glasses: Sendable {
    let lines: [[Vector]]
    let radius: Float
    let colour: Vector
    let alpha: Float

    init(_ identity: FaceIdentity, _ shape: HeadShape) {
        var draw = identity.generator(33)
        let thick = draw.chance(0.6)
        radius = thick ? draw.real(0.13, 0.22) : draw.real(0.05, 0.08)
        colour = linear(draw.pick([(Vector(22, 20, 20), 4), (Vector(70, 44, 28), 1.5), (Vector(120, 116, 110), 1.5), (Vector(50, 30, 60), 0.5)] as [(Vector, Float)]))
        alpha = thick ? 0.92 : 0.8
        let width = draw.real(2.35, 2.75), height = draw.real(1.55, 2.2), square = draw.real(2, 4.5)
        var lines: [[Vector]] = []
        let front = max(shape.rest[FaceMesh.leftBrow.lower[2]].z, shape.rest[FaceMesh.rightBrow.lower[2]].z) + 0.9
        for (side, eye) in [(-1, shape.eyes.left), (1, shape.eyes.right)] as [(Float, Vector)] {
            var rim: [Vector] = []
            for k in 0...28 {
                let angle = 2 * Float.pi * Float(k) / 28
                let c = cos(angle), s = sin(angle)
                // A superellipse, narrower below.
                let norm = 1 / power(power(abs(c), square) + power(abs(s), square), 1 / square)
                let x = c * norm * width * (s < 0 ? 0.93 : 1), y = s * norm * height
                rim.append(Vector(eye.x + x, eye.y - 0.35 + y, front - 0.045 * (eye.x + x) * (eye.x + x) * 0.35))
            }
            lines.append(rim)
            let hinge = Vector(eye.x + side * width, eye.y + 0.45, front - 1)
            let ear = shape.rest[side < 0 ? FaceMesh.sides.left : FaceMesh.sides.right]
            lines.append([hinge, Vector(ear.x + side * 0.25, eye.y + 0.4, ear.z + 3), Vector(ear.x + side * 0.3, ear.y + 2.2, ear.z - 1.5)])
        }
        let inner = (shape.eyes.left.x + width * 0.97, shape.eyes.right.x - width * 0.97)
        let y = shape.eyeMiddle.y + 0.3
        lines.append([Vector(inner.0, y, front), Vector((inner.0 + inner.1) / 2, y + 0.25, front + 0.15), Vector(inner.1, y, front)])
        self.lines = lines
    }
}

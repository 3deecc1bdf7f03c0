import Biometrics
import Foundation

/// Neck, shoulders and clothes, in head coordinates at rest. The body follows the head's turning only a little.
struct Body: Sendable {
    let neck: Surface
    let torso: Surface
    let clothes: Texels
    /// Texels of the clothes' texture to a head unit, and where its corner lies.
    static let density: Float = 7
    static let corner = SIMD2<Float>(-27, -12)
    /// The head turns about it.
    let pivot: Vector

    private enum Garment: CaseIterable { case shirt, crew, vee, hoodie, jacket, scoop, turtleneck }

    init(_ identity: FaceIdentity, _ shape: HeadShape, _ texture: FaceTexture) {
        var draw = identity.generator(51)
        let man = identity.sex == .male
        let chin = shape.rest[FaceMesh.chin]
        let drop = chin.y + 8.9
        let build = draw.real(0.93, 1.1) * (man ? 1.03 : 0.9)
        pivot = Vector(0, -4 + drop, -4.5)

        let skinAt = texture.positions[FaceMesh.chin] + SIMD2(0, 12)
        var neck = Surface()
        let neckRows = 16, neckColumns = 17
        for row in 0..<neckRows {
            let t = Float(row) / Float(neckRows - 1)
            let y = mix(-4.5, -16, t) + drop
            let rx = (4.9 + 0.5 * t + 3.2 * ramp(0.62, 1, t)) * (man ? 1.16 : 0.99) * mix(1, build, 0.6), rz = (4.9 + 1.2 * ramp(0.6, 1, t)) * (man ? 1.05 : 0.95)
            for column in 0..<neckColumns {
                let angle = (Float(column) / Float(neckColumns - 1) - 0.5) * 1.5 * Float.pi
                // Two cords run from behind the ears to the breastbone.
                let cord = 0.28 * exp(-power((abs(angle) - mix(1.15, 0.2, t)) / 0.16, 2)) * ramp(0.35, 0.8, t)
                let p = Vector(sin(angle) * (rx + cord), y, -4.6 - 0.4 * t + cos(angle) * (rz + cord))
                let crease = 0.1 * exp(-power((y + 11.6 - drop + 0.5 * cos(angle)) / 0.16, 2)) + 0.07 * exp(-power((y + 13.1 - drop + 0.4 * cos(angle)) / 0.16, 2))
                let shade = mix(0.3, 0.95, ramp(-9 + drop, -15 + drop, y - 1.6 * cos(angle))) * (1 - crease)
                neck.add(p, at: skinAt, openness: shade)
            }
        }
        neck.addGrid(first: 0, rows: neckRows, columns: neckColumns)
        neck.orient(awayFrom: Vector(0, -10 + drop, -4.6))
        neck.gloss = 0.4

        let forMen: [(Garment, Float)] = [(.shirt, 2.4), (.crew, 3), (.vee, 0.7), (.hoodie, 1.4), (.jacket, 2)]
        let forWomen: [(Garment, Float)] = [(.shirt, 1.3), (.crew, 2), (.vee, 1.6), (.scoop, 2), (.turtleneck, 0.9), (.jacket, 1.2), (.hoodie, 0.8)]
        let garment = draw.pick(man ? forMen : forWomen)
        // Heights, half widths, half depths.
        let sections: [(Float, Float, Float)] = [
            (-13.4, 6.7, 5.9), (-14.6, 7.6, 6.3), (-15.6, 9.6, 6.8), (-16.6, 12.6, 7.3), (-17.7, 15.6, 7.8), (-19.1, 18.2, 8.3), (-21, 20, 8.8), (-24, 21.2, 9.4), (-29, 21.9, 10.2), (-38, 21.6, 10.8), (-55, 21, 11), (-78, 21, 11),
        ]
        let columns = 33
        let ribs = Float(garment == .hoodie ? 1 : garment == .turtleneck ? 0.4 : 0.25)
        let slope = draw.real(0.85, 1.15)
        var torso = Surface()
        for (row, section) in sections.enumerated() {
            let outer = row == 0 ? ribs : row == 1 ? ribs * 0.6 : 0
            for column in 0..<columns {
                let angle = (Float(column) / Float(columns - 1) - 0.5) * 1.35 * Float.pi
                let c = cos(angle), s = sin(angle)
                func bent(_ x: Float) -> Float { x < 0 ? -power(-x, 0.85) : power(x, 0.85) }
                let rx = section.1 * (row < 2 ? mix(1, build, 0.6) : build) + outer, rz = section.2 * (row < 2 ? 1 : mix(1, build, 0.5)) + outer
                // The collar dips in front.
                let dip = row < 3 ? 1.5 * max(0, c) * Float(3 - row) / 3 : 0
                let y = (row < 2 ? section.0 : -15 + (section.0 + 15) * slope) - dip + drop + 1.9
                let p = Vector(bent(s) * rx, y, -5 - 0.03 * (section.0 + 13) * -1 * 0.2 + bent(c) * rz)
                torso.add(p, at: (SIMD2(p.x, -(p.y - drop - 1.9)) - SIMD2(Self.corner.x, -Self.corner.y)) * Self.density, openness: row == 0 ? 0.8 : 1)
            }
        }
        torso.addGrid(first: 0, rows: sections.count, columns: columns)
        torso.orient(awayFrom: Vector(0, -40, -5))
        torso.gloss = 0.05
        self.torso = torso
        clothes = Texels(Self.paint(garment, identity, &draw))
        self.neck = neck
    }

    private static func paint(_ garment: Garment, _ identity: FaceIdentity, _ draw: inout SeededGenerator) -> Texture {
        let width = Int(54 * density), height = Int(68 * density)
        let palette: [(Vector, Float)] = [
            (Vector(38, 42, 50), 2), (Vector(28, 28, 30), 2), (Vector(52, 62, 88), 2), (Vector(120, 124, 130), 1.5), (Vector(212, 210, 205), 1.6), (Vector(96, 40, 44), 1), (Vector(58, 78, 66), 1),
            (Vector(140, 160, 190), 1.2), (Vector(176, 150, 128), 0.8), (Vector(170, 92, 88), 0.6), (Vector(92, 84, 118), 0.6), (Vector(190, 168, 96), 0.3), (Vector(60, 110, 130), 0.7),
        ]
        let jitter = Vector(draw.real(0.85, 1.15), draw.real(0.85, 1.15), draw.real(0.85, 1.15))
        let main = linear(draw.pick(palette)) * jitter
        let under = linear(draw.pick([(Vector(226, 226, 224), 3), (Vector(168, 188, 214), 2), (Vector(60, 62, 68), 1), (Vector(206, 180, 184), 0.7)] as [(Vector, Float)]))
        let dark = garment == .jacket ? linear(draw.pick([(Vector(34, 36, 42), 3), (Vector(44, 52, 74), 2), (Vector(84, 80, 78), 1.5), (Vector(96, 76, 60), 0.7)] as [(Vector, Float)])) : main
        let hasTie = garment == .jacket && identity.sex == .male && draw.chance(0.45)
        let tie = linear(draw.pick(palette)) * 0.8
        let pattern = draw.pick([(0, 5), (1, 1), (2, 0.9), (3, garment == .shirt ? 1 : 0.15), (4, 0.4)] as [(Int, Float)])
        let pitch = draw.real(0.9, 2.6), accent = mix(main, linear(draw.pick(palette)), 0.6)
        let noise = ValueNoise(seed: identity.seed &+ 53)
        let skin = identity.skin
        let deep = draw.real(-21, -18), open = draw.real(0.7, 1.6)
        var result = Texture(width: width, height: height)
        for row in 0..<height {
            for column in 0..<width {
                let x = Float(column) / density + corner.x, y = corner.y - Float(row) / density
                let side = abs(x)
                // Folds: ridges that hang from the shoulders and gather at the sides.
                let bend = x + 1.8 * noise(x * 0.1, y * 0.1) + 0.35 * (y + 20) * (x > 0 ? 1 : -1)
                let fold = 1 - abs(noise(bend * 0.27, y * 0.075)) * 2.2
                let folds = 0.13 * fold + 0.1 * noise(bend * 0.55 + 9, y * 0.14)
                let weave = 0.03 * noise(x * 6.3, y * 6.3) + 0.02 * noise(x * 2.1, y * 9)
                var shade = exp(folds + weave)
                func cloth(_ colour: Vector) -> Vector { colour * shade }
                var colour = main
                switch pattern {
                case 1 where garment != .jacket: if noise(0.5, floor(y / pitch)) > 0.0 { colour = accent }
                case 2 where garment != .jacket: colour = mix(main, accent, 0.6 * ramp(0.72, 0.9, abs(sin(x * 3.14 / pitch))))
                case 3 where garment != .jacket:
                    colour = mix(main, accent, 0.35 * (ramp(0.1, 0.3, sin(x * 3.14 / pitch)) + ramp(0.1, 0.3, sin(y * 3.14 / pitch))))
                case 4 where garment == .crew: colour = mix(main, accent, ramp(4.6, 4.4, side) * ramp(-26, -26.3, y) * ramp(0.05, 0.3, noise(x * 0.8, y * 0.8)))
                default: break
                }
                // Distance to the neckline: positive on cloth.
                var inside: Float
                switch garment {
                case .crew: inside = -y - (15.5 - 0.045 * side * side)
                case .hoodie: inside = -y - (15.3 - 0.04 * side * side)
                case .turtleneck: inside = 1
                case .scoop: inside = -y - (deep * -1 - 0.075 * side * side)
                case .vee: inside = (-y - (-deep - 1.25 * side * open)) * 0.6
                case .shirt: inside = (-y - (17.8 - 1.15 * side)) * 0.6
                case .jacket: inside = hasTie ? 1 : (-y - (17.6 - 1.2 * side)) * 0.6
                }
                inside = max(inside, (side - 6.1) * 2)
                var value: Vector
                switch garment {
                case .crew, .scoop, .vee, .turtleneck:
                    // A hem round the neck.
                    let hem = ramp(1.5, 1.35, inside) - ramp(0, 0.1, -inside)
                    if garment != .turtleneck { shade *= 1 - 0.16 * ramp(0.18, 0, abs(inside - 1.45)) }
                    if garment == .crew && hem > 0 { shade *= 1 + 0.04 * sin(x * 9) }
                    value = cloth(garment == .turtleneck && y > -15.5 ? main * (1 + 0.06 * sin(x * 8)) : colour)
                case .hoodie:
                    let roll = ramp(3.2, 0.4, inside)
                    value = cloth(colour) * (1 - 0.35 * ramp(0.7, 0, abs(inside - 3.1)) + 0.08 * roll)
                    let cord = abs(side - (2.6 + 0.2 * sin(y * 0.7)))
                    if -y > 18.4, -y < 27 { value = mix(value, linear(Vector(205, 205, 200)) * 0.8, ramp(0.28, 0.12, cord)) }
                case .shirt, .jacket:
                    let shirt = garment == .shirt ? colour : under
                    value = cloth(shirt)
                    // The collar's leaves: from the neck's side to a point beside the opening.
                    let leaf = min(-y - (13.4 + 0.2 * side), (17.8 - 1.15 * side + y) * -0.6, 19.8 - 0.28 * (6.5 - side) + y, 9.2 - side)
                    if leaf > 0 { value = shirt * (1.06 + 0.4 * weave) } else if leaf > -0.45 { value *= 1 - 0.4 * ramp(-0.45, 0, leaf) }
                    if garment == .shirt, side < 1.3, -y > 18 {
                        value *= 1 - 0.16 * ramp(0.14, 0, abs(side - 1.2))
                        let button = (y + 21).truncatingRemainder(dividingBy: 7.5)
                        if x * x + button * button < 0.16 { value = linear(Vector(225, 222, 214)) * 0.85 }
                    }
                    if hasTie, side < mix(1.15, 2.6, ramp(17, 40, -y)) + (-y < 19.4 ? 0.5 : 0), -y > 16.2 {
                        value = tie * shade * (1 + 0.12 * sin((x + y) * 2.4)) * (1 - 0.25 * ramp(0.9, 2, side))
                    }
                    if garment == .jacket {
                        let edge = side - mix(5.6, 1, ramp(15, 36, -y))
                        if edge > 0 {
                            value = dark * shade * (1 + 0.05 * noise(x * 5, y * 5))
                            // The lapel ends in a notch.
                            let lapel = mix(5.5, 2.5, ramp(21, 36, -y))
                            if edge < lapel { value *= 1.1 } else if edge < lapel + 0.5 { value *= 0.72 }
                            if abs(-y - (20.5 - 0.4 * (side - 6))) < 0.2, edge > lapel * 0.3, edge < lapel + 0.2 { value *= 0.6 }
                        } else if edge > -0.8 { value *= 1 - 0.42 * ramp(-0.8, 0, edge) }
                    }
                }
                if garment != .turtleneck, inside < 0.12 {
                    let chest = skin * (1 - 0.06 * noise(x * 0.3, y * 0.3)) * (1 - 0.1 * ramp(2.2, 0, abs(abs(x) - 4 + 0.5 * (y + 17))) * ramp(-16, -17.5, y))
                    let shadow = 1 - 0.3 * ramp(-0.9, 0, inside)
                    value = mix(chest * shadow, value, ramp(-0.02, 0.12, inside))
                } else if inside < 0.5, garment != .jacket { value *= 1 - 0.12 * ramp(0.3, 0.1, inside) }
                result[column, row] = Vector(max(value.x, 0.002), max(value.y, 0.002), max(value.z, 0.002))
            }
        }
        return result
    }
}

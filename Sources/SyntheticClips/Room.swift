import Biometrics
import Foundation
import SyntheticFaces

/// A generated room as a webcam sees it behind somebody: a wall with a door, a window, shelves, a lamp or a picture, lit unevenly and out of focus.
struct Room {
    private var width: Int, height: Int
    /// Red, green and blue, `[height, width, 3]`.
    private var values: [Float]

    static func picture(seed: UInt64, width: Int, height: Int) -> Picture {
        var room = Room(width: width, height: height)
        var random = SeededGenerator(seed: seed, stream: 0x726F)
        room.paint(&random)
        return room.finished(&random)
    }

    private init(width: Int, height: Int) {
        self.width = width
        self.height = height
        values = [Float](repeating: 0, count: width * height * 3)
    }

    private mutating func paint(_ random: inout SeededGenerator) {
        let wall = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0.02...0.28), value: random.uniform(0.38...0.85))
        let other = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0.02...0.2), value: random.uniform(0.35...0.8))
        fill(0, 0, 1, 1, wall)
        // A corner of the room, now and then.
        if random.chance(0.45) { fill(random.chance(0.5) ? 0 : random.uniform(0.6...0.85), 0, random.uniform(0.15...0.4), 1, wall * Float(random.uniform(0.8...0.94))) }
        // A skirting board or a darker lower half.
        if random.chance(0.3) { fill(0, random.uniform(0.6...0.85), 1, 0.5, other * 0.9) }
        var free = [0.0, 0.34, 0.67]
        for _ in 0..<(1 + Int(random.uniform(0...2.99))) where !free.isEmpty {
            let slot = free.remove(at: Int(random.uniform(0...(Double(free.count) - 0.001))))
            let x = slot + random.uniform(-0.06...0.06)
            switch Int(random.uniform(0...5.999)) {
            case 0: window(x, &random)
            case 1: shelf(x, &random)
            case 2: door(x, &random)
            case 3: lamp(x, &random)
            case 4: frame(x, &random)
            default: plant(x, &random)
            }
        }
        // Light falls from one side.
        let (slopeX, slopeY) = (Float(random.uniform(-0.35...0.35)), Float(random.uniform(-0.25...0.1)))
        for y in 0..<height {
            for x in 0..<width {
                let (u, v) = (Float(x) / Float(width) - 0.5, Float(y) / Float(height) - 0.5)
                let light = (1 + slopeX * u + slopeY * v) * (1 - 0.25 * (u * u + v * v))
                for c in 0..<3 { values[(y * width + x) * 3 + c] *= light }
            }
        }
    }

    private mutating func window(_ x: Double, _ random: inout SeededGenerator) {
        let (w, y, h) = (random.uniform(0.22...0.42), random.uniform(0.02...0.15), random.uniform(0.4...0.65))
        let sky = Self.colour(hue: random.uniform(0.5...0.65), saturation: random.uniform(0.02...0.25), value: random.uniform(0.75...1))
        let wood = Self.colour(hue: 0.08, saturation: random.uniform(0...0.35), value: random.uniform(0.5...0.95))
        fill(x - 0.02, y - 0.025, w + 0.04, h + 0.05, wood)
        for step in 0..<12 { fill(x, y + h * Double(step) / 12, w, h / 12 + 0.003, sky * Float(1 - 0.02 * Double(step))) }
        fill(x, y + h * random.uniform(0.6...0.85), w, h * 0.15, Self.colour(hue: 0.3, saturation: 0.3, value: 0.45))
        fill(x + w * 0.48, y, w * 0.04, h, wood)
        if random.chance(0.5) { fill(x, y + h * 0.45, w, h * 0.03, wood) }
        if random.chance(0.5) {
            let cloth = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0.05...0.4), value: random.uniform(0.4...0.85))
            for step in 0..<6 { fill(x - 0.05 + Double(step) * 0.012, 0, 0.012, y + h + 0.06, cloth * Float(step % 2 == 0 ? 1 : 0.86)) }
        }
    }

    private mutating func shelf(_ x: Double, _ random: inout SeededGenerator) {
        let w = random.uniform(0.25...0.45), wood = Self.colour(hue: random.uniform(0.04...0.1), saturation: random.uniform(0.1...0.5), value: random.uniform(0.25...0.75))
        let rows = 2 + Int(random.uniform(0...3.99))
        let top = random.uniform(0...0.2), pitch = random.uniform(0.15...0.22)
        fill(x, top - 0.02, w, pitch * Double(rows) + 0.04, wood * 0.7)
        for row in 0..<rows {
            let bottom = top + pitch * Double(row + 1)
            var at = x + 0.01
            while at < x + w - 0.03 {
                let thick = random.uniform(0.012...0.035), tall = pitch * random.uniform(0.55...0.9)
                if random.chance(0.85) {
                    let book = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0.1...0.65), value: random.uniform(0.2...0.85))
                    fill(at, bottom - tall, thick, tall, book)
                    if random.chance(0.4) { fill(at, bottom - tall * 0.75, thick, tall * 0.08, book * 1.35) }
                }
                at += thick + random.uniform(0...0.006)
            }
            fill(x, bottom, w, 0.014, wood)
        }
    }

    private mutating func door(_ x: Double, _ random: inout SeededGenerator) {
        let (w, y) = (random.uniform(0.2...0.3), random.uniform(-0.1...0.12))
        let paint = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0...0.3), value: random.uniform(0.4...0.95))
        fill(x - 0.018, y - 0.025, w + 0.036, 1.2, paint * 0.82)
        fill(x, y, w, 1.2, paint)
        for (top, tall) in [(0.06, 0.3), (0.44, 0.5)] {
            fill(x + w * 0.14, y + top, w * 0.72, tall, paint * 0.9)
            fill(x + w * 0.17, y + top + 0.012, w * 0.66, tall - 0.024, paint * 0.97)
        }
        fill(x + w * 0.86, y + 0.55, w * 0.09, 0.02, Self.colour(hue: 0.12, saturation: 0.2, value: 0.55))
    }

    private mutating func lamp(_ x: Double, _ random: inout SeededGenerator) {
        let (cx, cy) = (x + 0.14, random.uniform(0.15...0.4))
        let warm = Self.colour(hue: random.uniform(0.09...0.14), saturation: 0.3, value: 1)
        fill(cx - 0.006, cy, 0.012, 1, Self.colour(hue: 0.1, saturation: 0.1, value: 0.25))
        for row in 0..<24 {
            let t = Double(row) / 24, half = 0.035 + 0.035 * t
            fill(cx - half, cy - 0.09 + 0.12 * t, half * 2, 0.0065, warm * Float(0.85 + 0.15 * t))
        }
        let reach = Float(random.uniform(0.14...0.3)), strength = Float(random.uniform(0.1...0.3))
        for y in 0..<height {
            for column in 0..<width {
                let dx = Float(column) / Float(width) - Float(cx), dy = (Float(y) / Float(height) - Float(cy)) * 0.75
                let glow = strength * exp(-(dx * dx + dy * dy) / (reach * reach))
                for c in 0..<3 { values[(y * width + column) * 3 + c] += glow * warm[c] }
            }
        }
    }

    private mutating func frame(_ x: Double, _ random: inout SeededGenerator) {
        let (w, h, y) = (random.uniform(0.14...0.3), random.uniform(0.16...0.34), random.uniform(0.05...0.25))
        fill(x, y, w, h, Self.colour(hue: 0.09, saturation: random.uniform(0...0.4), value: random.uniform(0.1...0.9)))
        fill(x + 0.012, y + 0.016, w - 0.024, h - 0.032, SIMD3(repeating: 0.92))
        let base = Self.colour(hue: random.uniform(0...1), saturation: random.uniform(0.1...0.5), value: random.uniform(0.4...0.9))
        fill(x + 0.03, y + 0.04, w - 0.06, h - 0.08, base)
        for _ in 0..<5 {
            let at = random.uniform(0...0.7), up = random.uniform(0...0.7)
            fill(x + 0.03 + (w - 0.06) * at, y + 0.04 + (h - 0.08) * up, (w - 0.06) * 0.3, (h - 0.08) * 0.3, Self.colour(hue: random.uniform(0...1), saturation: 0.4, value: random.uniform(0.2...0.9)))
        }
    }

    private mutating func plant(_ x: Double, _ random: inout SeededGenerator) {
        let cx = x + 0.14
        for _ in 0..<70 {
            let angle = random.uniform(-1.4...1.4), reach = random.uniform(0.05...0.32)
            let leaf = Self.colour(hue: random.uniform(0.25...0.38), saturation: random.uniform(0.3...0.7), value: random.uniform(0.15...0.5))
            fill(cx + sin(angle) * reach * 0.5, 0.75 - cos(angle) * reach, random.uniform(0.012...0.03), random.uniform(0.02...0.07), leaf)
        }
        fill(cx - 0.05, 0.75, 0.12, 0.3, Self.colour(hue: 0.05, saturation: random.uniform(0...0.5), value: random.uniform(0.3...0.8)))
    }

    /// A rectangle in parts of the picture.
    private mutating func fill(_ x: Double, _ y: Double, _ w: Double, _ h: Double, _ colour: SIMD3<Float>) {
        let columns = Steps.range(x * Double(width), (x + w) * Double(width), limit: width), rows = Steps.range(y * Double(height), (y + h) * Double(height), limit: height)
        for row in rows {
            for column in columns { for c in 0..<3 { values[(row * width + column) * 3 + c] = colour[c] } }
        }
    }

    private static func colour(hue: Double, saturation: Double, value: Double) -> SIMD3<Float> {
        func channel(_ shift: Double) -> Float {
            let k = (shift + hue * 6).truncatingRemainder(dividingBy: 6)
            return Float(value - value * saturation * max(0, min(k, 4 - k, 1)))
        }
        return SIMD3(channel(5), channel(3), channel(1))
    }

    /// Out of focus, and as bytes.
    private consuming func finished(_ random: inout SeededGenerator) -> Picture {
        let radius = max(1, Int((Double(width) * random.uniform(0.003...0.014)).rounded()))
        for _ in 0..<2 { blur(radius) }
        let texture = SmoothTexture(random.next())
        var pixels = [UInt8](repeating: 0, count: values.count)
        for y in 0..<height {
            for x in 0..<width {
                let rough = 1 + 0.02 * texture.at(x, y)
                for c in 0..<3 {
                    let index = (y * width + x) * 3 + c
                    pixels[index] = UInt8(max(0, min(255, values[index] * rough * 255 + 0.5)))
                }
            }
        }
        return Picture(width: width, height: height, pixels: pixels)
    }

    /// A box along rows, then along columns.
    private mutating func blur(_ radius: Int) {
        for (outer, inner, outerStep, innerStep) in [(height, width, width * 3, 3), (width, height, 3, width * 3)] {
            var line = [Float](repeating: 0, count: inner)
            for o in 0..<outer {
                for c in 0..<3 {
                    let base = o * outerStep + c
                    for i in 0..<inner { line[i] = values[base + i * innerStep] }
                    var sum: Float = 0
                    for i in -radius...radius { sum += line[max(0, min(inner - 1, i))] }
                    for i in 0..<inner {
                        values[base + i * innerStep] = sum / Float(2 * radius + 1)
                        sum += line[min(inner - 1, i + radius + 1)] - line[max(0, i - radius)]
                    }
                }
            }
        }
    }

    /// Plaster: the same for each pixel whenever it is asked.
    private struct SmoothTexture {
        let seed: UInt64
        init(_ seed: UInt64) { self.seed = seed }
        func at(_ x: Int, _ y: Int) -> Float {
            var z = seed &+ UInt64(x >> 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(y >> 1) &* 0xD1B5_4A32_D192_ED03
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            return Float(z >> 40) * 0x1p-23 - 1
        }
    }
}

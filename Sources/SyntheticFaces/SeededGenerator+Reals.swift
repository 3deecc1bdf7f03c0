import Biometrics
import Foundation

extension SeededGenerator {
    /// Uniform in low..<high.
    mutating func real(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(next() >> 40) * 0x1p-24 }

    mutating func chance(_ probability: Float) -> Bool { real(0, 1) < probability }

    /// Normal, of mean 0 and deviation 1, drawn again beyond `limit` (Box and Muller).
    mutating func normal(within limit: Float = 2.5) -> Float {
        while true {
            let radius = (-2 * log(max(real(0, 1), 1e-7))).squareRoot()
            let value = radius * cos(2 * Float.pi * real(0, 1))
            if abs(value) <= limit { return value }
        }
    }

    mutating func pick<Element>(_ choices: [(Element, Float)]) -> Element {
        var left = real(0, 1) * choices.reduce(0) { $0 + $1.1 }
        for (choice, weight) in choices {
            left -= weight
            if left < 0 { return choice }
        }
        return choices[choices.count - 1].0
    }
}

import Glibc

/// A lamp or window beside the face: levels rise towards it and fall away from it, exponentially, as much at one edge as at the other.
struct SideLight {
    /// Natural logarithm of the factor at the edge, at most 2 of it.
    let strength: Float
    /// Where the light comes from: degrees, clockwise from the right.
    let angle: Float

    var isIdentity: Bool { strength == 0 }

    func apply(to crop: inout [UInt8], channels: Int, width: Int, height: Int) {
        let bounded = max(-2, min(2, strength)), turn = (angle.isFinite ? angle : 0).truncatingRemainder(dividingBy: 360) * .pi / 180
        // An exponential of a sum is the product of a column's and a row's.
        func gains(_ count: Int, _ slope: Float) -> [Float] {
            (0..<count).map { exp(slope * (count > 1 ? 2 * Float($0) / Float(count - 1) - 1 : 0)) }
        }
        let columns = gains(width, bounded * cos(turn)), rows = gains(height, bounded * sin(turn))
        for channel in 0..<channels {
            for y in 0..<height {
                let start = (channel * height + y) * width
                for x in 0..<width { crop[start + x] = UInt8(min(255, (Float(crop[start + x]) * columns[x] * rows[y]).rounded())) }
            }
        }
    }
}

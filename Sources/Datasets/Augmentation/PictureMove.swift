import Glibc

/// A face that is not quite where alignment believes, or not as broad: shifted, scaled, stretched and turned about the middle, bilinear, the border repeated outwards.
struct PictureMove {
    /// In pixels, to the right and down.
    let shiftX: Float
    let shiftY: Float
    let scale: Float
    /// Width by height, of what was a square.
    var aspect: Float = 1
    /// Degrees, clockwise.
    let rotation: Float

    var isIdentity: Bool { shiftX == 0 && shiftY == 0 && scale == 1 && aspect == 1 && rotation == 0 }

    func apply(to crop: inout [UInt8], channels: Int, width: Int, height: Int) {
        let inverse = 1 / max(0.1, min(10, scale))
        let angle = Double(rotation) * .pi / 180
        let broader = Double(max(0.25, min(4, aspect)).squareRoot())
        let (inverseX, inverseY) = (Double(inverse) / broader, Double(inverse) * broader)
        let (cx, sx, cy, sy) = (cos(angle) * inverseX, sin(angle) * inverseX, cos(angle) * inverseY, sin(angle) * inverseY)
        let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
        // Farther than the crop is wide there is nothing but its border.
        let limit = Float(4 * max(width, height))
        let (across, down) = (Double(max(-limit, min(limit, shiftX))), Double(max(-limit, min(limit, shiftY))))
        // Places in the source in 1/65536 pixels: exact sums, and the same on every machine.
        let (stepX, stepY) = (Int(cx * 65536), Int(-sy * 65536))
        let (lastX, lastY) = ((width - 1) << 16, (height - 1) << 16)
        let pixels = width * height
        let moved = unsafe [UInt8](unsafeUninitializedCapacity: crop.count) { moved, filled in
            unsafe crop.withUnsafeBufferPointer { source in
                for y in 0..<height {
                    let (fromX, fromY) = (-middleX - across, Double(y) - middleY - down)
                    var sourceX = Int((cx * fromX + sx * fromY + middleX) * 65536)
                    var sourceY = Int((-sy * fromX + cy * fromY + middleY) * 65536)
                    for x in 0..<width {
                        let (px, py) = (max(0, min(lastX, sourceX)), max(0, min(lastY, sourceY)))
                        let (left, top) = (px >> 16, py >> 16)
                        let right = px < lastX ? 1 : 0
                        let below = py < lastY ? width : 0
                        let (wx, wy) = (px >> 8 & 255, py >> 8 & 255)
                        var place = top &* width &+ left
                        var target = y &* width &+ x
                        for _ in 0..<channels {
                            let upper = unsafe Int(source[place]) &* (256 &- wx) &+ Int(source[place &+ right]) &* wx
                            let lower = unsafe Int(source[place &+ below]) &* (256 &- wx) &+ Int(source[place &+ below &+ right]) &* wx
                            unsafe moved[target] = UInt8(truncatingIfNeeded: (upper &* (256 &- wy) &+ lower &* wy &+ 32768) >> 16)
                            place &+= pixels
                            target &+= pixels
                        }
                        sourceX &+= stepX
                        sourceY &+= stepY
                    }
                }
            }
            filled = crop.count
        }
        crop = moved
    }
}

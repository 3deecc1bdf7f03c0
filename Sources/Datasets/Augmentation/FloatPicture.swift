/// A picture between two effects: levels 0…255 that are not rounded yet, `[channels, height, width]`.
struct FloatPicture {
    let channels: Int
    var width: Int
    var height: Int
    var values: [Float]

    init(_ crop: [UInt8], channels: Int, width: Int, height: Int) {
        self.channels = channels
        self.width = width
        self.height = height
        values = unsafe [Float](unsafeUninitializedCapacity: crop.count) { values, filled in
            unsafe crop.withUnsafeBufferPointer { crop in
                for i in 0..<crop.count { unsafe values[i] = Float(crop[i]) }
            }
            filled = crop.count
        }
    }

    /// Rounds to the nearest level; what lies outside 0…255 becomes 0 or 255.
    func write(to crop: inout [UInt8]) {
        precondition(crop.count == values.count)
        unsafe values.withUnsafeBufferPointer { values in
            unsafe crop.withUnsafeMutableBufferPointer { crop in
                // At 2²³ a float's last bit is one: the sum is rounded, and its low bits are the level.
                for i in 0..<values.count { unsafe crop[i] = UInt8(truncatingIfNeeded: (max(0, min(255, values[i])) + 0x1p23).bitPattern) }
            }
        }
    }

    /// One plane with its border repeated, `[height + 2·radius, width + 2·radius]`.
    func padded(_ channel: Int, radius: Int) -> [Float] {
        let (paddedWidth, paddedHeight) = (width + 2 * radius, height + 2 * radius)
        return unsafe [Float](unsafeUninitializedCapacity: paddedWidth * paddedHeight) { padded, filled in
            unsafe values.withUnsafeBufferPointer { values in
                for y in 0..<paddedHeight {
                    let source = (channel * height + max(0, min(height - 1, y - radius))) * width
                    let row = y * paddedWidth
                    let (left, right) = unsafe (values[source], values[source + width - 1])
                    for x in 0..<radius { unsafe padded[row + x] = left }
                    for x in 0..<width { unsafe padded[row + radius + x] = values[source + x] }
                    for x in 0..<radius { unsafe padded[row + radius + width + x] = right }
                }
            }
            filled = paddedWidth * paddedHeight
        }
    }
}

/// Σ weight · source[offset + i] for i in 0..<count: the inner loop of every filter here.
func accumulate(
    _ source: UnsafePointer<Float>, offsets: [Int], weights: [Float], into target: UnsafeMutablePointer<Float>, count: Int
) {
    unsafe offsets.withUnsafeBufferPointer { offsets in
        unsafe weights.withUnsafeBufferPointer { weights in
            var i = 0
            while i + 8 <= count {
                var sum = SIMD8<Float>.zero
                for t in 0..<offsets.count { unsafe sum += weights[t] * UnsafeRawPointer(source + offsets[t] + i).loadUnaligned(as: SIMD8<Float>.self) }
                unsafe UnsafeMutableRawPointer(target + i).storeBytes(of: sum, as: SIMD8<Float>.self)
                i += 8
            }
            while i < count {
                var sum: Float = 0
                for t in 0..<offsets.count { unsafe sum += weights[t] * source[offsets[t] + i] }
                unsafe target[i] = sum
                i += 1
            }
        }
    }
}

/// A face that has only a few pixels: shrunk by area means, and enlarged again between pixel middles as alignment does.
struct LowResolution {
    private let width: Int
    private let height: Int
    private let smallWidth: Int
    private let smallHeight: Int

    /// - Parameter part: of the pixels in each direction that is left; at least one is.
    init(part: Float, width: Int, height: Int) {
        self.width = width
        self.height = height
        let part = max(0, min(1, part))
        smallWidth = max(1, Int((Float(width) * part).rounded()))
        smallHeight = max(1, Int((Float(height) * part).rounded()))
    }

    var isIdentity: Bool { smallWidth == width && smallHeight == height }

    func shrink(_ picture: inout FloatPicture) {
        resample(&picture, columns: Taps(areasOf: width, in: smallWidth), rows: Taps(areasOf: height, in: smallHeight))
    }

    func enlarge(_ picture: inout FloatPicture) {
        resample(&picture, columns: Taps(between: smallWidth, for: width), rows: Taps(between: smallHeight, for: height))
    }

    /// For each place of the result, which neighbours it is made of, and how much of each.
    private struct Taps {
        var firsts: [Int] = []
        /// `[count, taps]`.
        var weights: [Float] = []
        let taps: Int

        /// Each of the few covers its part of the many.
        init(areasOf many: Int, in few: Int) {
            let span = Float(many) / Float(few)
            taps = min(many, Int(span.rounded(.up)) + 1)
            for i in 0..<few {
                let (start, end) = (Float(i) * span, Float(i + 1) * span)
                let first = min(Int(start), many - taps)
                firsts.append(first)
                let parts = (0..<taps).map { max(0, min(end, Float(first + $0 + 1)) - max(start, Float(first + $0))) }
                let sum = parts.reduce(0, +)
                weights += parts.map { $0 / sum }
            }
        }

        /// Straight lines between the middles of the few.
        init(between few: Int, for many: Int) {
            taps = min(2, few)
            for i in 0..<many {
                let place = max(0, min(Float(few - 1), (Float(i) + 0.5) * Float(few) / Float(many) - 0.5))
                let first = min(Int(place), few - taps)
                firsts.append(first)
                weights += taps == 1 ? [1] : [1 - (place - Float(first)), place - Float(first)]
            }
        }
    }

    private func resample(_ picture: inout FloatPicture, columns: Taps, rows: Taps) {
        let (width, height) = (picture.width, picture.height)
        let (newWidth, newHeight) = (columns.firsts.count, rows.firsts.count)
        var lines = [Float](repeating: 0, count: height * newWidth)
        var result = [Float](repeating: 0, count: picture.channels * newHeight * newWidth)
        for channel in 0..<picture.channels {
            unsafe lines.withUnsafeMutableBufferPointer { lines in
                unsafe picture.values.withUnsafeBufferPointer { values in
                    unsafe columns.firsts.withUnsafeBufferPointer { firsts in
                        unsafe columns.weights.withUnsafeBufferPointer { weights in
                            for y in 0..<height {
                                let row = (channel * height + y) * width
                                for x in 0..<newWidth {
                                    var sum: Float = 0
                                    let first = unsafe row + firsts[x]
                                    for t in 0..<columns.taps { unsafe sum += weights[x * columns.taps + t] * values[first + t] }
                                    unsafe lines[y * newWidth + x] = sum
                                }
                            }
                        }
                    }
                }
                let offsets = (0..<rows.taps).map { $0 * newWidth }
                unsafe result.withUnsafeMutableBufferPointer { result in
                    for y in 0..<newHeight {
                        unsafe accumulate(
                            lines.baseAddress! + rows.firsts[y] * newWidth, offsets: offsets, weights: Array(rows.weights[y * rows.taps..<(y + 1) * rows.taps]),
                            into: result.baseAddress! + (channel * newHeight + y) * newWidth, count: newWidth)
                    }
                }
            }
        }
        (picture.width, picture.height, picture.values) = (newWidth, newHeight, result)
    }
}

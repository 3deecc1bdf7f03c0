import Glibc

/// A face that moves while the shutter is open: the mean along a line, to whole pixels. The border is repeated outwards.
struct MotionBlur {
    /// In pixels of the picture.
    let length: Float
    /// Degrees, clockwise from the right.
    let angle: Float

    var isIdentity: Bool { length < 1.5 }

    func apply(to picture: inout FloatPicture) {
        let steps = Int(min(64, length).rounded())
        let radius = steps / 2 + 1
        let paddedWidth = picture.width + 2 * radius
        let (dx, dy) = (cos(angle * .pi / 180), sin(angle * .pi / 180))
        let offsets = (0..<steps).map { step in
            let t = Float(step) - Float(steps - 1) / 2
            return (radius + Int((t * dy).rounded())) * paddedWidth + radius + Int((t * dx).rounded())
        }
        let weights = [Float](repeating: 1 / Float(steps), count: steps)
        for channel in 0..<picture.channels {
            let padded = picture.padded(channel, radius: radius)
            let (width, height) = (picture.width, picture.height)
            unsafe padded.withUnsafeBufferPointer { padded in
                unsafe picture.values.withUnsafeMutableBufferPointer { values in
                    for y in 0..<height {
                        unsafe accumulate(
                            padded.baseAddress! + y * paddedWidth, offsets: offsets, weights: weights,
                            into: values.baseAddress! + (channel * height + y) * width, count: width)
                    }
                }
            }
        }
    }
}

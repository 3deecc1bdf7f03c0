import Glibc

/// A lens out of focus. The border is repeated outwards.
struct GaussianBlur {
    /// In pixels of the picture.
    let sigma: Float

    /// Below this the middle weight is above 0.999.
    var isIdentity: Bool { sigma < 0.25 }

    func apply(to picture: inout FloatPicture) {
        let sigma = min(self.sigma, 20)
        let radius = Int((3 * sigma).rounded(.up))
        var weights = (-radius...radius).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
        let sum = weights.reduce(0, +)
        for i in weights.indices { weights[i] /= sum }
        let (width, height) = (picture.width, picture.height)
        let (paddedWidth, paddedHeight) = (width + 2 * radius, height + 2 * radius)
        let along = Array(0...2 * radius)
        let down = along.map { $0 * width }
        var rows = [Float](repeating: 0, count: width * paddedHeight)
        for channel in 0..<picture.channels {
            let padded = picture.padded(channel, radius: radius)
            unsafe rows.withUnsafeMutableBufferPointer { rows in
                unsafe padded.withUnsafeBufferPointer { padded in
                    for y in 0..<paddedHeight {
                        unsafe accumulate(padded.baseAddress! + y * paddedWidth, offsets: along, weights: weights, into: rows.baseAddress! + y * width, count: width)
                    }
                }
                unsafe picture.values.withUnsafeMutableBufferPointer { values in
                    for y in 0..<height {
                        unsafe accumulate(
                            rows.baseAddress! + y * width, offsets: down, weights: weights, into: values.baseAddress! + (channel * height + y) * width,
                            count: width)
                    }
                }
            }
        }
    }
}

/// The sensor's noise: Gaussian, more in the shadows than in the light (which the camera's tone curve compresses), partly alike in all planes.
struct Grain {
    /// Standard deviation at middle grey, in levels. It is half as much again at black, and half of it at white.
    let sigma: Float

    var isIdentity: Bool { sigma <= 0 }

    /// The noise's correlation between planes is 0.56.
    private static let (shared, own): (Float, Float) = (0.75, 0.66)

    func apply(to picture: inout FloatPicture, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pixels = picture.width * picture.height
        let channels = picture.channels
        let noise = random.normals(pixels * (channels == 1 ? 1 : channels + 1))
        let sigma = min(sigma, 255)
        unsafe noise.withUnsafeBufferPointer { noise in
            unsafe picture.values.withUnsafeMutableBufferPointer { values in
                guard channels > 1 else {
                    for i in 0..<pixels { unsafe values[i] += sigma * (1.5 - values[i] * (1 / 255)) * noise[i] }
                    return
                }
                for channel in 0..<channels {
                    let (plane, ownNoise) = (channel * pixels, (channel + 1) * pixels)
                    for i in 0..<pixels {
                        unsafe values[plane + i] += sigma * (1.5 - values[plane + i] * (1 / 255)) * (Self.shared * noise[i] + Self.own * noise[ownNoise + i])
                    }
                }
            }
        }
    }
}

/// What happens to one picture, or alike to all pictures of a film. A value; the same values and noise seed give the same bytes.
///
/// Lengths in pixels are those of a crop 112 wide and scale with its width.
public struct PictureDistortion: Codable, Hashable, Sendable {
    public var isFlipped = false
    /// To the right and down, in parts of the width.
    public var shiftX: Float = 0
    public var shiftY: Float = 0
    /// About the middle.
    public var scale: Float = 1
    /// Width by height, of what was a square.
    public var aspect: Float = 1
    /// Degrees, clockwise about the middle.
    public var rotation: Float = 0
    public var covers: [PictureCover] = []
    /// How much lighter one end is than the middle, in natural logarithms of the level, and the middle than the other; 0 for none.
    public var sideLight: Float = 0
    /// Where the light comes from: degrees, clockwise from the right.
    public var sideLightAngle: Float = 0
    /// Added to every level, in parts of full scale.
    public var brightness: Float = 0
    /// Factor about middle grey.
    public var contrast: Float = 1
    /// Exponent of the levels.
    public var gamma: Float = 1
    /// 0 is grey.
    public var saturation: Float = 1
    /// Gains of red, green and blue; empty for none.
    public var cast: [Float] = []
    /// The part of the light that is left, 0…1.
    public var light: Float = 1
    /// σ in pixels, 0 for none.
    public var blur: Float = 0
    /// Length of the line in pixels, 1 and less for none.
    public var motion: Float = 0
    /// Degrees, clockwise from the right.
    public var motionAngle: Float = 0
    /// The part of the pixels in each direction that is left.
    public var resolution: Float = 1
    /// Standard deviation at middle grey, in levels.
    public var grain: Float = 0
    /// JPEG's, 1…100; nil leaves the picture uncompressed.
    public var quality: Int?

    /// Leaves every picture as it is.
    public init() {}

    /// Distorts one picture in place.
    /// - Parameters:
    ///   - crop: planes 0…255, `[channels, height, width]`; three planes are red, green and blue, any other number are grey pictures alike.
    ///   - noiseSeed: what differs from picture to picture of a film.
    /// - Precondition: the crop has as many levels as its sides say.
    public func apply(to crop: inout [UInt8], channels: Int, width: Int, height: Int, noiseSeed: UInt64) {
        precondition(channels >= 0 && width >= 0 && height >= 0 && crop.count == channels * width * height, "\(crop.count) levels for \(channels) planes of \(width)x\(height)")
        guard !crop.isEmpty else { return }
        if isFlipped { flip(&crop, width: width) }
        let move = PictureMove(shiftX: shiftX * Float(width), shiftY: shiftY * Float(width), scale: scale, aspect: aspect, rotation: rotation)
        if !move.isIdentity { move.apply(to: &crop, channels: channels, width: width, height: height) }
        for cover in covers { cover.apply(to: &crop, channels: channels, width: width, height: height) }
        let side = SideLight(strength: sideLight, angle: sideLightAngle)
        if !side.isIdentity { side.apply(to: &crop, channels: channels, width: width, height: height) }
        let curve = LightCurve(brightness: brightness, contrast: contrast, gamma: gamma, saturation: saturation, cast: cast, light: light)
        if !curve.isIdentity { curve.apply(to: &crop, channels: channels) }

        let pixel = Float(width) / 112
        let motion = MotionBlur(length: self.motion * pixel, angle: motionAngle)
        let blur = GaussianBlur(sigma: self.blur * pixel)
        let low = LowResolution(part: resolution, width: width, height: height)
        // What little light there is, is amplified, and the sensor's noise with it.
        let dark = 14 * (1 - max(0, min(1, light)))
        let grain = Grain(sigma: (self.grain * self.grain + dark * dark).squareRoot())
        if motion.isIdentity && blur.isIdentity && low.isIdentity && grain.isIdentity && quality == nil { return }
        var picture = FloatPicture(crop, channels: channels, width: width, height: height)
        if !motion.isIdentity { motion.apply(to: &picture) }
        if !blur.isIdentity { blur.apply(to: &picture) }
        // A distant face has the sensor's noise and the blocks of the compression at its own few pixels; it is enlarged after that.
        if !low.isIdentity { low.shrink(&picture) }
        if !grain.isIdentity { grain.apply(to: &picture, seed: noiseSeed) }
        if let quality { BlockCompression(quality: quality).apply(to: &picture) }
        if !low.isIdentity { low.enlarge(&picture) }
        picture.write(to: &crop)
    }

    /// Distorts all pictures of a film alike, in place; their noise differs.
    /// - Parameter film: levels 0…255, `[frames, channels, height, width]`.
    /// - Precondition: the film has `frames` pictures of as many levels as its sides say.
    public func apply(toFilm film: inout [UInt8], frames: Int, channels: Int, width: Int, height: Int, noiseSeed: UInt64) {
        let size = channels * width * height
        precondition(frames >= 0 && film.count == frames * size, "\(film.count) levels for \(frames) pictures of \(channels) planes of \(width)x\(height)")
        for frame in 0..<frames {
            var picture = Array(film[frame * size..<(frame + 1) * size])
            var random = SeededGenerator(seed: noiseSeed, UInt64(frame))
            apply(to: &picture, channels: channels, width: width, height: height, noiseSeed: random.next())
            film.replaceSubrange(frame * size..<(frame + 1) * size, with: picture)
        }
    }

    private func flip(_ crop: inout [UInt8], width: Int) {
        unsafe crop.withUnsafeMutableBufferPointer { levels in
            for row in stride(from: 0, to: levels.count, by: width) {
                var (left, right) = (row, row + width - 1)
                while left < right {
                    unsafe levels.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
        }
    }
}

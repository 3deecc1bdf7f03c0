import Glibc

/// What happens to pictures while a network learns: how often, and how strongly. A value; the same numbers give the same pictures.
///
/// Lengths in pixels are those of a crop 112 wide and scale with its width. Effects come in the order in which they come in a camera: where the
/// face is, what covers it, light, optics, resolution, sensor, compression.
public struct PictureAugmentation: Codable, Hashable, Sendable, EffectSet {
    /// Left and right exchanged.
    public var flip = Effect(0.5)
    /// Moved in any direction, in parts of the width.
    public var shift = Effect(0.3, 0...0.04)
    /// Enlarged by this factor.
    public var scale = Effect(0.3, 0.92...1.08)
    /// Stretched: width by height.
    public var aspect = Effect(0, 0.8...1.25)
    /// Degrees, clockwise.
    public var rotation = Effect(0.3, -6...6)
    /// A rectangle is covered: its part of the area.
    public var occlusion = Effect(0.1, 0.03...0.2)
    /// The lower part is covered, as by a mask or a scarf: its part of the height.
    public var mask = Effect(0.03, 0.3...0.48)
    /// Light from one side: natural logarithm of how much lighter that side is than the middle.
    public var sideLight = Effect(0, 0.2...0.7)
    /// Added to every level, in parts of full scale.
    public var brightness = Effect(0.3, -0.15...0.15)
    /// Factor about middle grey.
    public var contrast = Effect(0.3, 0.65...1.3)
    /// Exponent of the levels: above 1 darkens the middle.
    public var gamma = Effect(0.2, 0.7...1.45)
    /// Factor of the distance from grey: 0 is a night camera.
    public var saturation = Effect(0.25, 0...1.4)
    /// Light of another colour: how far the planes' gains lie from 1 at most.
    public var cast = Effect(0.2, 0.03...0.15)
    /// The part of the light that is left. Shadows sink, colours fade, noise rises.
    public var lowLight = Effect(0.08, 0.18...0.6)
    /// Gaussian, σ in pixels.
    public var blur = Effect(0.15, 0.4...2.2)
    /// Along a line in any direction, its length in pixels.
    public var motion = Effect(0.1, 3...8)
    /// The part of the width in pixels that a distant camera delivers.
    public var resolution = Effect(0.2, 0.22...0.7)
    /// Standard deviation of the noise in levels (of 255), at middle grey.
    public var grain = Effect(0.2, 2...13)
    /// JPEG's quality, 1…100.
    public var compression = Effect(0.25, 15...75)

    public init() {}

    /// Pictures stay as they are.
    public static let none: PictureAugmentation = {
        var none = PictureAugmentation()
        none.silence()
        return none
    }()

    static let fields: [Field] = [
        ("flip", \.flip), ("shift", \.shift), ("scale", \.scale), ("aspect", \.aspect), ("rotation", \.rotation), ("occlusion", \.occlusion), ("mask", \.mask),
        ("sideLight", \.sideLight), ("brightness", \.brightness), ("contrast", \.contrast), ("gamma", \.gamma), ("saturation", \.saturation), ("cast", \.cast),
        ("lowLight", \.lowLight), ("blur", \.blur), ("motion", \.motion), ("resolution", \.resolution), ("grain", \.grain), ("compression", \.compression),
    ]

    /// From a dictionary of effects by name; what is left out is as usual.
    /// - Throws: `DecodingError` at a name that is unknown, a probability outside 0…1, or a strength whose ends are the wrong way round.
    public init(from decoder: any Decoder) throws { try read(from: decoder) }
    public func encode(to encoder: any Encoder) throws { try write(to: encoder) }

    /// What happens to one sample. A film has one distortion, and a noise seed for each of its pictures.
    /// - Parameter random: one number is taken.
    public func draw(_ random: inout SeededGenerator) -> PictureDistortion {
        let dice = EffectDice(&random)
        var drawn = PictureDistortion()
        drawn.isFlipped = dice.roll(flip, "flip") != nil
        if case (let distance, var random)? = dice.roll(shift, "shift") {
            let angle = random.uniform(0...2 * .pi)
            (drawn.shiftX, drawn.shiftY) = (distance * cos(angle), distance * sin(angle))
        }
        if let (factor, _) = dice.roll(scale, "scale") { drawn.scale = factor }
        if let (factor, _) = dice.roll(aspect, "aspect") { drawn.aspect = factor }
        if let (degrees, _) = dice.roll(rotation, "rotation") { drawn.rotation = degrees }
        if case (let part, var random)? = dice.roll(occlusion, "occlusion") { drawn.covers.append(.rectangle(area: part, &random)) }
        if case (let part, var random)? = dice.roll(mask, "mask") { drawn.covers.append(.lowerPart(part, &random)) }
        if case (let strength, var random)? = dice.roll(sideLight, "sideLight") {
            drawn.sideLight = strength
            drawn.sideLightAngle = random.uniform(0...360)
        }
        if let (level, _) = dice.roll(brightness, "brightness") { drawn.brightness = level }
        if let (factor, _) = dice.roll(contrast, "contrast") { drawn.contrast = factor }
        if let (exponent, _) = dice.roll(gamma, "gamma") { drawn.gamma = exponent }
        if let (factor, _) = dice.roll(saturation, "saturation") { drawn.saturation = factor }
        if case (let spread, var random)? = dice.roll(cast, "cast") { drawn.cast = (0..<3).map { _ in 1 + spread * random.uniform(-1...1) } }
        if let (part, _) = dice.roll(lowLight, "lowLight") { drawn.light = part }
        if let (sigma, _) = dice.roll(blur, "blur") { drawn.blur = sigma }
        if case (let length, var random)? = dice.roll(motion, "motion") {
            drawn.motion = length
            drawn.motionAngle = random.uniform(0...180)
        }
        if let (part, _) = dice.roll(resolution, "resolution") { drawn.resolution = part }
        if let (sigma, _) = dice.roll(grain, "grain") { drawn.grain = sigma }
        if let (quality, _) = dice.roll(compression, "compression") { drawn.quality = Int(max(1, min(100, quality)).rounded()) }
        return drawn
    }

    /// Distorts one picture in place.
    /// - Parameters:
    ///   - crop: planes 0…255, `[channels, height, width]`.
    ///   - random: two numbers are taken.
    public func apply(to crop: inout [UInt8], channels: Int, width: Int, height: Int, random: inout SeededGenerator) {
        let drawn = draw(&random)
        drawn.apply(to: &crop, channels: channels, width: width, height: height, noiseSeed: random.next())
    }
}

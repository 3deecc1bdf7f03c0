public import Biometrics

/// Where a face lies in a model: standard normal weights of its components, and what it is conditioned on.
public struct FaceWeights: Sendable, Hashable {
    public var shape: [Float]
    public var asymmetry: [Float]
    public var light: [Float]
    public var chroma: [Float]
    /// Sex (±0.5), age in double decades from 40, its square less 0.6, sex × age, four groups of origin.
    public var conditions: [Float]

    public init(shape: [Float], asymmetry: [Float], light: [Float], chroma: [Float], conditions: [Float]) {
        self.shape = shape
        self.asymmetry = asymmetry
        self.light = light
        self.chroma = chroma
        self.conditions = conditions
    }
}

/// A person who does not exist: shape and colour of the face, and what the hair, the eyes and the clothes are like.
///
/// Everything follows from the seed, the traits and the model; each attribute has a random stream of its own, so that fixing one trait leaves the
/// others as they were.
public struct FaceIdentity: Sendable {
    public let seed: UInt64
    /// As drawn, none of them `nil`.
    public let traits: FaceTraits

    /// Where this face lies in the model.
    public let weights: FaceWeights
    /// Linear sRGB.
    let skin: Vector
    let hairColour: Vector
    let browColour: Vector
    let irisColour: Vector
    /// 0…1: how much of a beard's shadow the skin has, and how long the beard is.
    let stubble: Float
    let beard: Float
    let moustache: Float
    let freckles: Float

    var sex: Sex { traits.sex ?? .female }
    var age: Float { Float(traits.age ?? 40) }
    var hair: HairStyle { traits.hair ?? .short }

    func generator(_ stream: Int) -> SeededGenerator { SeededGenerator(seed: seed, stream: stream) }

    public init(seed: UInt64, traits: FaceTraits = FaceTraits(), model: FaceModel) { self.init(seed: seed, traits: traits, weights: nil, model: model) }

    /// - Parameter given: the face itself, for measurements with faces that are not drawn from the seed; the rest still is.
    public init(seed: UInt64, traits: FaceTraits, weights given: FaceWeights?, model: FaceModel) {
        self.seed = seed
        func stream(_ number: Int) -> SeededGenerator { SeededGenerator(seed: seed, stream: number) }
        var draw = stream(1)
        let sex = traits.sex ?? (draw.chance(0.5) ? .female : .male)
        draw = stream(2)
        let age = min(max(traits.age ?? Double(18 + 52 * draw.real(0, 1) * draw.real(0.35, 1)), 18), 80)
        draw = stream(3)
        // Origin and skin belong together: the groups of the model, with the tones each spans.
        let groups: [(tones: ClosedRange<Float>, share: Float)] = [(0...0.28, 0.4), (0.62...1, 0.2), (0.1...0.38, 0.18), (0.35...0.72, 0.16), (0.22...0.5, 0.06)]
        let asked = traits.skinTone.map { Float(min(max($0, 0), 1)) }
        let group = draw.pick(groups.indices.map { index in
            guard let asked else { return (index, groups[index].share) }
            let range = groups[index].tones
            let beyond = max(0, max(range.lowerBound - asked, asked - range.upperBound))
            return (index, groups[index].share * (beyond > 0.15 ? 0.0001 : 1 - 6 * beyond))
        })
        let strength = draw.real(0.8, 1.35)
        let tone = asked ?? draw.real(groups[group].tones.lowerBound, groups[group].tones.upperBound)
        let decades = (Float(age) - 40) / 20
        let sexSign: Float = sex == .female ? 0.5 : -0.5
        var conditions: [Float] = [sexSign * 1.3, decades, decades * decades - 0.6, sexSign * decades, 0, 0, 0, 0]
        if group > 0 { conditions[3 + group] = strength }

        func drawn(_ number: Int, _ count: Int, spread: Float) -> [Float] {
            var draw = stream(number)
            return (0..<count).map { _ in draw.normal(within: 2) * spread }
        }
        self.weights = given ?? FaceWeights(
            shape: drawn(4, model.shape.count, spread: 1.55), asymmetry: drawn(5, model.asymmetry.count, spread: 0.45), light: drawn(6, model.light.count, spread: 1.35),
            chroma: drawn(7, model.chroma.count, spread: 1.1), conditions: conditions)

        draw = stream(8)
        let anchors: [Vector] = [Vector(226, 188, 168), Vector(212, 168, 142), Vector(182, 132, 104), Vector(134, 90, 66), Vector(84, 56, 44)]
        let at = min(tone * 4, 3.999)
        let near = mix(anchors[Int(at)], anchors[Int(at) + 1], at - Float(Int(at)))
        let redness = draw.normal(within: 2)
        skin = linear(near) * Vector(1 + 0.035 * redness, 1 - 0.012 * redness, 1 - 0.02 * redness + 0.03 * draw.normal(within: 2))

        draw = stream(9)
        let dark = tone > 0.34 || group == 2
        let darkHair: [(Vector, Float)] = [(Vector(24, 19, 18), 0.75), (Vector(40, 28, 22), 0.25)]
        let lightHair: [(Vector, Float)] = [
            (Vector(34, 26, 22), 0.22), (Vector(62, 44, 32), 0.3), (Vector(94, 68, 46), 0.22), (Vector(150, 116, 76), 0.13), (Vector(186, 152, 106), 0.06), (Vector(116, 58, 34), 0.07),
        ]
        let colours = dark ? darkHair : lightHair
        let young = linear(draw.pick(colours)) * draw.real(0.8, 1.25)
        // Grey comes with age; in women dye hides it half the time.
        let greying = ramp(38, 72, Float(age) + 8 * draw.normal(within: 2)) * (sex == .female && draw.chance(0.5) ? 0.15 : 1)
        hairColour = mix(young, linear(Vector(172, 170, 166)), greying * draw.real(0.6, 1))
        browColour = mix(young, hairColour, 0.35) * (dark ? 0.9 : 0.6)

        draw = stream(10)
        let irises: [(Vector, Float)] = [(Vector(74, 50, 32), 0.4), (Vector(94, 82, 52), 0.22), (Vector(92, 116, 138), 0.25), (Vector(104, 118, 94), 0.13)]
        irisColour = linear(dark ? Vector(50, 32, 22) * draw.real(0.7, 1.15) : draw.pick(irises))

        draw = stream(11)
        let shaved: Bool = draw.chance(0.52)
        let manly: Float = sex == .male ? 1 : 0
        stubble = manly * (shaved ? draw.real(0.05, 0.45) : draw.real(0.3, 0.8)) * (dark || young.x < 0.05 ? 1 : 0.65)
        beard = shaved ? 0 : manly * (draw.chance(0.5) ? draw.real(0.3, 1) : 0)
        moustache = shaved ? 0 : manly * (draw.chance(0.7) ? draw.real(0.3, 1) : 0)
        draw = stream(12)
        freckles = tone < 0.3 && draw.chance(0.25) ? draw.real(0.2, 1) : 0

        draw = stream(13)
        let style: HairStyle
        if sex == .female {
            let curls: Float = tone > 0.55 ? 3 : 0.6
            let styles: [(HairStyle, Float)] = [
                (.long, 3), (.fringe, 1), (.bob, 1.6), (.tied, 2.2), (.curly, 0.5 * curls), (.afro, tone > 0.6 ? 1 : 0), (.short, age > 50 ? 1.5 : 0.3), (.sideParted, 0.2),
            ]
            style = draw.pick(styles)
        } else {
            let thin = ramp(35, 65, Float(age))
            let styles: [(HairStyle, Float)] = [
                (.short, 3), (.sideParted, 2), (.swept, 1.6), (.buzz, tone > 0.55 ? 4 : 1), (.curly, tone > 0.3 ? 0.8 : 0.4), (.afro, tone > 0.6 ? 0.6 : 0), (.receding, 3 * thin),
                (.bald, 0.3 + 1.6 * thin), (.long, 0.15),
            ]
            style = draw.pick(styles)
        }
        draw = stream(14)
        let glasses = traits.glasses ?? draw.chance(age > 45 ? 0.3 : 0.18)
        self.traits = FaceTraits(sex: sex, age: age, skinTone: traits.skinTone.map { min(max($0, 0), 1) } ?? Double(tone), glasses: glasses, hair: traits.hair ?? style)
    }

    /// The points of the face at rest, `[468]`.
    func points(_ model: FaceModel) -> [Vector] {
        var values = model.meanShape
        for (k, weight) in weights.conditions.enumerated() {
            for i in values.indices { values[i] += weight * model.shapeOfConditions[k * values.count + i] }
        }
        model.shape.add(weights.shape, to: &values)
        model.asymmetry.add(weights.asymmetry, to: &values)
        return (0..<FaceModel.points).map { Vector(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
    }
}

/// From sRGB 0…255 to linear 0…1.
func linear(_ colour: Vector) -> Vector {
    func one(_ value: Float) -> Float {
        let v = value / 255
        return v <= 0.04045 ? v / 12.92 : power((v + 0.055) / 1.055, 2.4)
    }
    return Vector(one(colour.x), one(colour.y), one(colour.z))
}

/// How often an effect of augmentation happens, and how strong it then is.
///
/// In a recipe it is written `{probability: 0.3, strength: [0.5, 2.5]}`, or as the probability alone, which keeps the usual strength.
public struct Effect: Codable, Hashable, Sendable {
    /// 0…1.
    public var probability: Float
    /// Uniform between these; what the number means is said where the effect is declared.
    public var strength: ClosedRange<Float>

    /// - Precondition: the probability is 0…1.
    public init(_ probability: Float, _ strength: ClosedRange<Float> = 1...1) {
        precondition(probability >= 0 && probability <= 1, "probability \(probability), expected 0…1")
        self.probability = probability
        self.strength = strength
    }

    /// Always of this strength.
    public static func always(_ strength: Float) -> Effect { Effect(1, strength...strength) }

    private enum Key: String, CodingKey { case probability, strength }

    public init(from decoder: any Decoder) throws { self = try Effect.decode(from: decoder, usual: nil) }

    /// - Parameter usual: the strength where only a probability is given; nil where it has to be said.
    fileprivate static func decode(from decoder: any Decoder, usual: ClosedRange<Float>?) throws -> Effect {
        func refuse(_ what: String) -> DecodingError { .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: what)) }
        let probability: Float
        var strength = usual
        if let alone = try? decoder.singleValueContainer().decode(Float.self) {
            probability = alone
        } else {
            let values = try decoder.container(keyedBy: Key.self)
            probability = try values.decode(Float.self, forKey: .probability)
            if values.contains(.strength) {
                let ends = try values.decode([Float].self, forKey: .strength)
                guard ends.count == 2, ends[0] <= ends[1], ends[0].isFinite, ends[1].isFinite else {
                    throw refuse("strength \(ends), expected [least, most]")
                }
                strength = ends[0]...ends[1]
            }
        }
        guard probability >= 0, probability <= 1 else { throw refuse("probability \(probability), expected 0…1") }
        guard let strength else { throw refuse("a strength [least, most] is missing") }
        return Effect(probability, strength)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(probability, forKey: .probability)
        try values.encode([strength.lowerBound, strength.upperBound], forKey: .strength)
    }
}

/// A set of effects, written as a dictionary of which any part may be left out: what is not said is as usual.
protocol EffectSet {
    typealias Field = (name: String, path: any WritableKeyPath<Self, Effect> & Sendable)
    static var fields: [Field] { get }
}

extension EffectSet {
    mutating func read(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: EffectName.self)
        for key in values.allKeys where !Self.fields.contains(where: { $0.name == key.stringValue }) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath + [key],
                    debugDescription: "unknown effect '\(key.stringValue)', expected one of \(Self.fields.map(\.name).joined(separator: ", "))"))
        }
        for field in Self.fields {
            let key = EffectName(stringValue: field.name)
            if values.contains(key) { self[keyPath: field.path] = try Effect.decode(from: values.superDecoder(forKey: key), usual: self[keyPath: field.path].strength) }
        }
    }

    func write(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: EffectName.self)
        for field in Self.fields { try values.encode(self[keyPath: field.path], forKey: EffectName(stringValue: field.name)) }
    }

    mutating func silence() {
        for field in Self.fields { self[keyPath: field.path].probability = 0 }
    }
}

struct EffectName: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// One throw for every effect of a sample, each from numbers of its own: a changed probability changes no other effect.
struct EffectDice {
    private let seed: UInt64

    init(_ random: inout SeededGenerator) { seed = random.next() }

    /// - Returns: the effect's strength, and numbers for what else it needs; nil where it does not happen.
    func roll(_ effect: Effect, _ name: String) -> (strength: Float, random: SeededGenerator)? {
        guard effect.probability > 0 else { return nil }
        var random = SeededGenerator(seed: StableHash.of(name, seed: seed))
        guard random.fraction() < effect.probability else { return nil }
        return (random.uniform(effect.strength), random)
    }
}

public enum Sex: String, Sendable, Hashable, Codable, CaseIterable {
    case female, male
}

public enum HairStyle: String, Sendable, Hashable, Codable, CaseIterable {
    case bald, receding, buzz, short, sideParted, swept, curly, afro, bob, long, fringe, tied
}

/// What is asked of a person; what is `nil` is drawn from the seed.
public struct FaceTraits: Sendable, Hashable, Codable {
    public var sex: Sex?
    /// Years; 18…80 is what the model knows, others are taken as the nearest.
    public var age: Double?
    /// 0 (light) … 1 (dark).
    public var skinTone: Double?
    public var glasses: Bool?
    public var hair: HairStyle?

    public init(sex: Sex? = nil, age: Double? = nil, skinTone: Double? = nil, glasses: Bool? = nil, hair: HairStyle? = nil) {
        self.sex = sex
        self.age = age
        self.skinTone = skinTone
        self.glasses = glasses
        self.hair = hair
    }
}

/// People made of one set's face and another set's voice, for numbers where people with both are few.
///
/// Fair for learning and measuring fusion, worthless for learning how a face sounds.
public struct PseudoPeople: Hashable, Sendable {
    public struct Person: Hashable, Sendable, Codable {
        public var face: String
        public var voice: String

        /// As an identity: `face+voice`.
        public var identity: String { "\(face)+\(voice)" }
    }

    /// In alphabetical order of faces.
    public let people: [Person]

    /// Pairs as many as there are of both, each identity once. Give one subset of a ``Split`` of each set, so that nobody's half crosses over.
    /// - Throws: where either is empty.
    public init(faces: some Sequence<String>, voices: some Sequence<String>, seed: UInt64) throws(DatasetError) {
        func order(_ identities: some Sequence<String>, _ stream: UInt64) -> [String] {
            Set(identities).map { (StableHash.of($0, seed: seed &+ stream), $0) }.sorted { $0 < $1 }.map(\.1)
        }
        let pairs = zip(order(faces, 1), order(voices, 2)).map { Person(face: $0, voice: $1) }
        guard !pairs.isEmpty else { throw DatasetError(.badData, "pseudo-people: no identity with a face, or none with a voice, to pair") }
        people = pairs.sorted { $0.face < $1.face }
    }
}

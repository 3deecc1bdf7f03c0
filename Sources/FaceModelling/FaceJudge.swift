import Biometrics
import Foundation
import FrontEnd
import MediaTypes
public import ModelBundle
import Recognition
public import SyntheticFaces

/// Measures drawn people with a face detector and a face encoder that know nothing of them.
///
/// Thread-bound.
public final class FaceJudge {
    public struct Findings: Sendable {
        public var renderings = 0
        public var found = 0
        /// Same people, different renderings; different people.
        public var same: [Float] = []
        public var different: [Float] = []
        public var equalErrorRate: Double = 1

        /// Part of the renderings in which the detector found the face.
        public var detection: Double { renderings > 0 ? Double(found) / Double(renderings) : 0 }
    }

    private let detector: FaceDetector
    private let encoder: FaceEncoder
    private let sampler = CropSampler()

    /// - Parameters:
    ///   - detector: YuNet or a network with its outputs.
    ///   - encoder: RGB (x − 127.5)/127.5, 112 × 112, as `face_mbf_512`.
    public init(detector: Graph, encoder: Graph) throws {
        self.detector = try FaceDetector(detector)
        self.encoder = try FaceEncoder(encoder, contract: .faceMBF512)
    }

    /// The embedding of the face that was drawn, or `nil` where the detector does not find it.
    func embed(_ scene: RenderedScene) throws -> [Float]? {
        let frame = scene.picture.frame
        let faces = try detector.detect(frame)
        guard let face = faces.first(where: { $0.box.intersectionOverUnion(scene.face.box) > 0.35 }), encoder.cut(frame, face.landmarks, with: sampler) else { return nil }
        var embedding = [Float](repeating: 0, count: encoder.dimension)
        try encoder.encode(into: &embedding)
        return embedding
    }

    /// - Parameters:
    ///   - people: so many identities, of the seeds `first`, `first + 1`, …
    ///   - renderings: of each.
    public func judge(_ model: FaceModel, people: Int, renderings: Int, first: UInt64 = 1, progress: (String) -> Void = { _ in }) throws -> Findings {
        var findings = Findings()
        var embeddings: [(person: Int, vector: [Float])] = []
        for person in 0..<people {
            if person % 20 == 0 { progress("person \(person) of \(people)") }
            let renderer = HeadRenderer(identity: FaceIdentity(seed: first + UInt64(person), model: model), model: model)
            for k in 0..<renderings {
                findings.renderings += 1
                if let vector = try embed(RenderedScene(renderer, number: (first + UInt64(person)) * 1000 + UInt64(k))) {
                    findings.found += 1
                    embeddings.append((person, vector))
                }
            }
        }
        var scores: [Float] = [], isSame: [Bool] = []
        for i in embeddings.indices {
            for j in 0..<i {
                let score = zip(embeddings[i].vector, embeddings[j].vector).reduce(0) { $0 + $1.0 * $1.1 }
                let same = embeddings[i].person == embeddings[j].person
                scores.append(score)
                isSame.append(same)
                if same { findings.same.append(score) } else { findings.different.append(score) }
            }
        }
        guard findings.same.count > 1, findings.different.count > 1 else { throw FaceModellingError("the detector found \(findings.found) of \(findings.renderings) drawn faces: too few to compare") }
        findings.equalErrorRate = OperatingCurve(try ScoredTrials(scores: scores, isSame: isSame)).equalErrorRate.rate
        return findings
    }

    /// Whether drawn people are copies of those that the model was computed from: for each drawn person the largest similarity to a person of the
    /// data drawn from their own weights, and for each of these the largest similarity to another of them.
    public func copies(_ model: FaceModel, drawn: Int, of people: [FaceWeights], progress: (String) -> Void = { _ in }) throws -> (drawn: [Float], real: [Float]) {
        /// Everything but the face is the same for all, so that hair does not tell people apart.
        func vectors(_ count: Int, _ weights: (Int) -> FaceWeights) throws -> [[Float]] {
            try (0..<count).compactMap { i in
                if i % 50 == 0 { progress("copying: \(i) of \(count)") }
                let weights = weights(i)
                let plain = FaceTraits(sex: weights.conditions[0] > 0 ? .female : .male, age: Double(40 + 20 * weights.conditions[1]), skinTone: 0.3, glasses: false, hair: .short)
                return try embed(RenderedScene(HeadRenderer(identity: FaceIdentity(seed: 7, traits: plain, weights: weights, model: model), model: model), number: 11))
            }
        }
        let own = try vectors(people.count) { people[$0] }
        let new = try vectors(drawn) { FaceIdentity(seed: UInt64(5000 + $0), model: model).weights }
        func nearest(_ a: [Float], _ skipping: Int?) -> Float {
            var best: Float = -1
            for (j, b) in own.enumerated() where j != skipping { best = max(best, zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }) }
            return best
        }
        return (new.map { nearest($0, nil) }, own.indices.map { nearest(own[$0], $0) })
    }

    /// The same in the model's own terms: the distance to the nearest person of the data in whitened weights of shape and colour.
    public static func distances(_ model: FaceModel, drawn: Int, of people: [FaceWeights]) -> (drawn: [Float], real: [Float]) {
        func vector(_ w: FaceWeights) -> [Float] { w.shape + w.light + w.chroma }
        let own = people.map(vector)
        let new = (0..<drawn).map { vector(FaceIdentity(seed: UInt64(5000 + $0), model: model).weights) }
        func nearest(_ a: [Float], _ skipping: Int?) -> Float {
            var best = Float.infinity
            for (j, b) in own.enumerated() where j != skipping {
                var sum: Float = 0
                for k in a.indices { sum += (a[k] - b[k]) * (a[k] - b[k]) }
                best = min(best, sum)
            }
            return best.squareRoot()
        }
        return (new.map { nearest($0, nil) }, own.indices.map { nearest(own[$0], $0) })
    }
}

public import MediaTypes

/// Every embedding of one clip, by track, and who the people in it are. Thread-bound.
public final class EvidenceCollection: EvidenceCollector {
    /// Mean embeddings of one person in one clip agree by more than this: `ScoreFusion.Scale.samePersonCosine` of the bundle's faces.
    private let samePersonCosine: Float

    public struct Face {
        public var embedding: [Float]
        public var quality: Float
        public var instant: Instant
    }

    public struct Voice {
        public var embedding: [Float]
        public var seconds: Float
        public var instant: Instant
    }

    /// One person's evidence over all their tracks.
    public struct Person {
        public var tracks: [TrackID]
        public var faces: [Face]
        public var voices: [Voice]
        /// Sum of the face's area in pixels over all frames.
        public var area: Float

        public var speechSeconds: Double { voices.reduce(0) { $0 + Double($1.seconds) } }
        public var mean: [Float] { EvidenceCollection.mean(faces) }

        /// The mean, and then pictures by quality that differ from one another.
        public func selectedFaces(limit: Int) -> [Face] {
            guard let best = faces.max(by: { $0.quality < $1.quality }) else { return [] }
            var chosen = [Face(embedding: mean, quality: best.quality, instant: best.instant)]
            for face in faces.sorted(by: { ($0.quality, $1.instant) > ($1.quality, $0.instant) }) where chosen.count < limit {
                guard face.quality >= 0.5 * best.quality else { break }
                let isNew = chosen.dropFirst().allSatisfy { EvidenceCollection.cosine($0.embedding, face.embedding) < 0.93 }
                if isNew || chosen.count < 3 { chosen.append(face) }
            }
            return chosen
        }
    }

    public init(samePersonCosine: Float) { self.samePersonCosine = samePersonCosine }

    private var facesByTrack: [TrackID: [Face]] = [:]
    private var voicesByTrack: [TrackID: [Int: Voice]] = [:]
    private var areaByTrack: [TrackID: Float] = [:]

    public func collectFace(_ embedding: [Float], quality: Float, track: TrackID, at instant: Instant) {
        facesByTrack[track, default: []].append(Face(embedding: embedding, quality: quality, instant: instant))
    }

    public func collectVoice(_ embedding: [Float], seconds: Float, track: TrackID, run: Int, at instant: Instant) {
        voicesByTrack[track, default: [:]][run] = Voice(embedding: embedding, seconds: seconds, instant: instant)
    }

    public func note(_ observation: FaceObservation) { areaByTrack[observation.track, default: 0] += observation.box.area }

    /// All speech, whoever spoke it.
    public var voices: [Voice] { voicesByTrack.values.flatMap(\.values).sorted { $0.instant < $1.instant } }

    /// Tracks joined into people, most pictures first; people who were hardly seen are left out.
    public func people() -> [Person] {
        var people: [Person] = []
        for (track, faces) in facesByTrack.sorted(by: { ($0.value.count, $1.key) > ($1.value.count, $0.key) }) {
            let own = voicesByTrack[track].map { $0.sorted { $0.key < $1.key }.map(\.value) } ?? []
            let mean = Self.mean(faces)
            if let index = people.firstIndex(where: { Self.cosine($0.mean, mean) > samePersonCosine }) {
                people[index].tracks.append(track)
                people[index].faces += faces
                people[index].voices += own
                people[index].area += areaByTrack[track] ?? 0
            } else {
                people.append(Person(tracks: [track], faces: faces, voices: own, area: areaByTrack[track] ?? 0))
            }
        }
        let most = people.map(\.faces.count).max() ?? 0
        return people.filter { $0.faces.count >= 2 && $0.faces.count * 8 >= most }
    }

    static func mean(_ faces: [Face]) -> [Float] {
        guard var sum = faces.first.map({ [Float](repeating: 0, count: $0.embedding.count) }) else { return [] }
        for face in faces {
            for index in sum.indices { sum[index] += face.quality * face.embedding[index] }
        }
        let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return norm > 0 ? sum.map { $0 / norm } : sum
    }

    static func cosine(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
}

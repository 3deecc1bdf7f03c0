import Foundation
import Gallery
import Testing

@Suite struct GallerySnapshotTests {
    /// The definition, in double precision: the mean of the two highest cosines, of the only one where there is one.
    static func reference(_ embedding: [Float], _ templates: [[Float]]) -> Double {
        func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        let cosines = templates.map { dot($0, embedding) / (dot($0, $0) * dot(embedding, embedding)).squareRoot() }.sorted(by: >)
        return cosines.prefix(2).reduce(0, +) / Double(min(2, cosines.count))
    }

    @Test(arguments: [2, 3, 15, 16, 17, 128, 501])
    func `Scores are those of the definition`(_ dimension: Int) throws {
        var random = SplitMix64(state: UInt64(dimension))
        let encoder = EncoderIdentity(fingerprint: "f", dimension: dimension)
        let gallery = try openGallery()
        var templates: [[[Float]]] = []
        for person in 0..<7 {
            let own = (0..<(1 + person % 4)).map { _ in random.direction(dimension) }
            templates.append(own)
            try gallery.enroll(.name("n\(person)"), own.map { face($0) }, encoders: [.face: encoder], policy: .none)
        }
        let snapshot = try gallery.snapshot(encoders: [.face: encoder])
        #expect(snapshot.people.map(\.name) == (0..<7).map { "n\($0)" })
        #expect(snapshot.templateCount(.face) == templates.joined().count)
        var scores = [Float](repeating: 9, count: 7)
        for _ in 0..<10 {
            let probe = random.direction(dimension)
            var span = scores.mutableSpan
            let match = snapshot.match(probe.span, modality: .face, scores: &span)
            let ranking = try #require(match)
            let expected = templates.map { Self.reference(probe, $0) }
            for person in 0..<7 {
                // Rounding of d products and of two unit norms.
                #expect(abs(Double(scores[person]) - expected[person]) < 1e-6 * (4 + Double(dimension).squareRoot()))
                #expect(snapshot.templateCount(person: person, modality: .face) == templates[person].count)
            }
            #expect(ranking.score == scores.max())
            #expect(scores[ranking.best] == ranking.score)
            let runnerUp = try #require(ranking.runnerUp)
            #expect(scores[runnerUp] == ranking.runnerUpScore)
            #expect(runnerUp != ranking.best)
            #expect(scores.indices.allSatisfy { $0 == ranking.best || scores[$0] <= scores[runnerUp] })
        }
    }

    @Test func `People without templates of a modality have no score in it`() throws {
        var random = SplitMix64(state: 20)
        let gallery = try openGallery()
        let probe = random.direction(33)
        try gallery.enroll(.name("seen"), [face(random.direction(67))], encoders: encoders)
        try gallery.enroll(.name("heard"), [voice(probe)], encoders: encoders)
        let snapshot = try gallery.snapshot(encoders: encoders)
        var scores = [Float](repeating: 0, count: 2)
        var span = scores.mutableSpan
        let match = snapshot.match(probe.span, modality: .voice, scores: &span)
        let ranking = try #require(match)
        #expect(scores[0] == GallerySnapshot.noScore)
        #expect(abs(scores[1] - 1) < 1e-5)
        #expect(ranking.best == 1)
        #expect(ranking.runnerUp == nil && ranking.runnerUpScore == nil)
        #expect(snapshot.people[1].name == "heard")
    }

    @Test func `Only the modalities that were asked for are in it`() throws {
        var random = SplitMix64(state: 21)
        let gallery = try openGallery()
        try gallery.enroll(.name("Ada"), [face(random.direction(67)), voice(random.direction(33))], encoders: encoders)
        let snapshot = try gallery.snapshot(encoders: [.voice: voiceEncoder])
        #expect(snapshot.templateCount(.face) == 0)
        #expect(snapshot.templateCount(.voice) == 1)
        var scores: [Float] = [0]
        var span = scores.mutableSpan
        let probe = random.direction(67)
        let ranking = snapshot.match(probe.span, modality: .face, scores: &span)
        #expect(ranking == nil)
        #expect(scores == [GallerySnapshot.noScore])
    }

    @Test func `An empty gallery, a zero and a damaged embedding match nobody`() throws {
        var random = SplitMix64(state: 22)
        let gallery = try openGallery()
        let empty = try gallery.snapshot(encoders: encoders)
        var none: [Float] = []
        var noSpan = none.mutableSpan
        let anybody = random.direction(67)
        let nobody = empty.match(anybody.span, modality: .face, scores: &noSpan)
        #expect(nobody == nil)

        try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        let snapshot = try gallery.snapshot(encoders: encoders)
        var broken = random.direction(67)
        broken[3] = .nan
        for probe in [[Float](repeating: 0, count: 67), broken] {
            var scores: [Float] = [1]
            var span = scores.mutableSpan
            let ranking = snapshot.match(probe.span, modality: .face, scores: &span)
            #expect(ranking == nil)
            #expect(scores == [GallerySnapshot.noScore])
        }
    }

    @Test func `A snapshot stays as it was when the gallery changes`() throws {
        var random = SplitMix64(state: 23)
        let gallery = try openGallery()
        try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        let snapshot = try gallery.snapshot(encoders: encoders)
        try gallery.enroll(.name("Bob"), [face(random.direction(67))], encoders: encoders)
        try gallery.rename(.name("Ada"), to: "Countess")
        #expect(snapshot.people.map(\.name) == ["Ada"])
        #expect(snapshot.revision == 1)
        #expect(try gallery.revision() == 3)
        #expect(try gallery.snapshot(encoders: encoders).revision == 3)
    }

    @Test func `Ranking of fused scores ignores people without one`() {
        let none = GallerySnapshot.noScore
        func rank(_ scores: [Float]) -> GallerySnapshot.Ranking? { GallerySnapshot.Ranking(scores: scores.span) }
        #expect(rank([none, none]) == nil)
        #expect(rank([]) == nil)
        let ranking = rank([none, 0.25, -0.5, 0.25])
        #expect(ranking?.best == 1)
        #expect(ranking?.runnerUp == 3)
        #expect(ranking?.runnerUpScore == 0.25)
    }
}

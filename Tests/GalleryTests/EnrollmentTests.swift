import Foundation
import Gallery
import Testing

@Suite struct EnrollmentTests {
    @Test func `A new person is created with the accepted templates`() throws {
        var random = SplitMix64(state: 1)
        let gallery = try openGallery()
        let center = random.direction(67), timbre = random.direction(33)
        let report = try gallery.enroll(
            .name("  Ada Lovelace "),
            [face(random.sample(around: center)), voice(random.sample(around: timbre)), face(random.sample(around: center))],
            encoders: encoders)
        #expect(report.isNew)
        #expect(report.outcomes == [.accepted, .accepted, .accepted])
        #expect(report.person.name == "Ada Lovelace")
        #expect(report.person.created == testDate)
        #expect(report.revision == 1)
        let list = try gallery.list()
        #expect(list.map(\.person) == [report.person])
        #expect(list[0].templateCounts == [.face: 2, .voice: 1])
        #expect(list[0].lastEnrolled == testDate)
        let detail = try gallery.show(.id(report.person.id))
        #expect(detail.templates.map(\.modality) == [.face, .face, .voice])
        #expect(detail.templates.map(\.dimension) == [67, 67, 33])
        #expect(try gallery.encoders() == encoders)
    }

    @Test func `Names are the same person without regard to case and Unicode form`() throws {
        var random = SplitMix64(state: 2)
        let gallery = try openGallery()
        let center = random.direction(67)
        let first = try gallery.enroll(.name("Zo\u{EB} Strauß"), [face(random.sample(around: center))], encoders: encoders)
        let second = try gallery.enroll(.name("ZOE\u{308} STRAUSS"), [face(random.sample(around: center))], encoders: encoders)
        #expect(!second.isNew)
        #expect(second.person == first.person)
        #expect(try gallery.list().count == 1)
    }

    @Test(arguments: ["", " \t", "a\nb", "a\u{0}b", "a\u{202E}b", String(repeating: "x", count: 101), "p_0123abcd"])
    func `A name that cannot be shown or told apart is refused`(_ name: String) throws {
        let gallery = try openGallery()
        var random = SplitMix64(state: 3)
        let error = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name(name), [face(random.direction(67))], encoders: encoders)
        }
        guard case .invalidName = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try gallery.revision() == 0)
    }

    @Test func `An outlier is left out and named`() throws {
        var random = SplitMix64(state: 4)
        let gallery = try openGallery()
        let center = random.direction(67)
        var candidates = (0..<5).map { _ in face(random.sample(around: center)) }
        candidates.insert(face(random.direction(67), origin: "stranger.png"), at: 2)
        let report = try gallery.enroll(.name("Ada"), candidates, encoders: encoders)
        #expect(report.acceptedCount == 5)
        guard case .outlier(let similarity, let threshold) = report.outcomes[2] else {
            Issue.record("\(report.outcomes[2])")
            return
        }
        #expect(similarity < threshold)
        #expect(try gallery.show(.name("Ada")).templates.count == 5)
    }

    @Test(arguments: [(1, 1), (3, 2), (4, 4), (6, 2)])
    func `Two people at once are refused and nothing is stored`(_ counts: (Int, Int)) throws {
        var random = SplitMix64(state: 5)
        let gallery = try openGallery()
        let a = random.direction(67), b = random.direction(67)
        let candidates =
            (0..<counts.0).map { _ in face(random.sample(around: a)) } + (0..<counts.1).map { _ in face(random.sample(around: b)) }
        let error = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name("Ada"), candidates, encoders: encoders)
        }
        let groups = [Array(0..<counts.0), Array(counts.0..<counts.0 + counts.1)]
        #expect(error == .severalPeople(modality: .face, groups: groups, threshold: 0.3))
        #expect(try gallery.list().isEmpty)
        #expect(try gallery.revision() == 0)
    }

    @Test func `The policy can be to take everything`() throws {
        var random = SplitMix64(state: 6)
        let gallery = try openGallery()
        let candidates = (0..<4).map { _ in face(random.direction(67)) }
        let report = try gallery.enroll(.name("Ada"), candidates, encoders: encoders, policy: .none)
        #expect(report.acceptedCount == 4)
    }

    @Test func `Templates of somebody else are not added to a person`() throws {
        var random = SplitMix64(state: 7)
        let gallery = try openGallery()
        let ada = try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders).person
        let error = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name("ada"), [face(random.direction(67))], encoders: encoders)
        }
        guard case .differentPerson(.face, ada, let similarity, 0.3) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(similarity < 0.3)
        #expect(try gallery.show(.id(ada.id)).templates.count == 1)
    }

    @Test func `Enrolling the same file twice changes nothing`() throws {
        var random = SplitMix64(state: 8)
        let gallery = try openGallery()
        let candidates = [face(random.direction(67))]
        let first = try gallery.enroll(.name("Ada"), candidates, encoders: encoders)
        let second = try gallery.enroll(.name("Ada"), candidates, encoders: encoders)
        #expect(second.outcomes == [.alreadyEnrolled])
        #expect(second.revision == first.revision)
    }

    @Test func `A dry run reports and stores nothing`() throws {
        var random = SplitMix64(state: 9)
        let gallery = try openGallery()
        let report = try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders, dryRun: true)
        #expect(report.outcomes == [.accepted])
        #expect(try gallery.list().isEmpty)
        #expect(try gallery.encoders().isEmpty)
        #expect(try gallery.revision() == 0)
    }

    @Test func `Another encoder is refused by name`() throws {
        var random = SplitMix64(state: 10)
        let gallery = try openGallery()
        try gallery.enroll(.name("Ada"), [face(random.direction(67))], encoders: encoders)
        let other = EncoderIdentity(fingerprint: "face-encoder@sha256:ffffffffffff", dimension: 67)
        let expected = GalleryError.encoderMismatch(modality: .face, path: ":memory:", expected: faceEncoder, got: other)
        let inserting = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name("Bob"), [face(random.direction(67))], encoders: [.face: other])
        }
        #expect(inserting == expected)
        let matching = galleryError { () throws(GalleryError) in _ = try gallery.snapshot(encoders: [.face: other]) }
        #expect(matching == expected)
        #expect(expected.description.contains(other.fingerprint) && expected.description.contains(faceEncoder.fingerprint))
        // The other modality is free to have its first encoder.
        #expect(try gallery.enroll(.name("Ada"), [voice(random.direction(33))], encoders: encoders).acceptedCount == 1)
    }

    @Test func `Unusable candidates are refused with their origin`() throws {
        let gallery = try openGallery()
        var nan = [Float](repeating: 1, count: 67)
        nan[66] = .nan
        let ones = [Float](repeating: 1, count: 67)
        let bad: [(TemplateCandidate, String)] = [
            (face(nan, origin: "b.png"), "finite"),
            (face([Float](repeating: 0, count: 67), origin: "b.png"), "zero"),
            (face([1, 2, 3], origin: "b.png"), "3 elements"),
            (face(ones, quality: 1.5, origin: "b.png"), "quality"),
            (face(ones, quality: .nan, origin: "b.png"), "quality"),
        ]
        for (candidate, reason) in bad {
            let error = galleryError { () throws(GalleryError) in
                _ = try gallery.enroll(.name("Ada"), [face(ones), candidate], encoders: encoders)
            }
            guard case .invalidCandidate(1, "b.png", let got) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(got.contains(reason))
        }
        let missing = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name("Ada"), [face(ones)], encoders: [.voice: voiceEncoder])
        }
        #expect(missing == .encoderMissing(modality: .face))
        let none = galleryError { () throws(GalleryError) in _ = try gallery.enroll(.name("Ada"), [], encoders: encoders) }
        #expect(none == .nothingToEnroll)
        #expect(try gallery.revision() == 0)
    }

    @Test func `The number of templates is bounded, and of similar ones the better stays`() throws {
        var random = SplitMix64(state: 11)
        let gallery = try openGallery()
        let distinct = (0..<Gallery.templatesPerPerson).map { _ in face(random.direction(67), quality: 0.5) }
        try gallery.enroll(.name("Ada"), distinct, encoders: encoders, policy: .none)
        // Nearly the 5th, once better and once worse.
        let better = face(random.sample(around: distinct[4].embedding, noise: 0.05), quality: 0.9, origin: "better")
        let first = try gallery.enroll(.name("Ada"), [better], encoders: encoders, policy: .none)
        #expect(first.outcomes == [.accepted])
        #expect(first.replaced == 1)
        let worse = face(random.sample(around: distinct[4].embedding, noise: 0.05), quality: 0.1, origin: "worse")
        let second = try gallery.enroll(.name("Ada"), [worse], encoders: encoders, policy: .none)
        #expect(second.outcomes == [.redundant])
        #expect(second.replaced == 0)
        #expect(second.revision == first.revision)
        let templates = try gallery.show(.name("Ada")).templates
        #expect(templates.count == Gallery.templatesPerPerson)
        #expect(templates.count { $0.origin == "better" } == 1)
        #expect(!templates.contains { $0.origin == "worse" })
    }

    @Test func `Ids do not collide even where chance repeats itself`() throws {
        var random = SplitMix64(state: 12)
        let draws = Draws(seed: 1)
        let gallery = try Gallery(path: ":memory:", clock: { testDate }, randomness: { draws.next() % 8 })
        var ids: Set<PersonID> = []
        for name in 0..<8 {
            ids.insert(try gallery.enroll(.name("n\(name)"), [face(random.direction(67))], encoders: encoders).person.id)
        }
        #expect(ids.count == 8)
        let error = galleryError { () throws(GalleryError) in
            _ = try gallery.enroll(.name("one more"), [face(random.direction(67))], encoders: encoders)
        }
        #expect(error == .identifiersExhausted)
    }

    @Test func `Origins do not carry folders`() {
        #expect(TemplateCandidate.origin(file: "/home/ada/private/a b.mp4", at: 12.34) == "a b.mp4@12.3s")
        #expect(TemplateCandidate.origin(file: "a.png") == "a.png")
    }
}

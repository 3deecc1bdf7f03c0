import Biometrics
import Foundation
import Gallery
import Recognition
import Testing

/// Galleries of people who do not exist: unit vectors around a direction of each person's own.
private struct MadeUpGallery {
    static let encoders: [Modality: EncoderIdentity] = [
        .face: EncoderIdentity(fingerprint: "face@test", dimension: 67), .voice: EncoderIdentity(fingerprint: "voice@test", dimension: 33),
    ]
    static let fusion = ScoreFusion(
        face: ScoreFusion.Scale(impostor: 0, genuine: 0.7, weight: 60), voice: ScoreFusion.Scale(impostor: 0, genuine: 0.6, weight: 9))
    static let bundle = MatchSettings(thresholds: [.face: 0.6, .voice: 0.75, .both: 0.56], margin: 0.08, fusion: fusion)

    let gallery: Gallery
    var generator: SeededGenerator

    init(seed: UInt64 = 1) throws {
        gallery = try Gallery(path: ":memory:", clock: { Date(timeIntervalSince1970: 0) })
        generator = SeededGenerator(seed: seed)
    }

    mutating func direction(_ dimension: Int) -> [Float] {
        (0..<dimension).map { _ in (0..<12).reduce(Float(-6)) { sum, _ in sum + Float(generator.below(1 << 20)) / Float(1 << 20) } }
    }

    mutating func enroll(
        _ name: String, faces: Int = 0, voices: Int = 0, noise: Float = 0.65, around given: [Float]? = nil,
        encoders: [Modality: EncoderIdentity] = MadeUpGallery.encoders
    ) throws {
        var candidates: [TemplateCandidate] = []
        for (modality, count, dimension) in [(Modality.face, faces, 67), (.voice, voices, 33)] {
            let center = modality == .face ? given ?? direction(dimension) : direction(dimension)
            for _ in 0..<count {
                let sample = zip(center, direction(dimension)).map { $0 + noise * $1 }
                candidates.append(TemplateCandidate(modality: modality, embedding: sample, quality: 0.8, origin: "test"))
            }
        }
        try gallery.enroll(.name(name), candidates, encoders: encoders, policy: .none)
    }

    mutating func enroll(people: Int, faces: Int = 0, voices: Int = 0, noise: Float = 0.65) throws {
        for person in 0..<people { try enroll("Person \(person)", faces: faces, voices: voices, noise: noise) }
    }

    var snapshot: GallerySnapshot { get throws { try gallery.snapshot(encoders: Self.encoders) } }

    func fit(_ falseAccept: Double, bundle: MatchSettings = MadeUpGallery.bundle) throws -> CalibrationFit {
        CalibrationFit(try snapshot, bundle: bundle, settings: ThresholdFit.Settings(falseAccept: falseAccept))
    }
}

extension CalibrationFit {
    fileprivate subscript(_ set: ModalitySet) -> ThresholdFit { sets[ModalitySet.allCases.firstIndex(of: set) ?? 0] }
}

@Suite struct GalleryComparisonTests {
    /// By the definition, with galleries that really lack the template.
    @Test func everyTemplateIsComparedAsIfItWereNotEnrolled() throws {
        var made = try MadeUpGallery()
        for (name, faces) in [("Ada", 3), ("Bea", 1), ("Cid", 2)] { try made.enroll(name, faces: faces) }
        let comparison = GalleryComparison(try made.snapshot, .face, fusion: MadeUpGallery.fusion)
        #expect(comparison.people == 3 && comparison.templates == 6)
        // Nobody is left to compare Bea's only template with.
        #expect(comparison.genuine == 5 && comparison.impostors == 12)

        let archive = try made.gallery.export()
        var index = 0
        for (owner, person) in archive.people.enumerated() {
            for (number, template) in person.templates.enumerated() {
                var without = archive
                without.people[owner].templates.remove(at: number)
                let rest = try Gallery(path: ":memory:")
                try rest.importArchive(without)
                let bytes = try #require(Data(base64Encoded: template.embedding))
                let embedding = stride(from: 0, to: bytes.count, by: 4).map { at in
                    Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) })
                }
                var scores = [Float](repeating: 0, count: 3)
                var span = scores.mutableSpan
                try rest.snapshot(encoders: MadeUpGallery.encoders).match(embedding.span, modality: .face, scores: &span)
                for other in scores.indices where scores[other] != GallerySnapshot.noScore {
                    let expected = try #require(MadeUpGallery.fusion.score(face: (scores[other], 0.8), voice: nil))
                    #expect(comparison.scores[index] == expected && comparison.pairs[index] == SIMD2(Int32(owner), Int32(other)))
                    index += 1
                }
            }
        }
        #expect(index == comparison.scores.count)
    }

    @Test func bothTakeEachTemplateOnce() throws {
        var made = try MadeUpGallery()
        try made.enroll("Ada", faces: 7, voices: 3)
        try made.enroll("Bea", faces: 2, voices: 5)
        try made.enroll("Cid", faces: 4)
        let snapshot = try made.snapshot
        let both = GalleryComparison(snapshot, .both, fusion: MadeUpGallery.fusion)
        #expect(both.people == 2 && both.templates == 5 && both.genuine == 5 && both.impostors == 5)
        let voice = GalleryComparison(snapshot, .voice, fusion: MadeUpGallery.fusion)
        #expect(voice.people == 2 && voice.templates == 8 && voice.impostors == 8)
    }

    @Test func oddSizes() throws {
        for set in ModalitySet.allCases {
            #expect(GalleryComparison(.empty, set, fusion: MadeUpGallery.fusion).scores.isEmpty)
        }
        var made = try MadeUpGallery()
        try made.enroll("Ada", faces: 1)
        let one = GalleryComparison(try made.snapshot, .face, fusion: MadeUpGallery.fusion)
        #expect(one.people == 1 && one.templates == 1 && one.scores.isEmpty)
        #expect(throws: MetricError.self) { try one.trials() }
    }
}

@Suite struct CalibrationFitTests {
    /// 6 people at 5 %: 6 · 3 / 0.05 = 360 comparisons of different people, which 72 templates make.
    @Test(arguments: [(12, true), (11, false)])
    func exactlyEnoughIsEnough(faces: Int, isEnough: Bool) throws {
        var made = try MadeUpGallery()
        try made.enroll(people: 6, faces: faces)
        let fit = try made.fit(0.05)
        if isEnough {
            guard case .fitted(let threshold, let estimate) = fit[.face].outcome else {
                Issue.record("\(fit[.face].outcome)")
                return
            }
            #expect(estimate.impostors == 360)
            #expect(estimate.rate(score: threshold, people: 6) <= 0.05 + 1e-9)
            #expect(fit.calibration?.entries.keys.map { $0 } == [[.face]])
        } else {
            #expect(fit[.face].outcome == .tooLittle([.templates(got: 66, needed: 72, impostors: 330, impostorsNeeded: 360)]))
            #expect("\(ThresholdFit.Shortage.templates(got: 66, needed: 72, impostors: 330, impostorsNeeded: 360))".contains("enroll 6 more"))
            #expect(fit.calibration == nil)
            #expect(abs(fit[.face].leastFalseAccept - 6 * 3.0 / 330) < 1e-12)
        }
        #expect(fit[.voice].outcome == .absent && fit[.both].outcome == .absent)
    }

    @Test func fewPeopleAreRefusedWithCounts() throws {
        var made = try MadeUpGallery()
        try made.enroll(people: 4, faces: 20)
        let fit = try made.fit(0.5)
        #expect(fit[.face].outcome == .tooLittle([.people(got: 4, needed: 5)]))
        // At one in a thousand 94 people with 32 templates each are not enough: 3000 templates and one person more.
        guard case .tooLittle(let shortages) = try made.fit(0.001)[.face].outcome else {
            Issue.record("not refused")
            return
        }
        #expect(shortages == [.people(got: 4, needed: 95), .templates(got: 80, needed: 3032, impostors: 240, impostorsNeeded: 285_000)])
    }

    @Test func oneTemplateOfEachSaysNothingAboutMisses() throws {
        var made = try MadeUpGallery()
        try made.enroll(people: 30, faces: 1)
        #expect(try made.fit(0.5)[.face].outcome == .tooLittle([.genuine(got: 0, needed: 20)]))
    }

    @Test(arguments: [0, 1])
    func oneOrNobody(people: Int) throws {
        var made = try MadeUpGallery()
        try made.enroll(people: people, faces: 1)
        let fit = try made.fit(0.01)
        #expect(fit.calibration == nil)
        if people == 0 {
            #expect(fit[.face].outcome == .absent)
        } else {
            guard case .tooLittle = fit[.face].outcome else {
                Issue.record("\(fit[.face].outcome)")
                return
            }
        }
        #expect(fit[.face].after == MadeUpGallery.bundle.thresholds[.face])
    }

    /// People who are easily told apart would allow any threshold; few of them do not know whom else there is.
    @Test(arguments: [0.5, 0.1, 0.05])
    func noThresholdIsLessCarefulThanTheFloor(falseAccept: Double) throws {
        var made = try MadeUpGallery()
        try made.enroll(people: 8, faces: 16, voices: 16, noise: 0.2)
        let fit = try made.fit(falseAccept)
        for set in ModalitySet.allCases {
            let before = try #require(MadeUpGallery.bundle.thresholds[set])
            #expect(fit[set].after >= before - ThresholdFit.mostLowering, "\(set)")
            guard case .fitted = fit[set].outcome else {
                Issue.record("\(set): \(fit[set].outcome)")
                continue
            }
        }
    }

    @Test func peopleWhoLookAlikeRaiseTheThreshold() throws {
        var made = try MadeUpGallery()
        let center = made.direction(67)
        for sibling in 0..<3 {
            let own = made.direction(67)
            try made.enroll("Sibling \(sibling)", faces: 24, noise: 0.3, around: zip(center, own).map { $0 + 0.9 * $1 })
        }
        try made.enroll(people: 7, faces: 24, noise: 0.3)
        let fit = try made.fit(0.05)
        guard case .fitted(let threshold, let estimate) = fit[.face].outcome else {
            Issue.record("\(fit[.face].outcome)")
            return
        }
        #expect(fit[.face].falseAccepts(0.6) > 0)
        #expect(threshold > 0.6 && fit[.face].falseAccepts(threshold) < fit[.face].falseAccepts(0.6))
        #expect(estimate.rate(score: threshold, people: 10) <= 0.05)
    }

    @Test func twoEntriesOfOnePersonCannotBeToldApart() throws {
        var made = try MadeUpGallery()
        let center = made.direction(67)
        try made.enroll("Ada", faces: 20, noise: 0.2, around: center)
        try made.enroll("Ada again", faces: 20, noise: 0.2, around: center)
        try made.enroll(people: 6, faces: 20, noise: 0.2)
        #expect(try made.fit(0.05)[.face].outcome == .unreachable)
    }

    @Test func expectedMissesAreCounted() throws {
        var made = try MadeUpGallery()
        try made.enroll(people: 6, faces: 12)
        let fit = try made.fit(0.05)[.face]
        #expect(fit.misses(-1) == 0 && fit.misses(1.01) == 1)
        #expect(fit.falseAccepts(0) == 360 && fit.falseAccepts(1.01) == 0)
    }
}

@Suite struct CalibratedMatchTests {
    private func calibrated() throws -> MadeUpGallery {
        var made = try MadeUpGallery(seed: 5)
        try made.enroll(people: 6, faces: 14, voices: 2)
        let calibration = try #require(try made.fit(0.05).calibration)
        try made.gallery.setCalibration(calibration, fittedTo: made.gallery.revision())
        return made
    }

    @Test func theGallerysThresholdTakesThePlaceOfTheBundles() throws {
        let made = try calibrated()
        var calibration = try #require(try made.snapshot.calibration)
        calibration.entries[[.face]]?.threshold = 0.7
        try made.gallery.setCalibration(calibration, fittedTo: made.gallery.revision())
        let snapshot = try made.snapshot
        let (settings, notes) = MadeUpGallery.bundle.calibrated(by: snapshot)
        let entry = try #require(snapshot.calibration?.entries[[.face]])
        #expect(notes == [])
        #expect(settings.thresholds[.face] == 0.7 && entry.threshold == 0.7)
        #expect(settings.thresholds[.voice] == 0.75 && settings.thresholds[.both] == 0.56)
        #expect(settings.falseAccepts.keys.map { $0 } == [.face] && settings.falseAccepts[.face]?.impostors == entry.impostors)
    }

    @Test func aMatchSaysHowProbablyItIsAStranger() throws {
        let made = try calibrated()
        let snapshot = try made.snapshot
        let settings = MadeUpGallery.bundle.calibrated(by: snapshot).settings
        let matcher = OpenSetMatcher(gallery: snapshot, settings: settings)
        let archive = try made.gallery.export(.name("Person 2"))
        let bytes = try #require(archive.people[0].templates.first { $0.modality == "face" }.flatMap { Data(base64Encoded: $0.embedding) })
        let embedding = stride(from: 0, to: bytes.count, by: 4).map { at in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) })
        }
        let known = try #require(matcher.match(face: (embedding, 1), voice: nil, holder: nil))
        #expect(known.verdict == .identified && known.best?.name == "Person 2")
        let score = try #require(known.score)
        #expect(known.falseAcceptEstimate == settings.falseAccepts[.face]?.rate(score: score, people: 6))
        let least = 6 * BinomialBound.upper(0, of: 14 * 6 * 5)
        #expect(abs(try #require(known.falseAcceptEstimate) - least) < 1e-12)
        // Without a calibration nothing is estimated.
        let plain = OpenSetMatcher(gallery: snapshot, settings: MadeUpGallery.bundle)
        #expect(plain.match(face: (embedding, 1), voice: nil, holder: nil)?.falseAcceptEstimate == nil)
    }

    @Test func anotherScoreScaleIsNotUsed() throws {
        let snapshot = try calibrated().snapshot
        var bundle = MadeUpGallery.bundle
        bundle.fusion.face.genuine = 0.8
        let (settings, notes) = bundle.calibrated(by: snapshot)
        #expect(settings == bundle && notes.count == 1 && notes[0].contains("another scale"))
    }

    /// Everybody but those without a face is gone, and faces come from another encoder.
    @Test func anotherEncoderIsNotUsed() throws {
        var made = try calibrated()
        try made.enroll("Zoe", voices: 1)
        for person in 0..<6 { try made.gallery.remove(.name("Person \(person)")) }
        var others = MadeUpGallery.encoders
        others[.face] = EncoderIdentity(fingerprint: "face@other", dimension: 67)
        try made.enroll("Yan", faces: 1, encoders: others)
        let snapshot = try made.gallery.snapshot(encoders: others)
        let (settings, notes) = MadeUpGallery.bundle.calibrated(by: snapshot)
        #expect(settings == MadeUpGallery.bundle)
        #expect(notes.count == 2 && notes[0].contains("made with face@test") && notes[0].contains("face@other"))
    }

    @Test func aCalibrationOlderThanThePeopleIsUsedAndSaidToBe() throws {
        var made = try calibrated()
        let before = MadeUpGallery.bundle.calibrated(by: try made.snapshot).settings
        try made.enroll("Zoe", faces: 3)
        let (settings, notes) = MadeUpGallery.bundle.calibrated(by: try made.snapshot)
        #expect(settings == before && notes.count == 1 && notes[0].contains("older"))
    }

    /// However a threshold came into the file.
    @Test func aThresholdBelowTheFloorIsRaisedToIt() throws {
        let made = try calibrated()
        var calibration = try #require(try made.snapshot.calibration)
        calibration.entries[[.face]]?.threshold = 0.1
        try made.gallery.setCalibration(calibration, fittedTo: made.gallery.revision())
        let settings = MadeUpGallery.bundle.calibrated(by: try made.snapshot).settings
        #expect(settings.thresholds[.face] == 0.6 - ThresholdFit.mostLowering)
    }
}

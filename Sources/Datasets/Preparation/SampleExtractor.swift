import Foundation
import MediaFiles
import MediaTypes
import ModelBundle
import Recognition

/// What one file gave.
struct ExtractedFile: Sendable {
    var rows: [ShardRow] = []
    var taken = TakenCounts()
    var refused: [Refusal] = []
    var mediaSeconds = 0.0

    mutating func refuse(_ what: Refusal.Subject, _ reason: RefusalReason, count: Int = 1, _ detail: String? = nil) {
        guard count > 0 else { return }
        refused.append(Refusal(what, reason, count: count, detail: detail))
    }
}

/// Turns one file after another into rows, with the recognition that the agent runs.
///
/// What a file gives depends on the file and the settings alone, not on the files before it. Networks are built once; thread-bound.
final class SampleExtractor {
    private let settings: PrepareSettings
    private let bundle: RecognitionBundle?
    private let models: RecognitionModels?
    private let cutter = FaceCutter()

    /// - Parameter bundle: `nil` where only aligned pictures are taken.
    init(settings: PrepareSettings, bundle: RecognitionBundle?) throws {
        self.settings = settings
        self.bundle = bundle
        // The voice encoder and the dense landmarks answer nothing that is kept.
        models = try bundle?.makeModels(except: [.voiceEncoder, .faceLandmarks])
    }

    /// Never throws for what is wrong with the file: that is a refusal.
    func extract(_ item: SourceItem) throws -> ExtractedFile {
        var file = ExtractedFile()
        do {
            if try PictureReader.isPicture(item.path) {
                try picture(item, &file)
            } else if settings.isAligned {
                file.refuse(.file, .notMedia, "not a picture; with --aligned only pictures are taken")
            } else {
                try clip(item, &file)
            }
        } catch let error as MediaError {
            let reason: RefusalReason =
                switch error {
                case .notMedia, .unsupportedCodec: .notMedia
                case .damagedHeader, .nothingDecodes, .emptyFile: .damaged
                default: .unreadable
                }
            file.refuse(.file, reason, "\(error.cause)")
        }
        return file
    }

    // MARK: Pictures

    private func picture(_ item: SourceItem, _ file: inout ExtractedFile) throws {
        let picture = try PictureReader.read(item.path)
        if let damage = picture.damage.first { return file.refuse(.file, .damaged, "\(damage)") }
        let frame = picture.frame
        let outcome: FaceCutter.Outcome
        if settings.isAligned {
            guard frame.width == SampleColumns.faceSide, frame.height == SampleColumns.faceSide else {
                return file.refuse(.file, .wrongSize, "\(frame.width)×\(frame.height), expected an aligned face of 112×112")
            }
            outcome = cutter.aligned(frame, settings)
        } else {
            guard let detector = models?.faceDetector else { return file.refuse(.file, .noFace, "no face detector") }
            let faces = try detector.detect(frame)
            guard let largest = faces.max(by: { $0.box.area < $1.box.area }) else { return file.refuse(.file, .noFace) }
            var chosen = largest
            switch item.subject ?? settings.subject {
            case .only:
                // A face in the background is not a second candidate.
                let rivals = faces.count { $0.box.area > 0.25 * largest.box.area }
                guard rivals == 1 else { return file.refuse(.file, .severalFaces, "\(rivals) faces; choose with --face largest or --face middle") }
            case .middle:
                chosen = faces.min { Self.distance($0.box, frame) < Self.distance($1.box, frame) } ?? largest
            case .largest, .speaking: break
            case .track: return file.refuse(.file, .noSuchTrack, "a picture has no tracks")
            }
            outcome = cutter.face(frame, box: chosen.box, landmarks: chosen.landmarks, detection: chosen.score, settings)
        }
        switch outcome {
        case .refused(let reason): file.refuse(.file, reason)
        case .taken(let crop, let quality):
            file.rows.append(
                ShardRow([
                    SampleColumns.identity: ShardValue(item.identity), SampleColumns.session: ShardValue(item.session), SampleColumns.file: ShardValue(item.name),
                    SampleColumns.start: ShardValue(Int64(0)), SampleColumns.track: ShardValue(Int32(0)), SampleColumns.face: ShardValue(crop, entries: 1),
                    SampleColumns.faceInstant: ShardValue(Int64(0)), SampleColumns.faceQuality: ShardValue(quality, entries: 1),
                ]))
            file.taken.rows = 1
            file.taken.faces = 1
        }
    }

    private static func distance(_ box: BoundingBox, _ frame: VideoFrame) -> Float {
        let dx = box.centre.x / Float(frame.width) - 0.5
        let dy = box.centre.y / Float(frame.height) - 0.5
        return dx * dx + dy * dy
    }

    // MARK: Clips and recordings

    /// All that one pass over a clip gathers.
    private struct Material {
        var films: [TrackID: FaceFilm] = [:]
        var sound = SoundRecord()
        let speech = SpeechRecord()
        let people: EvidenceCollection
        var hasVideo: Bool
        var hasSound: Bool
        var end = Instant.zero
    }

    private func clip(_ item: SourceItem, _ file: inout ExtractedFile) throws {
        let reader = try MediaReader(path: item.path)
        let material = try watch(reader, item, &file)
        if reader.damageCount > 0 {
            file.refuse(.row, .damaged, count: reader.damageCount, reader.damage.first.map { "\($0)" })
        }
        file.mediaSeconds = material.end.seconds - (item.start ?? 0)
        if material.hasVideo { try takeFaces(item, material, &file) } else { takeRecording(item, material, &file) }
    }

    private func watch(_ reader: MediaReader, _ item: SourceItem, _ file: inout ExtractedFile) throws -> Material {
        guard let bundle, let models else { throw DatasetError(.configuration, "clips need a model bundle; give --reference-models") }
        models.reset()
        let recognizer = try bundle.makeRecognizer(models: models)
        var material = Material(people: EvidenceCollection(samePersonCosine: recognizer.samePersonCosine), hasVideo: reader.streams.video != nil, hasSound: reader.streams.audio != nil)
        recognizer.collector = material.people
        recognizer.speechCollector = material.speech
        let start = Instant.seconds(item.start ?? 0)
        let limit = start + .seconds(settings.longestFile)
        let end = item.end.map { min(.seconds($0), limit) } ?? limit
        reading: while let next = reader.next() {
            switch next {
            case .video(let frame):
                guard frame.instant >= start else { continue }
                guard frame.instant < end else { break reading }
                try recognizer.consume(frame)
                for observation in recognizer.observations {
                    material.people.note(observation)
                    let film = material.films[observation.track] ?? FaceFilm()
                    material.films[observation.track] = film
                    film.take(observation, frame, settings, cutter)
                }
                material.end = frame.instant
            case .audio(let block):
                guard block.start >= start else { continue }
                guard block.start < end else { break reading }
                try recognizer.consume(block)
                material.sound.append(block)
                if !material.hasVideo { material.end = block.end }
            }
            recognizer.takeDecisions { _ in }
        }
        try recognizer.finish()
        if item.end == nil, material.end + .milliseconds(100) > limit {
            file.refuse(.row, .tooLong, "the first \(settings.longestFile) s were read; name parts of it in a manifest")
        }
        return material
    }

    /// The tracks of the labelled person; a refusal where it is not clear who that is.
    private func tracks(_ item: SourceItem, _ material: Material, _ file: inout ExtractedFile) -> [TrackID]? {
        let people = material.people.people()
        guard !people.isEmpty else {
            let small = material.films.values.reduce(0) { $0 + $1.tooSmall }
            file.refuse(.file, small > 0 ? .tooSmall : .noFace, small > 0 ? "no face of \(settings.smallestFace) pixels or more for half a second" : nil)
            return nil
        }
        func sum(_ person: EvidenceCollection.Person, _ value: (FaceFilm) -> Float) -> Float {
            person.tracks.reduce(0) { $0 + (material.films[$1].map(value) ?? 0) }
        }
        switch item.subject ?? settings.subject {
        case .only:
            guard people.count == 1 else {
                file.refuse(.file, .severalFaces, "\(people.count) faces; choose with --face largest, --face speaking or a manifest")
                return nil
            }
            return people[0].tracks
        case .largest: return people.max { sum($0, \.area) < sum($1, \.area) }?.tracks
        case .middle:
            func distance(_ person: EvidenceCollection.Person) -> Float { sum(person, \.distanceFromMiddle) / max(1, sum(person) { Float($0.frames) }) }
            return people.min { distance($0) < distance($1) }?.tracks
        case .speaking:
            guard let speaker = people.max(by: { material.speech.seconds($0.tracks) < material.speech.seconds($1.tracks) }),
                material.speech.seconds(speaker.tracks) > 0
            else {
                file.refuse(.file, .noSpeech, material.hasSound ? "none of \(people.count) faces speaks" : "there is no sound in it")
                return nil
            }
            return speaker.tracks
        case .track(let number):
            guard let person = people.first(where: { $0.tracks.contains(TrackID(number)) }) else {
                file.refuse(.file, .noSuchTrack, "track \(number); those with a usable face are \(people.flatMap(\.tracks).sorted().map { "\($0)" }.joined(separator: ", "))")
                return nil
            }
            return person.tracks
        }
    }

    private func takeFaces(_ item: SourceItem, _ material: Material, _ file: inout ExtractedFile) throws {
        guard let tracks = tracks(item, material, &file) else { return }
        var short = 0
        for track in tracks.sorted() {
            guard let film = material.films[track] else { continue }
            file.refuse(.face, .tooSmall, count: film.tooSmall)
            file.refuse(.face, .tooBlurred, count: film.tooBlurred)
            for segment in film.segments {
                for piece in pieces(segment.gridFrames) {
                    guard let piece else {
                        short += 1
                        continue
                    }
                    if !take(item, material, track, segment, piece, &file) { short += 1 }
                }
            }
        }
        if file.rows.isEmpty {
            // The most frequent reason is the file's.
            let most = file.refused.filter { $0.what == .face }.max { $0.count < $1.count }
            file.refuse(.file, most?.reason ?? .noFace, most == nil ? "no face was followed for \(settings.shortestRow) s" : nil)
        } else {
            file.refuse(.row, .tooShort, count: short)
            if !material.hasSound { file.refuse(.sound, .noSound) } else if file.taken.speechSeconds == 0 { file.refuse(.sound, .noSpeech) }
        }
    }

    /// Equal pieces of so many grid frames, none longer than a row may be; `nil` for one that is too short.
    private func pieces(_ gridFrames: Int) -> [Range<Int>?] {
        let longest = Int(settings.longestRow / SpeakingGrid.span.seconds)
        let shortest = Int((settings.shortestRow / SpeakingGrid.span.seconds).rounded(.up))
        guard gridFrames >= shortest else { return [nil] }
        let count = (gridFrames + longest - 1) / longest
        return (0..<count).map { $0 * gridFrames / count..<($0 + 1) * gridFrames / count }
    }

    /// - Returns: false where no face of the piece was good enough.
    private func take(
        _ item: SourceItem, _ material: Material, _ track: TrackID, _ segment: FaceFilm.Segment, _ piece: Range<Int>, _ file: inout ExtractedFile
    ) -> Bool {
        let grid = segment.firstGridFrame + piece.lowerBound..<segment.firstGridFrame + piece.upperBound
        let start = SpeakingGrid.instant(grid.lowerBound)
        // A picture stands for the grid frame that is nearest to it.
        let faces = segment.faces.filter { grid.contains(SpeakingGrid.index(at: $0.instant)) }
        guard !faces.isEmpty else { return false }
        var values: [String: ShardValue] = [
            SampleColumns.identity: ShardValue(item.identity), SampleColumns.session: ShardValue(item.session), SampleColumns.file: ShardValue(item.name),
            SampleColumns.start: ShardValue(start.nanoseconds), SampleColumns.track: ShardValue(Int32(truncatingIfNeeded: track.value)),
            SampleColumns.face: ShardValue(faces.flatMap(\.crop), entries: faces.count),
            SampleColumns.faceInstant: ShardValue(faces.map { ($0.instant - start).nanoseconds }, entries: faces.count),
            SampleColumns.faceQuality: ShardValue(faces.flatMap(\.quality), entries: faces.count),
        ]
        func crops(_ all: [UInt8], _ size: Int) -> ShardValue { ShardValue(Array(all[piece.lowerBound * size..<piece.upperBound * size]), entries: piece.count) }
        if settings.mouths.contains(.lips) {
            values[SampleColumns.mouth] = crops(segment.lips, SampleColumns.mouthSide * SampleColumns.mouthSide)
            file.taken.mouths += piece.count
        }
        if settings.mouths.contains(.speakingFace) {
            values[SampleColumns.speakingFace] = crops(segment.speakingFaces, segment.speakingFaces.count / segment.gridFrames)
        }
        if material.hasSound {
            let odds = material.speech.logOdds[track]
            values[SampleColumns.speaking] = ShardValue(grid.map { odds?[$0] ?? .nan }, entries: piece.count)
            let marks = grid.map { frame -> UInt8 in
                switch material.speech.speech[frame] {
                case nil: SampleColumns.Speech.none
                case .face(track): SampleColumns.Speech.own
                default: SampleColumns.Speech.other
                }
            }
            values[SampleColumns.speech] = ShardValue(marks, entries: piece.count)
            keepSound(grid, marks, material, &values, &file)
        }
        file.rows.append(ShardRow(values))
        file.taken.rows += 1
        file.taken.faces += faces.count
        return true
    }

    /// Keeps the sound of a row in which its person speaks for long enough.
    private func keepSound(
        _ grid: Range<Int>, _ marks: [UInt8], _ material: Material, _ values: inout [String: ShardValue], _ file: inout ExtractedFile
    ) {
        let speech = Double(marks.count { $0 == SampleColumns.Speech.own }) * SpeakingGrid.span.seconds
        guard speech >= settings.leastSpeech, speech > 0 else { return }
        let samples = material.sound.between(SpeakingGrid.instant(grid.lowerBound), SpeakingGrid.instant(grid.upperBound))
        values[SampleColumns.sound] = ShardValue(samples, entries: samples.count)
        values[SampleColumns.soundQuality] = ShardValue([material.speech.signalToNoise(grid), Float(speech)], entries: 1)
        file.taken.soundSeconds += Double(samples.count) / Double(AudioFormat.sampleRate)
        file.taken.speechSeconds += speech
    }

    /// Speech of a recording, whose only speaker is the labelled person.
    private func takeRecording(_ item: SourceItem, _ material: Material, _ file: inout ExtractedFile) {
        /// Grid frames of silence that a stretch of speech may hold.
        let longestPause = 8
        var stretches: [Range<Int>] = []
        for frame in material.speech.speech.keys.sorted() {
            if let last = stretches.last, frame - last.upperBound <= longestPause {
                stretches[stretches.count - 1] = last.lowerBound..<frame + 1
            } else {
                stretches.append(frame..<frame + 1)
            }
        }
        guard !stretches.isEmpty else { return file.refuse(.file, .noSpeech) }
        var short = 0
        for stretch in stretches {
            for piece in pieces(stretch.count) {
                guard let piece else {
                    short += 1
                    continue
                }
                let grid = stretch.lowerBound + piece.lowerBound..<stretch.lowerBound + piece.upperBound
                let marks = grid.map { material.speech.speech[$0] == nil ? SampleColumns.Speech.none : SampleColumns.Speech.own }
                var values: [String: ShardValue] = [
                    SampleColumns.identity: ShardValue(item.identity), SampleColumns.session: ShardValue(item.session),
                    SampleColumns.file: ShardValue(item.name), SampleColumns.start: ShardValue(SpeakingGrid.instant(grid.lowerBound).nanoseconds),
                    SampleColumns.track: ShardValue(Int32(0)), SampleColumns.speech: ShardValue(marks, entries: marks.count),
                ]
                keepSound(grid, marks, material, &values, &file)
                guard values[SampleColumns.sound] != nil else {
                    short += 1
                    continue
                }
                file.rows.append(ShardRow(values))
                file.taken.rows += 1
            }
        }
        if file.rows.isEmpty { file.refuse(.file, .tooShort, "\(stretches.count) stretches of speech, none of \(settings.shortestRow) s") } else { file.refuse(.row, .tooShort, count: short) }
    }
}

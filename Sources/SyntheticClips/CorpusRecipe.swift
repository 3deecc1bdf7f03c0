import Biometrics
import Foundation
import GroundTruth
public import MediaFiles
public import ModelBundle
import SyntheticFaces
public import SyntheticVoices

/// How a corpus of clips is drawn: a range for everything, and a seed. `models/synthesis/corpus.yaml` is an example with a comment for every key.
public struct CorpusRecipe: Sendable {
    public var seed: UInt64
    public var clips: Int
    /// People in all of it, each in several clips.
    public var identities: Int
    public var sizes: [(width: Int, height: Int)]
    public var rates: [Double]
    public var duration: ClosedRange<Double>
    /// In the picture.
    public var people: ClosedRange<Int>
    /// Distance of the eyes in parts of the picture's height.
    public var head: ClosedRange<Double>
    /// Degrees to either side.
    public var yaw: ClosedRange<Double>
    public var liveliness: ClosedRange<Double>
    /// Probabilities: that a turn begins before the last one ends, that a turn has no sound or another's, that somebody is heard who is not seen.
    public var overlap = 0.0, silent = 0.0, dubbed = 0.0, offScreen = 0.0
    public var pause: ClosedRange<Double>
    public var offset: ClosedRange<Double>
    public var drift: ClosedRange<Double>
    public var reverberation: ClosedRange<Double>?
    public var distance: ClosedRange<Double>
    public var noises: [SoundScene.Background]
    public var signalToNoise: ClosedRange<Double>
    public var lines: [SoundScene.Line]
    public var blur: ClosedRange<Double>, motion: ClosedRange<Double>, grain: ClosedRange<Double>, light: ClosedRange<Double>, resolution: ClosedRange<Double>
    /// Probabilities of a stretch without picture, without sound, of a picture that stands still, of a jump of the exposure, of something in front.
    public var dropVideo = 0.0, dropSound = 0.0, freeze = 0.0, exposure = 0.0, cover = 0.0
    /// How long those last.
    public var length: ClosedRange<Double>
    /// Of frames: at most this much of the time between two.
    public var jitter = 0.0
    public var formats: [ClipFormat]
    public var quality: ClosedRange<Double>
    /// Background pictures beside generated rooms; paths.
    public var pictures: [String]

    public init(contentsOf path: String, overrides: [(key: String, value: String)] = []) throws {
        let yaml: String
        do { yaml = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw ClipError(FileManager.default.fileExists(atPath: path) ? .badData : .noInput, "\(path): this recipe cannot be read: \(error.localizedDescription); expected a YAML file")
        }
        try self.init(yaml: yaml, file: path, overrides: overrides)
    }

    public init(yaml: String, file: String, overrides: [(key: String, value: String)] = []) throws(BundleError) {
        var top = try YAMLSection(yaml: yaml, file: file, overrides: overrides)
        seed = try top.optionalSeed("seed") ?? 0
        guard let count = try top.optionalInteger("clips", in: 1...10_000_000) else { throw top.problem("clips", "missing; how many?") }
        clips = count
        identities = try top.optionalInteger("identities", in: 1...1_000_000) ?? max(2, count / 8)
        sizes = [(320, 240)]
        let texts = try top.texts("size")
        if !texts.isEmpty {
            sizes = []
            for text in texts { sizes.append(try top.size(text, "size")) }
        }
        rates = []
        for text in try top.texts("rate") {
            guard let rate = Double(text), (1...120).contains(rate) else { throw top.problem("rate", "‘\(text)’ is no number from 1 to 120") }
            rates.append(rate)
        }
        if rates.isEmpty { rates = [25] }
        duration = try top.optionalTimeSpan("duration") ?? 4...4
        if duration.lowerBound < 0.5 || duration.upperBound > 600 { throw top.problem("duration", "expected 500ms to 600s") }
        let span = try top.optionalSpan("people", in: 1...6) ?? 1...1
        people = Int(span.lowerBound)...Int(span.upperBound)
        if people.upperBound > identities { throw top.problem("people", "\(people.upperBound) in a clip, but the corpus has \(identities)") }
        head = try top.optionalSpan("head", in: 0.02...0.4) ?? 0.12...0.2
        yaw = try top.optionalSpan("yaw", in: 0...60) ?? 0...18
        liveliness = try top.optionalSpan("liveliness", in: 0...3) ?? 0.6...1.3
        jitter = try top.optionalReal("jitter", in: 0...0.4) ?? 0

        var speech = try top.sectionOrEmpty("speech")
        overlap = try speech.optionalReal("overlap", in: 0...1) ?? 0
        silent = try speech.optionalReal("silent", in: 0...1) ?? 0
        dubbed = try speech.optionalReal("dubbed", in: 0...1) ?? 0
        if silent + dubbed > 1 { throw speech.problem("dubbed", "with silent more than 1") }
        offScreen = try speech.optionalReal("off_screen", in: 0...1) ?? 0
        pause = try speech.optionalTimeSpan("pause") ?? 0.2...0.8
        try speech.finish()
        if dubbed + offScreen > 0, identities < 2 { throw top.problem("identities", "1, but another's voice needs somebody else") }

        var sound = try top.sectionOrEmpty("sound")
        offset = try sound.optionalTimeSpan("offset", isSigned: true) ?? 0...0
        drift = try sound.optionalTimeSpan("drift", isSigned: true) ?? 0...0
        if max(abs(drift.lowerBound), abs(drift.upperBound)) > 0.05 { throw sound.problem("drift", "expected no more than 50ms either way") }
        if max(abs(offset.lowerBound), abs(offset.upperBound)) > 10 { throw sound.problem("offset", "expected no more than 10s either way") }
        reverberation = try sound.optionalSpan("reverberation", in: 0.02...1)
        distance = try sound.optionalSpan("distance", in: 0.1...10) ?? 0.5...1
        noises = try sound.choices("noise") ?? [.none]
        signalToNoise = try sound.optionalSpan("signal_to_noise", in: -10...80) ?? 10...25
        lines = try sound.choices("line") ?? [.wide]
        try sound.finish()

        var camera = try top.sectionOrEmpty("camera")
        blur = try camera.optionalSpan("blur", in: 0...50) ?? 0...1
        motion = try camera.optionalSpan("motion", in: 0...200) ?? 0...0
        grain = try camera.optionalSpan("grain", in: 0...80) ?? 1...4
        light = try camera.optionalSpan("light", in: 0.02...1) ?? 1...1
        resolution = try camera.optionalSpan("resolution", in: 0.05...1) ?? 1...1
        try camera.finish()

        var changes = try top.sectionOrEmpty("changes")
        dropVideo = try changes.optionalReal("drop_video", in: 0...1) ?? 0
        dropSound = try changes.optionalReal("drop_sound", in: 0...1) ?? 0
        freeze = try changes.optionalReal("freeze", in: 0...1) ?? 0
        exposure = try changes.optionalReal("exposure", in: 0...1) ?? 0
        cover = try changes.optionalReal("cover", in: 0...1) ?? 0
        length = try changes.optionalTimeSpan("length") ?? 0.3...1
        if length.lowerBound <= 0 { throw changes.problem("length", "expected more than 0s") }
        try changes.finish()

        var format = try top.sectionOrEmpty("format")
        let container: ClipFormat.Container = try format.choice("container", default: .mp4)
        let base = ClipFormat(endingOf: "clip." + container.rawValue) ?? ClipFormat()
        let videos: [ClipFormat.VideoCodec?] = try format.choices("video").map { $0.map { $0 } } ?? [base.video]
        let sounds: [ClipFormat.SoundCodec] = try format.choices("sound") ?? [base.sound]
        quality = try format.optionalSpan("quality", in: 0...51) ?? 20...30
        let (videoBits, soundBits) = (try format.optionalBitRate("video_bits"), try format.optionalBitRate("sound_bits"))
        try format.finish()
        formats = []
        for video in videos {
            for sound in sounds {
                var made = base
                (made.video, made.sound, made.videoBitRate, made.soundBitRate) = (video, sound, videoBits, soundBits)
                if let (part, reason) = made.impossibility { throw format.problem(part == .video ? "video" : "sound", reason) }
                formats.append(made)
            }
        }

        pictures = []
        if let folder = try top.optionalText("pictures") {
            let path = folder.hasPrefix("/") ? folder : ((file as NSString).deletingLastPathComponent as NSString).appendingPathComponent(folder)
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { ["jpg", "jpeg", "png", "webp"].contains(($0 as NSString).pathExtension.lowercased()) }
            guard !names.isEmpty else { throw top.problem("pictures", "\(path): no pictures in it (jpg, png, webp)") }
            pictures = names.sorted().map { (path as NSString).appendingPathComponent($0) }
        }
        try top.finish()
    }

    /// Name of a clip in the corpus, without its ending.
    public static func name(_ number: Int) -> String { String(format: "%03d/%06d", number / 1000, number) }

    public static func identity(_ number: Int) -> String { String(format: "s%06d", number) }

    /// The scene of a clip; it depends on the recipe and the number alone.
    public func scene(_ number: Int) -> Scene {
        var random = SeededGenerator(seed: seed, stream: number)
        func pick<T>(_ list: [T]) -> T { list[random.below(list.count)] }
        func draw(_ range: ClosedRange<Double>, digits: Double = 1000) -> Double { (random.uniform(range) * digits).rounded() / digits }
        let clipSeed = random.next() >> 32
        let size = pick(sizes), rate = pick(rates), length = (random.uniform(duration) * 25).rounded() / 25
        let seen = people.lowerBound + random.below(people.count)
        let isVoiceOver = random.chance(offScreen)
        let cast = random.sample(min(identities, seen + 1), of: Array(0..<identities))
        var persons: [Scene.Person] = []
        for index in 0..<seen {
            let width = 1.0 / Double(seen)
            let headSize = min(draw(head), 0.42 * width * Double(size.width) / Double(size.height))
            let place = Scene.Place(
                x: ((Double(index) + draw(0.42...0.58)) * width * 1000).rounded() / 1000, y: draw(0.34...0.46), size: headSize, yaw: draw(yaw) * (random.chance(0.5) ? 1 : -1), pitch: draw(-6...6), roll: draw(-4...4))
            var person = person(cast[index], [place], [Scene.Presence(TimeRange(0, 1e9))])
            person.liveliness = draw(liveliness)
            person.looks = seen > 1 && random.chance(0.7) ? .others : .camera
            persons.append(person)
        }
        if isVoiceOver, cast.count > seen { persons.append(person(cast[seen], [Scene.Place(x: 0.5, y: 0.4, size: 0.1)], [])) }

        var talk: [Scene.Talk] = [], time = draw(0.1...0.7), last = -1
        while time < length - 0.6 {
            var speaker = random.below(persons.count)
            if persons.count > 1, speaker == last { speaker = (speaker + 1) % persons.count }
            last = speaker
            let end = min(length, time + random.uniform(1.2...4))
            var kind = ClipTruth.SpeechKind.own, voice: String?
            let fate = random.fraction()
            if !persons[speaker].presence.isEmpty {
                if fate < silent { kind = .silent } else if fate < silent + dubbed, cast.count > seen {
                    kind = .dubbed
                    // Somebody who is not in the picture, so that no lips are the right ones.
                    if persons.count == seen { persons.append(person(cast[seen], [Scene.Place(x: 0.5, y: 0.4, size: 0.1)], [])) }
                    voice = persons[seen].id
                }
            }
            talk.append(Scene.Talk(person: persons[speaker].id, start: (time * 1000).rounded() / 1000, end: (end * 1000).rounded() / 1000, seed: random.next() >> 32, kind: kind, voice: voice))
            time = persons.count > 1 && random.chance(overlap) ? max(time + 0.8, end - random.uniform(0.2...1)) : end + random.uniform(pause)
        }

        var changes: [Scene.Change] = []
        func stretch() -> TimeRange {
            let duration = min(draw(self.length), length * 0.5), start = draw(0.2...max(0.2, length - duration))
            return TimeRange(start, ((start + duration) * 1000).rounded() / 1000)
        }
        if random.chance(dropVideo) { changes.append(Scene.Change(stretch(), .dropVideo)) }
        if random.chance(dropSound) { changes.append(Scene.Change(stretch(), .dropSound(random.chance(0.5) ? .gap : .silence))) }
        if random.chance(freeze) { changes.append(Scene.Change(stretch(), .freeze)) }
        if random.chance(exposure) { changes.append(Scene.Change(stretch(), .exposure(random.chance(0.5) ? draw(0.3...0.7) : draw(1.4...2.2)))) }
        if random.chance(cover) { changes.append(Scene.Change(stretch(), .cover(x: draw(-0.2...0.2), y: draw(0.1...0.5), width: draw(0.3...0.9), height: draw(0.2...0.5), person: persons[0].id))) }

        var scene = Scene(seed: clipSeed, width: size.width, height: size.height, frameRate: rate, people: persons, talk: talk, changes: changes)
        scene.duration = length
        scene.jitter = jitter / rate
        scene.lightSeed = random.next() >> 32
        scene.background = !pictures.isEmpty && random.chance(0.5) ? .picture(pick(pictures)) : .room(random.next() >> 32)
        scene.camera.blur = draw(blur)
        scene.camera.motion = draw(motion)
        scene.camera.grain = draw(grain)
        scene.camera.light = draw(light)
        scene.camera.resolution = draw(resolution)
        scene.acoustics = SoundScene(
            reverberation: reverberation.map { draw($0) }, distance: draw(distance), background: pick(noises), signalToNoise: draw(signalToNoise), line: pick(lines), seed: random.next() >> 32)
        scene.soundOffset = draw(offset)
        scene.soundDrift = draw(drift, digits: 1e6)
        scene.format = pick(formats)
        scene.quality = Int(random.uniform(quality).rounded())
        return scene
    }

    private func person(_ number: Int, _ places: [Scene.Place], _ presence: [Scene.Presence]) -> Scene.Person {
        let id = Self.identity(number), own = StableSeed.of(id, seed: seed)
        // One person in all clips: the face's sex is the voice's.
        var person = Scene.Person(id: id, name: id, faceSeed: own, voiceSeed: own, places: places, presence: presence)
        let isFemale = own & 1 == 0
        person.face.sex = isFemale ? .female : .male
        person.voice.sex = isFemale ? .female : .male
        return person
    }
}

extension YAMLSection {
    /// Some of several names; `nil` where the key is not there.
    mutating func choices<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) throws(BundleError) -> [Choice]? {
        let texts = try texts(key)
        if texts.isEmpty { return nil }
        var choices: [Choice] = []
        for text in texts {
            guard let choice = Choice(rawValue: text) else { throw problem(key, "‘\(text)’ is not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))") }
            choices.append(choice)
        }
        return choices
    }
}

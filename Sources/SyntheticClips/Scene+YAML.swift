public import Foundation
import Biometrics
import GroundTruth
import MediaFiles
public import ModelBundle
import SyntheticFaces
import SyntheticVoices

/// How a scene is written: `models/synthesis/scenes/*.yaml` are examples with a comment for every key.
extension Scene {
    /// - Parameters:
    ///   - path: of a YAML file.
    ///   - output: the clip that is to be made; its ending says the container.
    public init(contentsOf path: String, output: String, overrides: [(key: String, value: String)] = []) throws {
        let yaml: String
        do { yaml = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw ClipError(FileManager.default.fileExists(atPath: path) ? .badData : .noInput, "\(path): this scene cannot be read: \(error.localizedDescription); expected a YAML file")
        }
        try self.init(yaml: yaml, file: path, output: output, overrides: overrides)
    }

    /// - Throws: ``BundleError`` that names line and key.
    public init(yaml: String, file: String, output: String, overrides: [(key: String, value: String)] = []) throws(BundleError) {
        var top = try YAMLSection(yaml: yaml, file: file, overrides: overrides)
        let seed = try top.optionalSeed("seed") ?? 0
        var reader = SceneReader(seed: seed)
        var peopleSection = try top.section("people")
        guard !peopleSection.keys.isEmpty else { throw top.problem("people", "nobody; name at least one person") }
        for id in peopleSection.keys { reader.known.append(id) }
        var people: [Person] = []
        for (index, id) in peopleSection.keys.enumerated() {
            var section = try peopleSection.section(id)
            people.append(try reader.person(id, &section, number: index))
        }
        self.init(seed: seed, people: people)
        if let size = try top.optionalSize("size") { (width, height) = size }
        frameRate = try top.optionalReal("rate", in: 1...120) ?? 25
        duration = try top.optionalTime("duration")
        if let duration, duration < 0.04 || duration > 3600 { throw top.problem("duration", "\(duration) s; expected 40ms to 3600s") }
        jitter = try top.optionalTime("jitter") ?? 0
        if jitter > 0.4 / frameRate { throw top.problem("jitter", "\(jitter) s is more than 0.4 of the time between frames, \(0.4 / frameRate) s: frames would overtake each other") }
        lightSeed = try top.optionalSeed("light") ?? seed
        for var section in try top.sections("talk") { talk.append(try reader.talk(&section, limit: duration)) }
        try reader.checkTurns(talk, &top)
        for var section in try top.sections("changes") { changes.append(try reader.change(&section)) }
        if var section = try top.optionalSection("camera") { camera = try reader.camera(&section) }
        if var section = try top.optionalSection("background") {
            background = try reader.background(&section, folder: (file as NSString).deletingLastPathComponent)
        }
        if var section = try top.optionalSection("sound") { try readSound(&section) }
        try readFormat(&top, output: output)
        try top.finish()
        try reader.checkTimes(self, top)
    }

    private mutating func readSound(_ section: inout YAMLSection) throws(BundleError) {
        if let has = try section.optionalFlag("recorded") { hasSound = has }
        soundOffset = try section.optionalSignedTime("offset") ?? 0
        if abs(soundOffset) > 10 { throw section.problem("offset", "\(soundOffset) s; expected no more than 10s either way") }
        // Of a second in a second.
        soundDrift = try section.optionalSignedTime("drift") ?? 0
        if abs(soundDrift) > 0.05 { throw section.problem("drift", "\(soundDrift) s in each second; expected no more than 50ms either way") }
        acoustics.reverberation = try section.optionalReal("reverberation", in: 0.02...1)
        acoustics.distance = try section.optionalReal("distance", in: 0.1...10) ?? 1
        acoustics.background = try section.choice("noise", default: SoundScene.Background.none)
        acoustics.signalToNoise = try section.optionalReal("signal_to_noise", in: -10...80) ?? 20
        acoustics.line = try section.choice("line", default: SoundScene.Line.wide)
        acoustics.seed = try section.optionalSeed("seed") ?? seed
        try section.finish()
    }

    private mutating func readFormat(_ top: inout YAMLSection, output: String) throws(BundleError) {
        var section = try top.sectionOrEmpty("format")
        if let container: ClipFormat.Container = try section.optionalChoice("container") {
            if let ending = ClipFormat(endingOf: output), ending.container != container {
                throw section.problem("container", "\(container.rawValue), but the clip is to be called \((output as NSString).lastPathComponent)")
            }
            format = ClipFormat(endingOf: "clip." + container.rawValue) ?? format
        } else if let ending = ClipFormat(endingOf: output) {
            format = ending
        } else {
            throw section.problem(
                "container", "missing, and \((output as NSString).lastPathComponent) ends with none of \(ClipFormat.Container.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if let codec: ClipFormat.VideoCodec = try section.optionalChoice("video") { format.video = codec }
        format.sound = try section.choice("sound", default: format.sound)
        format.videoBitRate = try section.optionalBitRate("video_bits")
        format.soundBitRate = try section.optionalBitRate("sound_bits")
        if let value = try section.optionalInteger("quality", in: 0...51) { quality = value }
        try section.finish()
        if let (part, reason) = format.impossibility {
            let key = part == .video ? "video" : "sound"
            if section.keys.contains(key) { throw section.problem(key, reason) }
            throw section.problem("container", reason)
        }
    }
}

/// Reads the parts of one scene.
struct SceneReader {
    let seed: UInt64
    /// People that the scene defines.
    var known: [String] = []

    private func person(named key: String, _ section: inout YAMLSection) throws(BundleError) -> String? {
        guard let id = try section.optionalText(key) else { return nil }
        guard known.contains(id) else { throw section.problem(key, "‘\(id)’ is nobody here; people are \(known.joined(separator: ", "))") }
        return id
    }

    mutating func person(_ id: String, _ section: inout YAMLSection, number: Int) throws(BundleError) -> Scene.Person {
        let own = StableSeed.of(id, seed: seed)
        let name = try section.optionalText("name") ?? id
        var face = FaceTraits(), voice = VoiceTraits()
        var (faceSeed, voiceSeed) = (try section.optionalSeed("seed") ?? own, own)
        voiceSeed = faceSeed
        if let sex: Sex = try section.optionalChoice("sex") {
            face.sex = sex
            voice.sex = sex == .female ? .female : .male
        }
        var inner = try section.sectionOrEmpty("face")
        faceSeed = try inner.optionalSeed("seed") ?? faceSeed
        face.age = try inner.optionalReal("age", in: 18...90)
        face.skinTone = try inner.optionalReal("skin", in: 0...1)
        face.glasses = try inner.optionalFlag("glasses")
        face.hair = try inner.optionalChoice("hair")
        try inner.finish()
        inner = try section.sectionOrEmpty("voice")
        voiceSeed = try inner.optionalSeed("seed") ?? voiceSeed
        voice.accent = try inner.optionalChoice("accent")
        voice.wordsPerMinute = try inner.optionalReal("words_per_minute", in: 110...230)
        try inner.finish()

        let isSeen = try section.optionalFlag("on_screen") ?? true
        let count = max(1, known.count)
        var place = Scene.Place(x: (Double(number) + 0.5) / Double(count), y: 0.42, size: count > 2 ? 0.14 : 0.18)
        try self.place(&section, &place)
        var places = [place]
        for var move in try section.sections("moves") {
            place.time = try move.optionalTime("time") ?? 0
            if !move.keys.contains("time") { throw move.problem("time", "missing") }
            guard place.time > places[places.count - 1].time else { throw move.problem("time", "\(place.time) s is not after the place before it, \(places[places.count - 1].time) s") }
            try self.place(&move, &place)
            try move.finish()
            places.append(place)
        }
        var presence: [Scene.Presence] = []
        for var stay in try section.sections("present") {
            let range = try stay.timeRange("time")
            if let last = presence.last, range.start < last.range.end { throw stay.problem("time", "begins before the stay before it ends, \(last.range.end) s") }
            presence.append(Scene.Presence(range, from: try stay.choice("from", default: .cut), to: try stay.choice("to", default: .cut)))
            try stay.finish()
        }
        if isSeen, presence.isEmpty { presence = [Scene.Presence(TimeRange(0, .greatestFiniteMagnitude))] }
        if !isSeen, let key = ["at", "size", "moves", "present", "face"].first(where: section.keys.contains) {
            throw section.problem(key, "of somebody who is not in the picture (on_screen: false)")
        }
        var person = Scene.Person(id: id, name: name, faceSeed: faceSeed, voiceSeed: voiceSeed, places: places, presence: presence)
        person.face = face
        person.voice = voice
        person.liveliness = try section.optionalReal("liveliness", in: 0...3) ?? 1
        person.looks = try section.choice("looks", default: known.count > 1 ? .others : .camera)
        try section.finish()
        return person
    }

    private func place(_ section: inout YAMLSection, _ place: inout Scene.Place) throws(BundleError) {
        if let at = try section.optionalPair("at", in: -1...2) { (place.x, place.y) = at }
        place.size = try section.optionalReal("size", in: 0.01...0.6) ?? place.size
        place.yaw = try section.optionalReal("yaw", in: -60...60) ?? place.yaw
        place.pitch = try section.optionalReal("pitch", in: -40...40) ?? place.pitch
        place.roll = try section.optionalReal("roll", in: -45...45) ?? place.roll
    }

    func talk(_ section: inout YAMLSection, limit: Double?) throws(BundleError) -> Scene.Talk {
        guard let person = try person(named: "person", &section) else { throw section.problem("person", "missing; who speaks?") }
        let text = try section.optionalText("say")
        var talk = Scene.Talk(person: person, start: 0, text: text)
        let written = try section.optionalText("time") ?? "0s"
        if written.contains("..") {
            let range = try section.timeRange("time")
            (talk.start, talk.end) = (range.start, range.end)
            if text != nil { throw section.problem("time", "‘\(written)’: what is said takes the time that it takes; give its beginning alone, or leave ‘say’ out to fill the time") }
        } else {
            talk.start = try section.optionalTime("time") ?? 0
        }
        if let text, text.utf8.count > SpeechSynthesizer.longestText || text.allSatisfy(\.isWhitespace) { throw section.problem("say", "expected 1 to \(SpeechSynthesizer.longestText) bytes of text") }
        if let limit, talk.start >= limit { throw section.problem("time", "\(talk.start) s is not before the clip's end, \(limit) s") }
        talk.seed = try section.optionalSeed("seed") ?? StableSeed.of("\(person) \(written)", seed: seed)
        talk.kind = try section.choice("kind", default: .own)
        talk.voice = try self.person(named: "voice", &section)
        switch (talk.kind, talk.voice) {
        case (.dubbed, nil): throw section.problem("voice", "missing; a dubbed speaker needs somebody else's voice")
        case (.dubbed, person?): throw section.problem("voice", "‘\(person)’ is the speaker; a dubbed speaker needs somebody else's voice")
        case (.own, _?), (.silent, _?): throw section.problem("voice", "only dubbed speech (kind: dubbed) has another's voice")
        default: break
        }
        talk.gain = try section.optionalReal("gain", in: -40...20) ?? 0
        talk.origin = "\(section.file):\(section.line): \(section.path)"
        try section.finish()
        return talk
    }

    /// Nobody says two things at once.
    func checkTurns(_ talk: [Scene.Talk], _ top: inout YAMLSection) throws(BundleError) {
        let sections = try top.sections("talk")
        for (index, turn) in talk.enumerated() {
            for (other, earlier) in talk[..<index].enumerated() where earlier.person == turn.person {
                let overlaps = earlier.start == turn.start || (earlier.end.map { earlier.start < turn.start && turn.start < $0 } ?? false) || (turn.end.map { turn.start < earlier.start && earlier.start < $0 } ?? false)
                if overlaps { throw sections[index].problem("time", "\(turn.person) says two things at once: see talk.\(other)") }
            }
        }
    }

    func change(_ section: inout YAMLSection) throws(BundleError) -> Scene.Change {
        let range = try section.timeRange("time")
        var effects: [(String, Scene.Change.Effect)] = []
        if let what = try section.optionalText("drop") {
            switch what {
            case "video": effects.append(("drop", .dropVideo))
            case "sound": effects.append(("drop", .dropSound(try section.choice("as", default: .gap))))
            default: throw section.problem("drop", "‘\(what)’ is not one of video, sound")
            }
        }
        if try section.optionalFlag("freeze") ?? false { effects.append(("freeze", .freeze)) }
        if let value = try section.optionalReal("rate", in: 0.5...120) { effects.append(("rate", .frameRate(value))) }
        let camera = try self.camera(&section, finish: false, base: nil)
        effects += camera
        if var cover = try section.optionalSection("cover") {
            let person = try self.person(named: "person", &cover)
            let at = try cover.optionalPair("at", in: -1...2) ?? (person == nil ? (0.5, 0.5) : (0, 0.4))
            let size = try cover.optionalPair("size", in: 0.01...4) ?? (person == nil ? (0.3, 0.3) : (1, 0.6))
            try cover.finish()
            effects.append(("cover", .cover(x: at.0, y: at.1, width: size.0, height: size.1, person: person)))
        }
        try section.finish()
        guard let effect = effects.first else { throw section.problem("time", "nothing changes in it; say what: drop, freeze, rate, blur, motion, grain, light, exposure, resolution, shake or cover") }
        if effects.count > 1 { throw section.problem(effects[1].0, "a second change in the same entry, beside ‘\(effect.0)’; give each its own") }
        return Scene.Change(range, effect.1)
    }

    func camera(_ section: inout YAMLSection) throws(BundleError) -> Scene.Camera {
        var camera = Scene.Camera()
        for (_, effect) in try self.camera(&section, finish: true, base: camera) {
            switch effect {
            case .blur(let value): camera.blur = value
            case .motion(let value): camera.motion = value
            case .grain(let value): camera.grain = value
            case .light(let value): camera.light = value
            case .exposure(let value): camera.exposure = value
            case .resolution(let value): camera.resolution = value
            case .shake(let value): camera.shake = value
            default: break
            }
        }
        return camera
    }

    private func camera(_ section: inout YAMLSection, finish: Bool, base: Scene.Camera?) throws(BundleError) -> [(String, Scene.Change.Effect)] {
        var effects: [(String, Scene.Change.Effect)] = []
        func add(_ key: String, _ range: ClosedRange<Double>, _ effect: (Double) -> Scene.Change.Effect) throws(BundleError) {
            if let value = try section.optionalReal(key, in: range) { effects.append((key, effect(value))) }
        }
        try add("blur", 0...50) { .blur($0) }
        try add("motion", 0...200) { .motion($0) }
        try add("grain", 0...80) { .grain($0) }
        try add("light", 0.02...1) { .light($0) }
        try add("exposure", 0.1...8) { .exposure($0) }
        try add("resolution", 0.05...1) { .resolution($0) }
        try add("shake", 0...50) { .shake($0) }
        if finish { try section.finish() }
        return effects
    }

    func background(_ section: inout YAMLSection, folder: String) throws(BundleError) -> Scene.Background {
        let room = try section.optionalSeed("room"), picture = try section.optionalText("picture"), colour = try section.optionalText("colour")
        try section.finish()
        switch (room, picture, colour) {
        case (let room?, nil, nil): return .room(room)
        case (nil, let picture?, nil):
            let path = picture.hasPrefix("/") ? picture : (folder as NSString).appendingPathComponent(picture)
            guard FileManager.default.isReadableFile(atPath: path) else { throw section.problem("picture", "\(path): no such file, or it may not be read") }
            return .picture(path)
        case (nil, nil, let colour?):
            guard colour.count == 7, colour.hasPrefix("#"), let value = UInt32(colour.dropFirst(), radix: 16) else { throw section.problem("colour", "‘\(colour)’ is no colour; expected for example \"#7f8890\"") }
            return .colour(UInt8(value >> 16), UInt8(value >> 8 & 255), UInt8(value & 255))
        case (nil, nil, nil): return .room(seed)
        default: throw section.problem(section.keys.last ?? "room", "only one of room, picture, colour")
        }
    }

    /// Where the clip's length is said, everything must begin within it.
    func checkTimes(_ scene: Scene, _ top: YAMLSection) throws(BundleError) {
        guard let duration = scene.duration else { return }
        var top = top
        for (index, var section) in try top.sections("changes").enumerated() where scene.changes[index].range.start >= duration {
            _ = try section.optionalText("time")
            throw section.problem("time", "begins at \(scene.changes[index].range.start) s, not before the clip's end, \(duration) s")
        }
    }
}

/// Seeds for parts of a scene that follow from their names.
enum StableSeed {
    /// FNV-1a, mixed with the seed by SplitMix64.
    static func of(_ text: String, seed: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var random = SeededGenerator(seed: hash ^ (seed &* 0x9E37_79B9_7F4A_7C15))
        // Short enough to be written in a scene by hand.
        return random.next() >> 32
    }
}

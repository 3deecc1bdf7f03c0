import Foundation
import GroundTruth
import MediaFiles
import SyntheticClips
import SyntheticFaces
import SyntheticVoices
import Testing

@Suite struct SceneReadingTests {
    private static let scenes = TestParts.package.appending(path: "models/synthesis/scenes").path

    @Test func everyKey() throws {
        let scene = try Scene(contentsOf: Self.scenes + "/everything.yaml", output: "clip.mp4")
        #expect(scene.seed == 7 && scene.width == 320 && scene.height == 240 && scene.frameRate == 25 && scene.jitter == 0.004 && scene.duration == 12)
        #expect(scene.people.map(\.id) == ["anna", "ben", "carl"] && scene.people.map(\.name) == ["Anna", "Ben", "carl"])
        let anna = scene.people[0]
        #expect(anna.face == FaceTraits(sex: .female, age: 34, skinTone: 0.3, glasses: true, hair: .bob) && anna.voice == VoiceTraits(sex: .female, accent: .american, wordsPerMinute: 165))
        #expect(anna.places.map(\.time) == [0, 5, 8] && anna.places[1].yaw == -8 && anna.places[2].size == 0.15)
        #expect(scene.people[1].presence == [.init(TimeRange(1, 10), from: .right, to: .right)] && scene.people[2].presence.isEmpty)
        #expect(scene.talk.map(\.kind) == [.own, .own, .own, .silent, .own, .dubbed] && scene.talk[5].voice == "carl" && scene.talk[2].gain == -3)
        #expect(scene.soundOffset == 0.08 && scene.soundDrift == 0.001 && scene.acoustics.background == .music)
        #expect(scene.changes.count == 7 && scene.changes[1].effect == .dropSound(.silence))
        #expect(scene.changes[6].effect == .cover(x: 0, y: 0.5, width: 0.8, height: 0.4, person: "anna"))
    }

    @Test(arguments: ["two-people", "anna", "ben", "everything"])
    func examples(name: String) throws { _ = try Scene(contentsOf: Self.scenes + "/\(name).yaml", output: "\(name).mp4") }

    @Test func whatIsLeftOut() throws {
        let scene = try Scene(yaml: "people: {x: {}, y: {}}", file: "s", output: "clip.webm")
        #expect(scene.format.container == .webm && scene.format.video == .vp8 && scene.format.sound == .opus)
        #expect(scene.people[0].faceSeed != scene.people[1].faceSeed && scene.people[0].places[0].x == 0.25 && scene.people[1].places[0].x == 0.75)
        #expect(scene.people[0].looks == .others && scene.hasSound && scene.soundOffset == 0)
        let other = try Scene(yaml: "people: {x: {}, y: {}}\nseed: 1", file: "s", output: "clip.mp4")
        #expect(other.people[0].faceSeed != scene.people[0].faceSeed && other.format.container == .mp4)
    }

    @Test func changedFromTheCommandLine() throws {
        let scene = try Scene(yaml: "people: {x: {}}\ntalk: [{person: x, say: Hello}]", file: "s", output: "clip.mp4", overrides: [("sound.offset", "-120ms"), ("talk.0.time", "2s"), ("people.z.seed", "5")])
        #expect(scene.soundOffset == -0.12 && scene.talk[0].start == 2 && scene.people[1].faceSeed == 5)
    }

    @Test func theExampleRecipe() throws {
        let recipe = try CorpusRecipe(contentsOf: TestParts.package.appending(path: "models/synthesis/corpus.yaml").path)
        #expect(recipe.clips == 2000 && recipe.identities == 300 && recipe.people == 1...2 && recipe.noises.count == 5)
    }

    @Test func clipsOfARecipeFollowFromTheirNumber() throws {
        let yaml = """
            seed: 3
            clips: 400
            identities: 20
            people: 1..2
            size: [96x72, 128x96]
            duration: 2s..4s
            speech: {overlap: 0.3, silent: 0.2, dubbed: 0.2, off_screen: 0.3}
            sound: {offset: -200ms..200ms, noise: [pink, music], signal_to_noise: 5..25}
            changes: {drop_video: 0.3, drop_sound: 0.3, freeze: 0.3, exposure: 0.3, cover: 0.3}
            """
        let recipe = try CorpusRecipe(yaml: yaml, file: "r"), again = try CorpusRecipe(yaml: yaml, file: "r")
        var people = Set<String>(), kinds = Set<ClipTruth.SpeechKind>(), offsets: [Double] = [], seen = Set<Int>(), voices = Set<Int>()
        for number in 0..<400 {
            let scene = recipe.scene(number), same = again.scene(number)
            #expect(scene.seed == same.seed && scene.talk == same.talk && scene.changes == same.changes && scene.people.map(\.id) == same.people.map(\.id) && scene.soundOffset == same.soundOffset)
            #expect((2...4).contains(scene.duration ?? 0) && (-0.2...0.2).contains(scene.soundOffset) && !scene.talk.isEmpty)
            #expect(Set(scene.people.map(\.id)).count == scene.people.count)
            for talk in scene.talk {
                #expect(talk.start < scene.duration ?? 0 && talk.voice != talk.person && scene.people.contains { $0.id == talk.person })
                if let voice = talk.voice { #expect(scene.people.first { $0.id == voice }?.presence.isEmpty == true) }
            }
            people.formUnion(scene.people.map(\.id))
            kinds.formUnion(scene.talk.map(\.kind))
            offsets.append(scene.soundOffset)
            seen.insert(scene.people.count { !$0.presence.isEmpty })
            voices.insert(scene.people.count { $0.presence.isEmpty })
        }
        #expect(people.count == 20 && kinds == Set(ClipTruth.SpeechKind.allCases) && seen == [1, 2] && voices == [0, 1])
        #expect(offsets.min() ?? 0 < -0.18 && offsets.max() ?? 0 > 0.18)
        // One person has one face and one voice in all clips.
        var seeds: [String: UInt64] = [:]
        for number in 0..<400 {
            for person in recipe.scene(number).people {
                #expect(seeds[person.id, default: person.faceSeed] == person.faceSeed)
                seeds[person.id] = person.faceSeed
            }
        }
        #expect(Set(seeds.values).count == 20)
    }
}

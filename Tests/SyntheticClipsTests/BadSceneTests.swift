import Foundation
import MediaFiles
import ModelBundle
import SyntheticClips
import Testing

/// What is wrong in a scene is said with its line and key.
@Suite struct BadSceneTests {
    private static let people = "people:\n  anna: {seed: 1}\n  ben: {seed: 2}\n"

    @Test(arguments: [
        ("seeds: 4\n" + people, 1, "seeds"), ("seed: -1\n" + people, 1, "seed"), ("size: 320\n" + people, 1, "size"), ("size: 10x9999\n" + people, 1, "size"), ("rate: 0\n" + people, 1, "rate"),
        ("duration: -2s\n" + people, 1, "duration"), ("duration: 0s\n" + people, 1, "duration"), ("jitter: 30ms\n" + people, 1, "jitter"), ("seed: 1\n", 1, "people"), ("people: {}\n", 1, "people"),
        ("people:\n  anna: {sed: 1}\n", 2, "people.anna.sed"), ("people:\n  anna:\n    face: {hair: blue}\n", 3, "people.anna.face.hair"), ("people:\n  anna: {face: {age: 9}}\n", 2, "people.anna.face.age"),
        ("people:\n  anna: {voice: {accent: martian}}\n", 2, "people.anna.voice.accent"), ("people:\n  anna: {at: [1]}\n", 2, "people.anna.at"), ("people:\n  anna: {size: 7}\n", 2, "people.anna.size"),
        ("people:\n  anna:\n    moves:\n      - {at: [0, 0]}\n", 4, "people.anna.moves.0.time"), ("people:\n  anna:\n    moves:\n      - {time: 2s}\n      - {time: 1s}\n", 5, "people.anna.moves.1.time"),
        ("people:\n  anna: {present: [{time: 2s..1s}]}\n", 2, "people.anna.present.0.time"), ("people:\n  anna: {present: [{time: 1s..3s}, {time: 2s..4s}]}\n", 2, "people.anna.present.1.time"),
        ("people:\n  anna: {present: {time: 1s..3s, from: above}}\n", 2, "people.anna.present.from"), ("people:\n  anna: {on_screen: false, size: 0.2}\n", 2, "people.anna.size"),
        (people + "talk:\n  - {person: carl, say: Hi}\n", 5, "talk.0.person"), (people + "talk:\n  - {say: Hi}\n", 5, "talk.0.person"), (people + "talk:\n  - {person: anna, say: \" \"}\n", 5, "talk.0.say"),
        (people + "talk:\n  - {person: anna, time: -1s, say: Hi}\n", 5, "talk.0.time"), (people + "talk:\n  - {person: anna, time: soon}\n", 5, "talk.0.time"),
        (people + "talk:\n  - {person: anna, time: 1s..2s, say: Hi}\n", 5, "talk.0.time"), (people + "talk:\n  - {person: anna, say: Hi, kind: loud}\n", 5, "talk.0.kind"),
        (people + "talk:\n  - {person: anna, say: Hi, kind: dubbed}\n", 5, "talk.0.voice"), (people + "talk:\n  - {person: anna, say: Hi, kind: dubbed, voice: anna}\n", 5, "talk.0.voice"),
        (people + "talk:\n  - {person: anna, say: Hi, voice: ben}\n", 5, "talk.0.voice"), (people + "talk:\n  - {person: anna, time: 1s..4s}\n  - {person: anna, time: 2s, say: Hi}\n", 6, "talk.1.time"),
        (people + "talk:\n  - {person: anna, time: 3s, say: Hi}\n  - {person: anna, time: 3s, say: No}\n", 6, "talk.1.time"), ("duration: 2s\n" + people + "talk: {person: anna, time: 3s}\n", 5, "talk.time"),
        (people + "changes:\n  - {drop: video}\n", 5, "changes.0.time"), (people + "changes:\n  - {time: 1s..2s}\n", 5, "changes.0.time"), (people + "changes:\n  - {time: 1s..2s, drop: smell}\n", 5, "changes.0.drop"),
        (people + "changes:\n  - {time: 1s..2s, drop: sound, as: noise}\n", 5, "changes.0.as"), (people + "changes:\n  - {time: 1s..2s, freeze: true, blur: 2}\n", 5, "changes.0.blur"),
        (people + "changes:\n  - {time: 2s, blur: 2}\n", 5, "changes.0.time"), (people + "changes:\n  - {time: 1s..2s, light: 0}\n", 5, "changes.0.light"),
        (people + "changes:\n  - {time: 1s..2s, cover: {person: carl}}\n", 5, "changes.0.cover.person"), ("duration: 2s\n" + people + "changes:\n  - {time: 2s..3s, blur: 2}\n", 6, "changes.0.time"),
        (people + "camera: {grain: 900}\n", 4, "camera.grain"), (people + "camera: {grian: 9}\n", 4, "camera.grian"), (people + "sound: {offset: 1min}\n", 4, "sound.offset"),
        (people + "sound: {drift: 1s}\n", 4, "sound.drift"), (people + "sound: {noise: rain}\n", 4, "sound.noise"), (people + "background: {room: 1, colour: \"#000000\"}\n", 4, "background.colour"),
        (people + "background: {colour: red}\n", 4, "background.colour"), (people + "format: {video: h266}\n", 4, "format.video"), (people + "format: {container: webm, video: h264}\n", 4, "format.container"),
        (people + "format: {sound: opus, quality: 99}\n", 4, "format.quality"), (people + "format: {video_bits: 1}\n", 4, "format.video_bits"),
    ])
    func refused(yaml: String, line: Int, key: String) {
        let error = #expect(throws: BundleError.self) { try Scene(yaml: yaml, file: "scene.yaml", output: "clip.mp4") }
        switch error {
        case .manifest(let file, let at, let where_, _): #expect(file == "scene.yaml" && at == line && where_ == key, "\(String(describing: error))")
        case .unknownKey(let file, let at, let where_, _, _): #expect(file == "scene.yaml" && at == line && where_ == key, "\(String(describing: error))")
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test func aCodecThatItsContainerDoesNotHave() {
        let yaml = Self.people + "format:\n  video: h264\n"
        let error = #expect(throws: BundleError.self) { try Scene(yaml: yaml, file: "scene.yaml", output: "clip.webm") }
        #expect(error == .manifest(file: "scene.yaml", line: 5, key: "format.video", problem: "h264 cannot be stored in webm"))
    }

    @Test func anEndingThatSaysNothing() throws {
        let error = #expect(throws: BundleError.self) { try Scene(yaml: Self.people + "format: {}\n", file: "scene.yaml", output: "clip.xyz") }
        #expect(error?.description.contains("format.container") == true && error?.description.contains("clip.xyz") == true)
        #expect(try Scene(yaml: Self.people + "format: {container: mkv}\n", file: "scene.yaml", output: "clip.xyz").format.container == .mkv)
    }

    @Test func theNearestKeyIsNamed() {
        let error = #expect(throws: BundleError.self) { try Scene(yaml: Self.people + "backgruond: {room: 1}\n", file: "scene.yaml", output: "clip.mp4") }
        #expect(error?.description.contains("background") == true)
    }

    @Test(arguments: [
        ("clips: 0\n", "clips"), ("seed: 1\n", "clips"), ("clips: 4\nduration: 100ms\n", "duration"), ("clips: 4\npeople: 9\n", "people"), ("clips: 4\nidentities: 1\npeople: 2\n", "people"),
        ("clips: 4\nsize: [320x240, big]\n", "size"), ("clips: 4\nspeech: {silent: 2}\n", "speech.silent"), ("clips: 4\nspeech: {silent: 0.6, dubbed: 0.6}\n", "speech.dubbed"),
        ("clips: 4\nsound: {noise: [pink, rain]}\n", "sound.noise"), ("clips: 4\ncamera: {blur: 3..1}\n", "camera.blur"), ("clips: 4\nformat: {container: webm, video: h264}\n", "format.video"),
        ("clips: 4\npictures: /nonexistent\n", "pictures"), ("clips: 4\nclip: 5\n", "clip"), ("clips: 4\nidentities: 1\nspeech: {off_screen: 0.5}\n", "identities"), ("clips: 4\nchanges: {length: 0s..1s}\n", "changes.length"),
    ])
    func refusedRecipes(yaml: String, key: String) {
        let error = #expect(throws: BundleError.self) { try CorpusRecipe(yaml: yaml, file: "recipe.yaml") }
        switch error {
        case .manifest(_, _, let at, _), .unknownKey(_, _, let at, _, _): #expect(at == key, "\(String(describing: error))")
        default: Issue.record("\(String(describing: error))")
        }
    }
}

import Datasets
import Foundation
import Testing

@Suite struct AugmentationRecipeTests {
    private static func pictures(_ json: String) throws -> PictureAugmentation { try JSONDecoder().decode(PictureAugmentation.self, from: Data(json.utf8)) }

    @Test func `What is left out is as usual, a number is a probability`() throws {
        #expect(try Self.pictures("{}") == PictureAugmentation())
        let some = try Self.pictures(#"{"blur": 0.7, "grain": {"probability": 1, "strength": [3, 4]}, "flip": 0}"#)
        var expected = PictureAugmentation()
        expected.blur.probability = 0.7
        expected.grain = Effect(1, 3...4)
        expected.flip.probability = 0
        #expect(some == expected)
        let sound = try JSONDecoder().decode(SoundAugmentation.self, from: Data(#"{"noise": {"probability": 0.9}, "codec": 1}"#.utf8))
        #expect(sound.noise == Effect(0.9, SoundAugmentation().noise.strength) && sound.codec.probability == 1)
    }

    @Test func `What is written is read`() throws {
        var pictures = PictureAugmentation.none
        pictures.motion = Effect(0.25, 2...3)
        #expect(try JSONDecoder().decode(PictureAugmentation.self, from: JSONEncoder().encode(pictures)) == pictures)
        #expect(try JSONDecoder().decode(SoundAugmentation.self, from: JSONEncoder().encode(SoundAugmentation())) == SoundAugmentation())
        var random = SeededGenerator(seed: 1)
        for _ in 0..<30 {
            let (picture, sound) = (PictureAugmentation().draw(&random), SoundAugmentation().draw(&random))
            #expect(try JSONDecoder().decode(PictureDistortion.self, from: JSONEncoder().encode(picture)) == picture)
            #expect(try JSONDecoder().decode(SoundDistortion.self, from: JSONEncoder().encode(sound)) == sound)
        }
    }

    @Test(arguments: [
        (#"{"blurr": 0.5}"#, "unknown effect 'blurr'"), (#"{"blur": 1.5}"#, "probability 1.5"), (#"{"blur": {"probability": 1, "strength": [3, 2]}}"#, "strength [3.0, 2.0]"),
        (#"{"blur": {"probability": 1, "strength": [3]}}"#, "strength [3.0]"), (#"{"blur": {"probability": -1}}"#, "probability -1"),
    ])
    func `What cannot be meant is refused by name`(_ json: String, _ words: String) {
        let error = #expect(throws: DecodingError.self) { _ = try Self.pictures(json) }
        #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "")")
    }
}

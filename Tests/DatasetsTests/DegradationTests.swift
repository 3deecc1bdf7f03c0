import Datasets
import Foundation
import Testing

@Suite struct DegradationTests {
    private static func degraded(_ picture: TestPicture, _ condition: Degradation, seed: UInt64 = 1, row: Int = 7, frame: Int = 0) -> TestPicture {
        var result = picture
        condition.apply(to: &result.levels, channels: picture.channels, width: picture.width, height: picture.height, seed: seed, row: row, frame: frame)
        return result
    }

    @Test func `Conditions have the names of reports`() {
        #expect(Degradation.allCases.map(\.rawValue) == ["blurred", "grainy", "noisy", "dropped"])
    }

    @Test func `Pictures are degraded where the condition is theirs`() {
        let picture = TestPicture(3, 112, 112)
        #expect(Self.degraded(picture, .blurred).sharpness < 0.01 * picture.sharpness)
        let flat = TestPicture(3, 112, 112, level: 160)
        let grainy = Self.degraded(flat, .grainy)
        #expect(grainy.mean < 110 && grainy.mean > 50)
        #expect(abs(grainy.deviation - 19 * (1.5 - grainy.mean / 255)) < 1.5)
        #expect(Self.degraded(picture, .noisy) == picture)
        #expect(Self.degraded(picture, .dropped) == picture)
        // Mouths and odd sizes as well.
        for (width, height) in [(1, 1), (7, 5), (96, 96)] { #expect(Self.degraded(TestPicture(1, width, height), .blurred).levels.count == width * height) }
    }

    @Test func `What happens to a row follows from the seed and its number`() {
        let picture = TestPicture(1, 30, 30)
        let first = Self.degraded(picture, .grainy)
        #expect(first == Self.degraded(picture, .grainy))
        #expect(first != Self.degraded(picture, .grainy, row: 8))
        #expect(first != Self.degraded(picture, .grainy, seed: 2))
        #expect(first != Self.degraded(picture, .grainy, frame: 1))
        let speech = TestSound.speech(4000)
        let noisy = Degradation.noisy.apply(to: speech, noise: nil, seed: 1, row: 7)
        #expect(noisy == Degradation.noisy.apply(to: speech, noise: nil, seed: 1, row: 7))
        #expect(noisy != Degradation.noisy.apply(to: speech, noise: nil, seed: 1, row: 8))
        #expect(noisy != Degradation.noisy.apply(to: speech, noise: nil, seed: 2, row: 7))
    }

    @Test func `Noisy sound has as much noise as speech`() {
        let speech = TestSound.speech(32_000)
        let quiet = speech.map { $0 * Float(pow(10, -12.0 / 20)) }
        for bank in [nil, NoiseBank([TestSound.hum(50_000, seed: 2)])] {
            let noisy = Degradation.noisy.apply(to: speech, noise: bank, seed: 1, row: 3)
            let noise = zip(noisy, quiet).map { $0 - $1 }
            #expect(abs(TestSound.decibels(noise) - TestSound.decibels(quiet)) < 0.2)
        }
        for condition in [Degradation.blurred, .grainy] { #expect(condition.apply(to: speech, noise: nil, seed: 1, row: 3) == speech) }
    }

    @Test func `The second half is gone, the middle is not`() {
        for count in [0, 1, 2, 5, 1000] {
            let sound = [Float](repeating: 0.5, count: count)
            let dropped = Degradation.dropped.apply(to: sound, noise: nil, seed: 1, row: 1)
            #expect(dropped == [Float](repeating: 0.5, count: (count + 1) / 2) + [Float](repeating: 0, count: count / 2))
            #expect(Degradation.dropped.pictures(of: count) == (count + 1) / 2)
            #expect(Degradation.blurred.pictures(of: count) == count)
        }
    }
}

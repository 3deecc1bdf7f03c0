import Articulation
import Datasets
import Foundation
import Glibc
import Testing

/// Sound that is loud and quiet by turns, as syllables are, with another colour each time.
func babble(seconds: Double, seed: UInt64) -> [Float] {
    var random = SeededGenerator(seed: seed)
    let count = Int(seconds * 16000)
    var samples = random.normals(count)
    var (low, level, wanted, colour): (Float, Float, Float, Float) = (0, 0, 0, 0.5)
    for i in samples.indices {
        if i % 2400 == 0 { (wanted, colour) = (random.fraction() < 0.3 ? 0.001 : random.uniform(0.02...0.3), random.uniform(0.1...0.95)) }
        level += 0.001 * (wanted - level)
        low = colour * low + (1 - colour) * samples[i]
        samples[i] = level * low
    }
    return samples
}

/// Reads every window's loudness as opening.
func loudnessModel(meanOpening: Float = 0.03, openingDeviation: Float = 0.03) -> MouthModel {
    var weights = [Float](repeating: 0, count: 2 * MouthModel.inputs)
    for band in 0..<20 { weights[2 * (8 * 20 + band)] = 0.01 }
    return MouthModel(weights: weights, bias: [0.1, 0], meanOpening: meanOpening, openingDeviation: openingDeviation, widthDeviation: 0.01)
}

let sentence = [
    Phoneme(symbol: "", start: 0, end: 0.4), Phoneme(symbol: "p", start: 0.4, end: 0.5), Phoneme(symbol: "ɑː", start: 0.5, end: 0.75), Phoneme(symbol: "m", start: 0.75, end: 0.9),
    Phoneme(symbol: "uː", start: 0.9, end: 1.2), Phoneme(symbol: "l", start: 1.2, end: 1.3), Phoneme(symbol: "iː", start: 1.3, end: 1.6), Phoneme(symbol: "b", start: 1.6, end: 1.75),
    Phoneme(symbol: "aɪ", start: 1.75, end: 2.1), Phoneme(symbol: "", start: 2.1, end: 3),
]

@Suite struct MouthModelTests {
    @Test func mouthsFollowSeedAndSoundAlone() throws {
        let (model, sound) = (loudnessModel(), babble(seconds: 3, seed: 1))
        let first = try model.mouths(for: sound, phonemes: sentence, frameRate: 25, seed: 5)
        #expect(first == (try model.mouths(for: sound, phonemes: sentence, frameRate: 25, seed: 5)))
        #expect(first != (try model.mouths(for: sound, phonemes: sentence, frameRate: 25, seed: 6)))
        #expect(first != (try model.mouths(for: babble(seconds: 3, seed: 2), phonemes: sentence, frameRate: 25, seed: 5)))
    }

    @Test(arguments: [25, 29.97, 12.5, 60, 1], [0.0, 0.01, 1, 2.999])
    func oneForEachPicture(frameRate: Double, seconds: Double) throws {
        let sound = babble(seconds: seconds, seed: 3)
        for phonemes in [nil, sentence] {
            let mouths = try loudnessModel().mouths(for: sound, phonemes: phonemes, frameRate: frameRate, seed: 1)
            #expect(mouths.count == Int((Double(sound.count) / 16000 * frameRate).rounded(.up)))
            #expect(mouths.allSatisfy { (0...0.35).contains($0.opening) && (-0.15...0.12).contains($0.width) && (0...1).contains($0.tongue) })
        }
    }

    @Test func lipsMeetForAnMAndOpenForAnA() throws {
        var (closed, open, round, spread): (Float, Float, Float, Float) = (0, 0, 0, 0)
        let model = loudnessModel()
        for seed in 0..<20 as Range<UInt64> {
            let mouths = try model.mouths(for: babble(seconds: 3, seed: seed), phonemes: sentence, frameRate: 50, seed: seed)
            func mean(_ time: Double, _ value: KeyPath<MouthShape, Float>) -> Float { mouths[Int(time * 50)][keyPath: value] / 20 }
            closed += mean(0.82, \.opening)
            open += mean(0.62, \.opening)
            round += mean(1.04, \.width)
            spread += mean(1.44, \.width)
        }
        #expect(closed < 0.01 && open > 0.035, "\(closed) and \(open)")
        #expect(round < -0.005 && spread > 0.003, "\(round) and \(spread)")
    }

    @Test func pausesAreClosed() throws {
        for seed in 0..<20 as Range<UInt64> {
            let mouths = try loudnessModel().mouths(for: babble(seconds: 3, seed: seed), phonemes: sentence, frameRate: 25, seed: seed)
            #expect(mouths[65...].allSatisfy { $0.opening < 0.012 && abs($0.width) < 0.003 })
        }
        // Without phonemes, where nothing is heard.
        var sound = babble(seconds: 3, seed: 4)
        for i in 16000..<32000 { sound[i] *= 0.0001 }
        let mouths = try loudnessModel().mouths(for: sound, phonemes: nil, frameRate: 25, seed: 1)
        #expect(mouths[28..<47].allSatisfy { $0.opening < 0.012 })
        #expect(mouths.contains { $0.opening > 0.03 })
        let still = try loudnessModel().mouths(for: [Float](repeating: 0, count: 16000), phonemes: nil, frameRate: 25, seed: 1)
        #expect(still.allSatisfy { $0.opening < 0.012 })
    }

    @Test(arguments: [0.02, 0.03, 0.045] as [Float]) func openingVariesAsRealMouthsDo(deviation: Float) throws {
        let model = loudnessModel(meanOpening: deviation, openingDeviation: deviation)
        var phonemes: [Phoneme] = []
        for index in 0..<100 {
            let symbol = ["b", "ɑː", "t", "iː", "s", "ɛ", "l", "ʊ", "k", "aɪ"][index * 7 % 10]
            phonemes.append(Phoneme(symbol: symbol, start: Double(index) * 0.1, end: Double(index + 1) * 0.1))
        }
        var spreads: [Float] = []
        for seed in 0..<16 as Range<UInt64> {
            let openings = try model.mouths(for: babble(seconds: 10, seed: seed), phonemes: phonemes, frameRate: 25, seed: seed).map(\.opening)
            let mean = openings.reduce(0, +) / Float(openings.count)
            spreads.append((openings.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(openings.count)).squareRoot())
        }
        // People differ by 15 % to either side.
        #expect(spreads.allSatisfy { $0 > 0.83 * deviation && $0 < 1.17 * deviation }, "\(spreads)")
        #expect((spreads.max() ?? 0) > 1.1 * (spreads.min() ?? 1))
    }

    @Test func aPlantedMouthIsLearntAndItsLagFound() throws {
        let secret = loudnessModel()
        let times = (0..<250).map { Double($0) / 25 }
        let recordings = try (0..<10 as Range<UInt64>).map { seed in
            let sound = babble(seconds: 10, seed: seed)
            let openings = try secret.read(sound, at: times).map(\.x)
            return MouthRecording(path: "\(seed)", speaker: "s", times: times, openings: openings, corners: openings.map { 0.3 - $0 / 4 }, samples: sound)
        }
        let model = try MouthFit.fit(Array(recordings[..<8]), penalty: 1e-3)
        let score = try MouthFit.score(model, Array(recordings[8...]))
        #expect(score.opening > 0.97 && score.width > 0.97, "\(score)")
        #expect(score.lags == 6 && score.foundLags == 6)
        // Late sound, by 7 pictures: what is heard now was seen 0.28 s ago.
        let heard = try model.read(recordings[9].samples, at: times.map { $0 - 0.28 }).map(\.x)
        let lag = LipLag.find(heard: Array(heard[50..<125]), seen: Array(recordings[9].openings[50..<125]))
        #expect(lag?.pictures == 7)
    }

    @Test func tooLittleIsRefused() {
        #expect(throws: MouthModelError.self) { try MouthFit.fit([]) }
        let few = MouthRecording(path: "a", speaker: "s", times: (0..<75).map { Double($0) / 25 }, openings: .init(repeating: 0, count: 75), corners: .init(repeating: 0, count: 75), samples: babble(seconds: 3, seed: 1))
        #expect(throws: MouthModelError.self) { try MouthFit.fit([few]) }
    }
}

@Suite struct MouthModelFileTests {
    private func path() -> String { FileManager.default.temporaryDirectory.appendingPathComponent("mouth-\(UUID().uuidString).fwoc").path }

    @Test func readsWhatItWrites() throws {
        let (model, path) = (loudnessModel(), path())
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        #expect(try MouthModel(contentsOf: path) == model)
        #expect(model.bytes.count == MouthModel.fileSize && MouthModel.fileSize < 200_000)
    }

    @Test func everyFlippedByteIsRefused() {
        let bytes = loudnessModel().bytes
        for at in bytes.indices where at < 64 || at % 97 == 0 || at >= bytes.count - 4 {
            var damaged = bytes
            damaged[at] ^= 0x10
            #expect(throws: MouthModelError.self, "byte \(at)") { try MouthModel(bytes: damaged) }
        }
    }

    @Test func everyLengthButTheRightOneIsRefused() {
        let bytes = loudnessModel().bytes
        for count in Array(0..<40) + [bytes.count / 2, bytes.count - 1] {
            #expect(throws: MouthModelError.self, "\(count) bytes") { try MouthModel(bytes: Array(bytes[..<count])) }
        }
        #expect(throws: MouthModelError.self) { try MouthModel(bytes: bytes + [0]) }
    }

    /// With a checksum that fits.
    @Test(arguments: [Float.nan, .infinity, -.infinity, 1e9]) func numbersThatAreNoneAreRefused(value: Float) {
        for at in [24, 36, 44, 2000] {
            var bytes = Array(loudnessModel().bytes.dropLast(4))
            for byte in 0..<4 { bytes[at + byte] = UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * byte)) }
            let sum = Checksum.of(bytes.span)
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: sum >> UInt32(shift))) }
            let hostile = bytes
            #expect(throws: MouthModelError.self) { try MouthModel(bytes: hostile) }
        }
    }

    @Test func whatIsNotThereOrNoFileIsRefused() {
        for path in ["/nowhere/mouth.fwoc", FileManager.default.temporaryDirectory.path] {
            #expect(throws: MouthModelError.self) { try MouthModel(contentsOf: path) }
        }
    }
}

@Suite struct RidgeRegressionTests {
    @Test(arguments: [(1, 1), (3, 2), (17, 1), (40, 3)]) func recoversAPlantedMap(inputs: Int, outputs: Int) throws {
        var random = SeededGenerator(seed: UInt64(inputs))
        let weights = random.normals(inputs * outputs), bias = random.normals(outputs)
        var regression = RidgeRegression(inputs: inputs, outputs: outputs)
        for _ in 0..<5 {
            let x = random.normals(inputs * 101).map { $0 + 2 }
            let y = (0..<101).flatMap { row in (0..<outputs).map { k in (0..<inputs).reduce(bias[k]) { $0 + x[row * inputs + $1] * weights[$1 * outputs + k] } } }
            regression.add(x, y)
        }
        let solution = try #require(regression.solve(penalty: 1e-9))
        for (found, planted) in zip(solution.weights, weights) { #expect(abs(found - Double(planted)) < 1e-3) }
        for (found, planted) in zip(solution.bias, bias) { #expect(abs(found - Double(planted)) < 1e-3 * Double(inputs)) }
    }

    /// Gradient descent on the penalised squares, slow and readable.
    @Test func agreesWithGradientDescent() throws {
        let (inputs, count, penalty) = (5, 60, 0.3)
        var random = SeededGenerator(seed: 4)
        let x = random.normals(inputs * count), y = random.normals(count)
        var regression = RidgeRegression(inputs: inputs, outputs: 1)
        regression.add(x, y)
        let solution = try #require(regression.solve(penalty: penalty))
        let mean = (0..<inputs).map { i in (0..<count).reduce(0.0) { $0 + Double(x[$1 * inputs + i]) } / Double(count) }
        let middle = y.reduce(0.0) { $0 + Double($1) } / Double(count)
        let variance = (0..<inputs).map { i in (0..<count).reduce(0.0) { $0 + (Double(x[$1 * inputs + i]) - mean[i]) * (Double(x[$1 * inputs + i]) - mean[i]) } }
        var weights = [Double](repeating: 0, count: inputs)
        for _ in 0..<5000 {
            var gradient = (0..<inputs).map { penalty * variance[$0] * weights[$0] }
            for row in 0..<count {
                let at = (0..<inputs).map { Double(x[row * inputs + $0]) - mean[$0] }
                let error = zip(at, weights).reduce(middle - Double(y[row])) { $0 + $1.0 * $1.1 }
                for i in 0..<inputs { gradient[i] += error * at[i] }
            }
            for i in 0..<inputs { weights[i] -= 0.004 * gradient[i] }
        }
        for (a, b) in zip(solution.weights, weights) { #expect(abs(a - b) < 1e-6) }
    }

    @Test func anInputThatNeverVariesGetsNoWeight() throws {
        var random = SeededGenerator(seed: 9)
        let free = random.normals(200)
        var regression = RidgeRegression(inputs: 3, outputs: 1)
        regression.add((0..<200).flatMap { [free[$0], 5, 0] }, free.map { 2 * $0 + 1 })
        let solution = try #require(regression.solve(penalty: 1e-6))
        #expect(abs(solution.weights[0] - 2) < 1e-3 && solution.weights[1] == 0 && solution.weights[2] == 0 && abs(solution.bias[0] - 1) < 1e-3)
        #expect(RidgeRegression(inputs: 3, outputs: 1).solve(penalty: 1) == nil)
    }
}

@Suite struct LipLagTests {
    @Test(arguments: -12...12) func findsEveryLag(lag: Int) {
        var random = SeededGenerator(seed: 8)
        let mouth = random.normals(200)
        let noise = random.normals(200)
        let seen = Array(mouth[50..<125])
        let heard = (50..<125).map { mouth[$0 - lag] + 0.7 * noise[$0] }
        #expect(LipLag.find(heard: heard, seen: seen)?.pictures == lag)
    }

    @Test func whatNeverChangesHasNoLag() {
        let still = [Float](repeating: 0.2, count: 75)
        let moving = (0..<75).map { Float($0 % 7) }
        #expect(LipLag.find(heard: still, seen: moving) == nil)
        #expect(LipLag.find(heard: moving, seen: still) == nil)
        #expect(LipLag.find(heard: Array(moving[..<30]), seen: moving) == nil)
    }
}

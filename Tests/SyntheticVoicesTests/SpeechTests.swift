import Articulation
import Datasets
import Foundation
import Glibc
import SyntheticVoices
import Testing

@Suite struct SpeechTests {
    let synthesizer: SpeechSynthesizer

    init() throws { synthesizer = try SpeechSynthesizer() }

    static func level(_ samples: [Float], _ start: Double, _ end: Double) -> Double {
        let range = max(0, Int(start * 16000))..<min(samples.count, Int(end * 16000))
        guard !range.isEmpty else { return -200 }
        return 10 * log10(samples[range].reduce(0.0) { $0 + Double($1 * $1) } / Double(range.count) + 1e-20)
    }

    @Test func sameSeedSameSamplesWhateverWasSaidBefore() throws {
        for seed in 0..<12 as Range<UInt64> {
            let voice = VoiceIdentity(seed: seed)
            let first = try synthesizer.speak("The bus to the harbour leaves in seven minutes.", as: voice)
            for other in 20..<22 { _ = try synthesizer.speak("What are you doing this evening?", as: VoiceIdentity(seed: UInt64(other))) }
            let second = try synthesizer.speak("The bus to the harbour leaves in seven minutes.", as: VoiceIdentity(seed: seed))
            // Not compared inside the expectation, which would look for all differences of a hundred thousand numbers.
            let isSame = first.samples == second.samples
            #expect(isSame, "seed \(seed)")
            #expect(first.phonemes == second.phonemes)
        }
    }

    @Test func differentSeedsAndTextsDiffer() throws {
        let text = "Good morning, I have a question."
        let voices = (0..<12).map { VoiceIdentity(seed: $0) }
        #expect(Set(voices).count == 12)
        let utterances = try voices.map { try synthesizer.speak(text, as: $0).samples }
        #expect(Set(utterances).count == 12)
        let other = try synthesizer.speak("Thank you very much.", as: voices[0]).samples
        let isOther = other != utterances[0]
        #expect(isOther)
    }

    @Test func asksAreKept() throws {
        for seed in 0..<10 as Range<UInt64> {
            let voice = VoiceIdentity(seed: seed, traits: VoiceTraits(sex: .female, accent: .caribbean, wordsPerMinute: 150))
            #expect(voice.sex == .female && voice.accent == .caribbean && voice.wordsPerMinute == 150)
            let man = VoiceIdentity(seed: seed, traits: VoiceTraits(sex: .male))
            #expect(man.pitch.lowerBound < 138 && voice.pitch.lowerBound > 135)
        }
        let slow = try synthesizer.speak("It takes twelve minutes to walk there.", as: VoiceIdentity(seed: 5, traits: VoiceTraits(wordsPerMinute: 110)))
        let fast = try synthesizer.speak("It takes twelve minutes to walk there.", as: VoiceIdentity(seed: 5, traits: VoiceTraits(wordsPerMinute: 220)))
        #expect(slow.duration > 1.3 * fast.duration)
    }

    /// Cycles a second, by autocorrelation of the loudest 100 ms.
    private func pitch(_ samples: [Float]) -> Double {
        var (best, at) = (-200.0, 0)
        for start in stride(from: 0, to: samples.count - 2400, by: 400) {
            let level = Self.level(samples, Double(start) / 16000, Double(start + 1600) / 16000)
            if level > best { (best, at) = (level, start) }
        }
        let part = Array(samples[at..<at + 2400])
        func correlation(_ lag: Int) -> Float { (0..<1600).reduce(Float(0)) { $0 + part[$1] * part[$1 + lag] } }
        let lags = (40...250).map { ($0, correlation($0)) }
        let most = lags.map(\.1).max() ?? 0
        // The shortest lag that is nearly as good: not two periods.
        let lag = lags.first { pair in pair.1 > 0.85 * most && lags.allSatisfy { abs($0.0 - pair.0) > 3 || $0.1 <= pair.1 } }?.0 ?? 1
        return 16000 / Double(lag)
    }

    @Test func pitchIsAsAskedAfterAllThatHappensToTheSound() throws {
        var right = 0
        for seed in 0..<20 as Range<UInt64> {
            let voice = VoiceIdentity(seed: seed)
            let heard = pitch(try synthesizer.speak("My old aunt was mowing the lawn all morning.", as: voice).samples)
            if heard > 0.75 * voice.pitch.lowerBound && heard < 1.4 * voice.pitch.upperBound { right += 1 }
        }
        #expect(right >= 16, "pitch within the voice's range for \(right) of 20 voices")
    }

    @Test(arguments: 0..<12 as Range<UInt64>) func phonemesFitTheSamples(seed: UInt64) throws {
        var phrases = PhraseList(seed: seed)
        let utterance = try synthesizer.speak(phrases.text(words: 20), as: VoiceIdentity(seed: seed))
        #expect(utterance.phonemes.first?.start == 0)
        #expect(abs((utterance.phonemes.last?.end ?? 0) - utterance.duration) < 1e-9)
        #expect(utterance.phonemes.count > 30)
        for (a, b) in zip(utterance.phonemes, utterance.phonemes.dropFirst()) {
            #expect(a.end == b.start && a.start < a.end)
            #expect(!(a.isPause && b.isPause))
        }
        #expect(utterance.samples.allSatisfy { $0.isFinite && abs($0) <= 1 })
        // Vowels are loud, and long pauses silent but for the place and the floor that every voice has; 20 ms at the edges belong to both.
        let loud = utterance.phonemes.filter { "aeiouɑɐʌɔəɛɜɪʊæ".contains($0.symbol.prefix(1)) && !$0.isPause && $0.end - $0.start > 0.04 }
        let vowels = loud.map { Self.level(utterance.samples, $0.start + 0.01, $0.end - 0.01) }.sorted()
        #expect(vowels.count > 8 && vowels[vowels.count / 2] > -30)
        let pauses = utterance.phonemes.filter { $0.isPause && $0.end - $0.start > 0.2 }
        #expect(!pauses.isEmpty)
        for pause in pauses {
            let level = Self.level(utterance.samples, pause.start + 0.1, pause.end - 0.03)
            #expect(level < vowels[vowels.count / 2] - 18, "a pause at \(pause.start) s of \(level) dB")
        }
    }

    /// What espeak-ng stretches, and what happens to the sound afterwards, moves phonemes and samples alike: a plosive's silence lies where it is said to be.
    @Test func timesStayWithTheSoundUnderEveryVocalTract() throws {
        var offsets: [Double] = []
        for seed in 0..<24 as Range<UInt64> {
            let utterance = try synthesizer.speak("Stop. Papa. Stop. Papa. Stop.", as: VoiceIdentity(seed: seed))
            // Beginnings of sound after a silence, by energy in 4 ms.
            let loud = (utterance.samples.map { abs($0) }.max() ?? 0)
            for pause in utterance.phonemes where pause.isPause && pause.end < utterance.duration && pause.start > 0 && pause.end - pause.start > 0.25 {
                var at = pause.end - 0.1
                while at < pause.end + 0.2, Self.level(utterance.samples, at, at + 0.004) < 20 * log10(Double(loud)) - 32 { at += 0.004 }
                offsets.append(at - pause.end)
            }
        }
        offsets.sort()
        let (median, low, high) = (offsets[offsets.count / 2], offsets[offsets.count / 20], offsets[offsets.count * 9 / 10])
        #expect(offsets.count > 60)
        #expect(abs(median) < 0.045, "sound begins \(median) s after the pause that precedes it")
        // A "p" begins with closed lips, up to 90 ms and a third more in slow voices, which belong to it.
        #expect(low > -0.06 && high < 0.14, "from \(low) to \(high) s")
    }

    @Test(arguments: ["", "   \n", "…", "!?", "\u{1F600}"]) func nothingToSayIsRefused(text: String) {
        #expect(throws: SpeechError.self) { try synthesizer.speak(text, as: VoiceIdentity(seed: 1)) }
    }

    @Test func textsThatAreTooLongOrHoldZerosAreRefused() {
        #expect(throws: SpeechError.self) { try synthesizer.speak(String(repeating: "word ", count: 2000), as: VoiceIdentity(seed: 1)) }
        #expect(throws: SpeechError.self) { try synthesizer.speak("before\0after", as: VoiceIdentity(seed: 1)) }
    }

    /// Brackets and tags mean nothing: they are text.
    @Test(arguments: ["[[h@'loU]] there", "<speak><break time=\"9s\"/>hello</speak>", "naïve café in Zürich", "привет, friend", "100 % of 3,000,000 & more", "a"])
    func oddTextsAreSaid(text: String) throws {
        let utterance = try synthesizer.speak(text, as: VoiceIdentity(seed: 2))
        #expect(utterance.phonemes.contains { !$0.isPause })
        #expect(utterance.duration < 25)
    }

    /// espeak-ng's own list of voices ends at 349.
    @Test func fourHundredVoicesInOneProcess() throws {
        var sounds: Set<[Float]> = []
        for seed in 0..<400 as Range<UInt64> { sounds.insert(try synthesizer.speak("Okay.", as: VoiceIdentity(seed: 1000 + seed)).samples) }
        #expect(sounds.count == 400)
    }

    @Test func whatIsSaidAtOnceIsSaidAsAlone() async throws {
        let text = "Nobody told me that the train was late."
        let alone = try (0..<8).map { try synthesizer.speak(text, as: VoiceIdentity(seed: UInt64($0))).samples }
        let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
            for index in 0..<24 {
                group.addTask { [synthesizer] in (index % 8, try synthesizer.speak(text, as: VoiceIdentity(seed: UInt64(index % 8))).samples) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(together.count == 24)
        let areSame = together.allSatisfy { $0.1 == alone[$0.0] }
        #expect(areSame)
    }
}

@Suite struct PhraseListTests {
    @Test func followsItsSeed() {
        var (a, b, c) = (PhraseList(seed: 7), PhraseList(seed: 7), PhraseList(seed: 8))
        let (first, second, third) = ((0..<50).map { _ in a.next() }, (0..<50).map { _ in b.next() }, (0..<50).map { _ in c.next() })
        #expect(first == second && first != third)
        #expect(Set(first).count > 45)
    }

    @Test func sentencesAreWhole() {
        var phrases = PhraseList(seed: 3)
        for _ in 0..<2000 {
            let phrase = phrases.next()
            #expect(!phrase.contains("<") && !phrase.contains(">") && (phrase.hasSuffix(".") || phrase.hasSuffix("?")))
            #expect((3...20).contains(phrase.split(separator: " ").count), "\(phrase)")
        }
        #expect(phrases.text(words: 40).split(separator: " ").count >= 40)
    }
}

@Suite struct SoundSceneTests {
    /// A tone with pauses.
    private let speech: [Float] = (0..<48000).map { (index: Int) -> Float in
        let isLoud = index / 8000 % 2 == 0
        return isLoud ? Float(0.2 * sin(Double(index) * 0.3)) : 0
    }

    private func power(_ samples: [Float]) -> Double { samples.reduce(0.0) { $0 + Double($1 * $1) } / Double(samples.count) }

    @Test func cleanChangesNothing() {
        let isSame = SoundScene.clean.apply(to: speech) == speech
        #expect(isSame)
    }

    @Test(arguments: [SoundScene.Background.pink, .white, .music], [0.0, 5, 20]) func signalToNoiseIsAsAsked(background: SoundScene.Background, decibels: Double) {
        let scene = SoundScene(reverberation: nil, distance: 1, background: background, signalToNoise: decibels, line: .wide, seed: 5)
        let noisy = scene.apply(to: speech)
        let noise = zip(noisy, speech).map { $0 - $1 }
        // What was cut off at the top takes from it.
        #expect(abs(10 * log10(power(speech) / power(noise)) - decibels) < 0.3)
    }

    @Test func sameValueSameSoundAndSeedsDiffer() {
        let (a, b) = (SoundScene(seed: 11), SoundScene(seed: 12))
        #expect(a == SoundScene(seed: 11) && a != b)
        let (first, second, other) = (a.apply(to: speech), a.apply(to: speech), b.apply(to: speech))
        let (isSame, isOther) = (first == second, first != other)
        #expect(isSame && isOther && first.count == speech.count)
    }

    @Test func farIsFainterAndMoreRoom() {
        func heard(_ distance: Double) -> [Float] {
            SoundScene(reverberation: 0.5, distance: distance, background: .none, signalToNoise: 60, line: .wide, seed: 3).apply(to: speech)
        }
        let (near, far) = (heard(0.5), heard(3))
        #expect(abs(10 * log10(power(near) / power(far)) - 20 * log10(6.0)) < 0.5)
        // 20 to 120 ms after the tone has ended.
        func tail(_ samples: [Float]) -> Double { power(Array(samples[8320..<9920])) / power(Array(samples[4000..<7000])) }
        #expect(tail(far) > 3 * tail(near))
    }

    @Test func telephonesHaveNoTreble() {
        let hiss: [Float] = (0..<32000).map { (index: Int) -> Float in Float(0.3 * sin(Double(index) * 2.2)) }
        let scene = SoundScene(reverberation: nil, distance: 1, background: .none, signalToNoise: 60, line: .telephone, seed: 3)
        #expect(power(scene.apply(to: hiss)) < 0.05 * power(hiss))
    }

    @Test func readsWhatItWrites() throws {
        let scene = SoundScene(seed: 4)
        #expect(try JSONDecoder().decode(SoundScene.self, from: JSONEncoder().encode(scene)) == scene)
    }
}

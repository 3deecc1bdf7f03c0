import Articulation

/// Says texts with invented voices.
///
/// Every utterance is said by a child process, one after the other, and what happens to the sound afterwards side by side. Thread-safe.
///
/// espeak-ng is under the GNU General Public License, version 3 or later: a program that contains this module is distributed under that licence.
public final class SpeechSynthesizer: Sendable {
    /// Bytes of a text, as UTF-8.
    public static let longestText = 4000

    private let engine: Espeak

    /// - Throws: ``SpeechError`` where espeak-ng's data are not installed.
    public init() throws(SpeechError) { engine = try Espeak.shared.get() }

    /// The same samples for the same text and voice, whatever was said before.
    /// - Parameter text: English; letters of another script are named.
    /// - Throws: ``SpeechError`` for a text that is empty or too long, or of which nothing can be said ("…").
    public func speak(_ text: String, as voice: VoiceIdentity) throws(SpeechError) -> Utterance {
        let bytes = text.utf8.count
        guard text.unicodeScalars.contains(where: { $0.properties.isAlphabetic || $0.properties.numericType != nil }) else {
            throw SpeechError(.badData, "\"\(text)\": there is nothing to say; expected a text with a word in it")
        }
        guard bytes <= Self.longestText else {
            throw SpeechError(.badData, "a text of \(bytes) bytes, expected at most \(Self.longestText); say its sentences one by one")
        }
        guard !text.unicodeScalars.contains("\0") else { throw SpeechError(.badData, "a text with a zero byte at \(text.utf8.firstIndex(of: 0)!.utf16Offset(in: text))") }
        let seed = voice.utteranceSeed(text)
        let speech = try engine.speak(
            text, language: voice.accent.language, lines: voice.voiceFile, wordsPerMinute: Int((voice.wordsPerMinute / voice.tract).rounded()),
            seed: UInt32(truncatingIfNeeded: seed >> 32))
        guard speech.phonemes.contains(where: { !$0.symbol.isEmpty }) else {
            throw SpeechError(.badData, "\"\(text)\": espeak-ng finds nothing to say in it; expected English words")
        }
        var (samples, time) = ReadingSpeed(voice, sourceRate: engine.sampleRate, seed: seed).apply(to: speech.samples)
        let colouring = VoiceColouring(voice, seed: seed)
        colouring.apply(to: &samples)
        samples = colouring.place(samples, of: voice)
        let phonemes = Self.phonemes(speech, duration: Double(samples.count) / Double(Utterance.sampleRate), time: time)
        Self.level(&samples, phonemes, voice.colour.level)
        colouring.addFloor(to: &samples, level: voice.colour.level)
        return Utterance(samples: samples, phonemes: phonemes, text: text)
    }

    /// Events give where each begins; several pauses are one.
    private static func phonemes(_ speech: Espeak.Speech, duration: Double, time: (Double) -> Double) -> [Phoneme] {
        var phonemes: [Phoneme] = []
        func add(_ symbol: String, _ start: Double) {
            if let last = phonemes.last {
                if last.symbol.isEmpty && symbol.isEmpty { return }
                let start = max(start, last.start)
                phonemes[phonemes.count - 1].end = start
                if start <= last.start { phonemes.removeLast() }
            }
            phonemes.append(Phoneme(symbol: symbol, start: start, end: duration))
        }
        add("", 0)
        for phoneme in speech.phonemes {
            let start = time(Double(phoneme.start) / 1000)
            if start < duration { add(phoneme.symbol, start) }
        }
        return phonemes
    }

    private static func level(_ samples: inout [Float], _ phonemes: [Phoneme], _ level: Float) {
        var (energy, count, peak) = (0.0, 0, Float(0))
        for phoneme in phonemes where !phoneme.isPause {
            let range = Int(phoneme.start * Double(Utterance.sampleRate))..<min(samples.count, Int(phoneme.end * Double(Utterance.sampleRate)))
            for i in range { energy += Double(samples[i] * samples[i]) }
            count += range.count
        }
        for sample in samples { peak = max(peak, abs(sample)) }
        guard energy > 0, peak > 0 else { return }
        let factor = min(level / Float((energy / Double(count)).squareRoot()), 0.95 / peak)
        for i in samples.indices { samples[i] *= factor }
    }
}

internal import CEspeak
internal import Foundation
internal import Synchronization

/// libespeak-ng, of which a process has one: its voice, settings and callback are global, and so is the C library's random generator, from which it takes
/// noise. Everything happens under one lock. It is never ended: beginning again after that hangs (1.51).
final class Espeak: Sendable {
    /// Of what it gives, Hz.
    let sampleRate: Int
    private let dataPath: String
    private let speaking = Mutex<Void>(())

    static let shared: Result<Espeak, SpeechError> = Result { () throws(SpeechError) in try Espeak() }

    struct Speech {
        var samples: [Int16] = []
        /// Beginnings in milliseconds.
        var phonemes: [(symbol: String, start: Int)] = []
    }

    private init() throws(SpeechError) {
        // Not the exit that it would make of missing data.
        let options = Int32(espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA | espeakINITIALIZE_DONT_EXIT)
        let rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, nil, options)
        guard rate > 0 else { throw SpeechError(.unavailable, "espeak-ng does not start (\(rate)): its data are missing; install espeak-ng-data") }
        sampleRate = Int(rate)
        var path: UnsafePointer<CChar>?
        _ = unsafe espeak_Info(&path)
        dataPath = unsafe path.map { unsafe String(cString: $0) } ?? ""
        unsafe espeak_SetSynthCallback { samples, count, events in
            guard var event = unsafe events, let place = unsafe event.pointee.user_data else { return 0 }
            let collector = unsafe Unmanaged<Collector>.fromOpaque(place).takeUnretainedValue()
            if let samples = unsafe samples { unsafe collector.speech.samples.append(contentsOf: UnsafeBufferPointer(start: samples, count: Int(count))) }
            while unsafe event.pointee.type != espeakEVENT_LIST_TERMINATED {
                if unsafe event.pointee.type == espeakEVENT_PHONEME {
                    var name = [CChar](repeating: 0, count: 9)
                    unsafe fwoc_espeak_phoneme(event, &name)
                    let symbol = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    unsafe collector.speech.phonemes.append((symbol, Int(event.pointee.audio_position)))
                }
                unsafe event += 1
            }
            return 0
        }
    }

    private final class Collector { var speech = Speech() }

    /// - Parameters:
    ///   - language: a file of espeak-ng's below `lang/gmw`; `lines` come after its own.
    ///   - seed: of its noise.
    func speak(_ text: String, language: String, lines: String, wordsPerMinute: Int, seed: UInt32) throws(SpeechError) -> Speech {
        let path = dataPath + "/lang/gmw/" + language
        guard let accent = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SpeechError(.unavailable, "\(path): not there or not readable; install espeak-ng-data")
        }
        let voice = Array((accent + "\n" + lines).utf8)
        return try speaking.withLock { _ throws(SpeechError) in
            try load(voice)
            _ = espeak_SetParameter(espeakRATE, Int32(wordsPerMinute), 0)
            // Where it clips it turns itself down, and stays so for a while: the next voice would be fainter. At this volume none clips.
            _ = espeak_SetParameter(espeakVOLUME, 12, 0)
            srand(seed)
            let collector = Collector()
            let status = withExtendedLifetime(collector) {
                unsafe text.withCString { bytes in
                    unsafe fwoc_espeak_speak(bytes, strlen(bytes) + 1, Unmanaged.passUnretained(collector).toOpaque())
                }
            }
            guard status == EE_OK else { throw SpeechError(.internalError, "espeak-ng does not say \"\(text)\" (\(status.rawValue))") }
            return collector.speech
        }
    }

    /// From a file in memory: nothing is left behind, and the list of voices on the disk, at most 349, is not read.
    private func load(_ voice: [UInt8]) throws(SpeechError) {
        let file = unsafe fwoc_memory_file("voice")
        guard file >= 0 else { throw SpeechError(.unavailable, "no file in memory for a voice: \(unsafe String(cString: strerror(errno)))") }
        defer { close(file) }
        guard unsafe write(file, voice, voice.count) == voice.count else {
            throw SpeechError(.unavailable, "a voice of \(voice.count) bytes does not fit into memory: \(unsafe String(cString: strerror(errno)))")
        }
        let status = unsafe espeak_ng_SetVoiceByFile("/proc/self/fd/\(file)")
        guard status == ENS_OK else { throw SpeechError(.internalError, "espeak-ng refuses a voice (\(String(status.rawValue, radix: 16)))") }
    }
}

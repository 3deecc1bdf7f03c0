internal import CEspeak
internal import Foundation
internal import Synchronization

/// libespeak-ng, begun once and never used in this process: every utterance is said by a child process, which finds the library as it was at its beginning.
///
/// The library keeps its voice, phases, noise and gain from one utterance to the next, and takes noise from the C library's generator: in one process the same
/// words would sound otherwise after others. It is never ended: beginning again after that hangs (1.51).
final class Espeak: Sendable {
    /// Of what it gives, Hz.
    let sampleRate: Int
    private let dataPath: String
    /// One child at a time.
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
    }

    /// Where it clips it turns itself down, and stays so for a while: what follows would be fainter. At this volume no voice clips.
    private static let volume: Int32 = 12

    /// - Parameters:
    ///   - language: a file of espeak-ng's below `lang/gmw`; `lines` come after its own.
    ///   - seed: of its noise.
    func speak(_ text: String, language: String, lines: String, wordsPerMinute: Int, seed: UInt32) throws(SpeechError) -> Speech {
        let path = dataPath + "/lang/gmw/" + language
        guard let accent = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw SpeechError(.unavailable, "\(path): not there or not readable; install espeak-ng-data")
        }
        let voice = Array((accent + "\n" + lines).utf8), words = Array(text.utf8CString)
        let records = try speaking.withLock { _ throws(SpeechError) in
            var child: pid_t = 0
            let pipe = unsafe fwoc_espeak_begin(voice, voice.count, words, words.count, Int32(wordsPerMinute), Self.volume, seed, &child)
            guard pipe >= 0 else { throw SpeechError(.unavailable, "no process for espeak-ng: \(unsafe String(cString: strerror(errno)))") }
            defer {
                close(pipe)
                while unsafe waitpid(child, nil, 0) < 0, errno == EINTR {}
            }
            return Self.contents(of: pipe)
        }
        return try Self.speech(records, text)
    }

    private static func contents(of pipe: Int32) -> [UInt8] {
        var bytes: [UInt8] = [], piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe read(pipe, &piece, piece.count)
            if count > 0 { bytes += piece[..<count] } else if count == 0 || errno != EINTR { return bytes }
        }
    }

    private static func speech(_ records: [UInt8], _ text: String) throws(SpeechError) -> Speech {
        func number(_ place: Int) -> Int { Int(Int32(truncatingIfNeeded: (0..<4).reduce(UInt32(0)) { $0 | UInt32(records[place + $1]) << UInt32(8 * $1) })) }
        var speech = Speech(), at = 0
        while at + 8 <= records.count {
            let (kind, count) = (number(at), number(at + 4))
            at += 8
            switch kind {
            case fwoc_espeak_samples:
                guard count >= 0, at + 2 * count <= records.count else { throw SpeechError(.internalError, "espeak-ng broke off in \"\(text)\"") }
                for index in 0..<count { speech.samples.append(Int16(bitPattern: UInt16(records[at + 2 * index]) | UInt16(records[at + 2 * index + 1]) << 8)) }
                at += 2 * count
            case fwoc_espeak_phoneme:
                guard at + 8 <= records.count else { throw SpeechError(.internalError, "espeak-ng broke off in \"\(text)\"") }
                // A name that fills its field has no end.
                speech.phonemes.append((String(decoding: records[at..<at + 8].prefix { $0 != 0 }, as: UTF8.self), count))
                at += 8
            default:
                guard count == 0 else { throw SpeechError(.internalError, "espeak-ng does not say \"\(text)\" (\(String(UInt32(bitPattern: Int32(count)), radix: 16)))") }
                return speech
            }
        }
        throw SpeechError(.internalError, "espeak-ng's process ended in the midst of \"\(text)\"")
    }
}

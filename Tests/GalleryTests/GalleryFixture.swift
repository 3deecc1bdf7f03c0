import Foundation
import Gallery
import Synchronization
import Testing

/// SplitMix64 (Steele, Lea and Flood, 2014): the tests' only source of chance.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Standard normal, by the polar method.
    mutating func normal() -> Float {
        while true {
            let x = Float.random(in: -1...1, using: &self), y = Float.random(in: -1...1, using: &self)
            let s = x * x + y * y
            if s > 0, s < 1 { return x * (-2 * Float(log(Double(s))) / s).squareRoot() }
        }
    }

    mutating func direction(_ dimension: Int) -> [Float] { (0..<dimension).map { _ in normal() } }

    /// Somebody's embedding: `center` plus noise. With noise 0.7 two of them have a cosine of about 0.67.
    mutating func sample(around center: [Float], noise: Float = 0.7) -> [Float] { center.map { $0 + noise * normal() } }
}

/// When everything happens in these tests.
let testDate = Date(timeIntervalSince1970: 1_700_000_000.25)

/// A folder of its own that is removed with the instance.
final class ScratchFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "gallery-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}

let faceEncoder = EncoderIdentity(fingerprint: "face-encoder@sha256:0123456789ab", dimension: 67)
let voiceEncoder = EncoderIdentity(fingerprint: "voice-encoder@sha256:ba9876543210", dimension: 33)
let encoders: [Modality: EncoderIdentity] = [.face: faceEncoder, .voice: voiceEncoder]

func openGallery(_ path: String = ":memory:", access: Gallery.Access = .readWrite, seed: UInt64 = 1) throws(GalleryError) -> Gallery {
    let draws = Draws(seed: seed)
    return try Gallery(path: path, access: access, clock: { testDate }, randomness: { draws.next() })
}

/// A generator that closures share.
final class Draws: Sendable {
    private let generator: Mutex<SplitMix64>
    init(seed: UInt64) { generator = Mutex(SplitMix64(state: seed)) }
    func next() -> UInt64 { generator.withLock { $0.next() } }
}

func face(_ embedding: [Float], quality: Float = 0.8, origin: String = "a.png") -> TemplateCandidate {
    TemplateCandidate(modality: .face, embedding: embedding, quality: quality, origin: origin)
}

func voice(_ embedding: [Float], quality: Float = 0.8, origin: String = "a.wav") -> TemplateCandidate {
    TemplateCandidate(modality: .voice, embedding: embedding, quality: quality, origin: origin)
}

/// The error that `body` throws; a failed expectation where it throws none.
func galleryError(_ body: () throws(GalleryError) -> Void, _ location: SourceLocation = #_sourceLocation) -> GalleryError? {
    do {
        try body()
        Issue.record("no error was thrown", sourceLocation: location)
        return nil
    } catch { return error }
}

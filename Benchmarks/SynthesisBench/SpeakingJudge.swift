import Foundation
import FrontEnd
import MediaFiles
import MediaTypes
import ModelBundle
import Recognition

/// What an active-speaker network says of one face and a sound, its own or another: detector, tracker, crops, cepstra and the network in its streaming form are recognition's.
final class SpeakingJudge {
    /// The face that is there for longest, cut out for the network on its grid, and the sound from time zero.
    struct Film {
        var crops: [[UInt8]] = []
        /// Grid frame of the first crop.
        var first = 0
        /// Mono at 16 kHz.
        var samples: [Float] = []
    }

    /// Pictures at either end that only lend their sound: shifted sound is then as much as its own.
    static let margin = 12

    private let detector: FaceDetector
    private let scorer: ActiveSpeakerScorer
    private let sampler = CropSampler()

    init(network: String, detector: String) throws {
        var settings = FaceDetector.Settings()
        settings.longSide = 320
        self.detector = try FaceDetector(Graph(onnxFile: URL(fileURLWithPath: detector)), settings: settings)
        scorer = try ActiveSpeakerScorer(Graph(onnxFile: URL(fileURLWithPath: network)), contract: .lrASD)
    }

    func film(_ path: String) throws -> Film {
        let reader = try MediaReader(path: path)
        var tracker = FaceTracker()
        var films: [TrackID: Film] = [:]
        var samples: [Float] = []
        while let item = reader.next() {
            switch item {
            case .audio(let block):
                let start = max(samples.count, Int((Double(block.start.nanoseconds) * 16e-6).rounded()))
                samples += [Float](repeating: 0, count: start - samples.count) + block.samples
            case .video(let frame):
                tracker.update(try detector.detect(frame), at: frame.instant)
                for track in tracker.tracks {
                    guard let transform = scorer.crop(box: track.box, landmarks: track.landmarks) else { continue }
                    var crop = [UInt8](repeating: 0, count: scorer.cropSize * scorer.cropSize)
                    var span = crop.mutableSpan
                    sampler.writeGrey(frame, transform, width: scorer.cropSize, height: scorer.cropSize, border: scorer.border, into: &span)
                    let place = SpeakingGrid.index(at: frame.instant)
                    var film = films[track.id] ?? Film(first: place)
                    while film.first + film.crops.count <= place { film.crops.append(crop) }
                    films[track.id] = film
                }
            }
        }
        guard var film = films.values.max(by: { ($0.crops.count, $1.first) < ($1.crops.count, $0.first) }) else { return Film() }
        film.samples = samples
        return film
    }

    /// How much the face is believed to speak in each picture but the margins: log odds. Empty where there is less than a second.
    /// - Parameters:
    ///   - sound: of another film, or of the same one.
    ///   - late: pictures by which that is late.
    func scores(_ film: Film, sound: [Float], late: Int = 0) throws -> [Float] {
        let inner = (film.first + Self.margin)..<max(film.first + Self.margin, film.first + film.crops.count - Self.margin)
        guard inner.count >= 25 else { return [] }
        scorer.reset()
        let stream = try SoundStream(logMel: nil, voiceActivity: nil, timings: StageTimings())
        guard let slot = scorer.open(at: inner.lowerBound) else { return [] }
        var scores: [Float] = []
        // The sound begins one picture earlier: a network's first whole one is that behind where sound begins.
        for frame in (inner.lowerBound - 1)..<inner.upperBound {
            let begin = (frame - late) * 640
            let samples = (begin..<begin + 640).map { sound.indices.contains($0) ? sound[$0] : 0 }
            try stream.append(AudioBlock(start: SpeakingGrid.instant(frame), samples: samples))
            if frame >= inner.lowerBound {
                let crop = film.crops[frame - film.first]
                try scorer.append(crop.span, to: slot)
            }
            try scorer.score(stream, flush: false) { scores.append($2) }
        }
        try scorer.score(stream, flush: true) { scores.append($2) }
        scorer.close(slot)
        return scores
    }
}

import Biometrics
import Datasets
import Recognition
import RunRecords

/// How well two streams know whose sound it is, and when.
///
/// - *in step*: clips of 3 s (62 frames that do not look beyond their ends), and whole rows however short, of which the best offset within ± 15 frames lies within ± 1 frame;
///   their mean error, and their mean offset, which is how far the networks are off altogether.
/// - *own sound*: AUC of people's own sound against that of others, on one row and on three joined, by the distance in step (± 1 frame) and by the confidence.
/// - *still mouth*: AUC of the talking mouth against its first picture standing still, with the same sound: by the confidence, and by the confidence in step, which is the
///   median distance less the smallest within ± 2 frames of the offset that is known.
/// - *evidence*: `Synchrony.evidence`, what the agent decides by, where the offset of sound and picture is known and where it is not yet.
struct SynchronyMeasurement {
    /// Embeddings of one row, `[frames, dimension]`, without those that looked beyond its ends.
    struct Talk {
        var identity: String
        var mouths: [Float]
        var sounds: [Float]
        var stillMouths: [Float]
        var dimension: Int

        var frames: Int { mouths.count / dimension }
    }

    /// What a clip of 3 s leaves of whole grid frames that do not look beyond its ends.
    static let windowFrames = 62
    private(set) var talks: [Talk] = []

    mutating func add(_ talk: Talk) { talks.append(talk) }

    /// Mean distances at each offset of mouths and sounds, frames that have both; of rows joined, over all their frames.
    static func synchrony(_ parts: [(mouths: ArraySlice<Float>, sounds: ArraySlice<Float>)], dimension: Int) -> Synchrony {
        Synchrony(
            distances: (-Synchrony.reach...Synchrony.reach).map { offset in
                var sum: Float = 0, count = 0
                for part in parts {
                    let time = min(part.mouths.count, part.sounds.count) / dimension
                    guard time > abs(offset) else { continue }
                    for t in max(0, -offset)..<min(time, time - offset) {
                        let a = part.mouths.startIndex + t * dimension, b = part.sounds.startIndex + (t + offset) * dimension
                        var product: Float = 0
                        for index in 0..<dimension { product += part.mouths[a + index] * part.sounds[b + index] }
                        sum += max(0, 2 - 2 * product).squareRoot()
                        count += 1
                    }
                }
                return count > 0 ? sum / Float(count) : 2
            })
    }

    /// How near a mouth and a sound are that are known to be in step but for a frame.
    private static func nearness(_ synchrony: Synchrony) -> Float { -(synchrony.distances[Synchrony.reach - 1...Synchrony.reach + 1].min() ?? 2) }

    var values: [RunValue] {
        var hits = 0, windows = 0, error = 0, bias = 0, wholeHits = 0
        for talk in talks {
            let size = Self.windowFrames * talk.dimension
            if abs(Self.synchrony([(talk.mouths[...], talk.sounds[...])], dimension: talk.dimension).offset) <= 1 { wholeHits += 1 }
            for start in stride(from: 0, through: talk.mouths.count - size, by: size) {
                let found = Self.synchrony([(talk.mouths[start..<start + size], talk.sounds[start..<start + size])], dimension: talk.dimension)
                windows += 1
                error += abs(found.offset)
                bias += found.offset
                if abs(found.offset) <= 1 { hits += 1 }
            }
        }
        func auc(_ own: [Float], _ other: [Float]) -> Double? {
            let scores = own + other, isSame = [Bool](repeating: true, count: own.count) + [Bool](repeating: false, count: other.count)
            guard !own.isEmpty, !other.isEmpty, let trials = try? ScoredTrials(scores: scores, isSame: isSame) else { return nil }
            return OperatingCurve(trials).areaUnderCurve
        }
        var result = [
            RunValue("rows_in_step", talks.isEmpty ? nil : Double(wholeHits) / Double(talks.count)), RunValue("in_step", windows > 0 ? Double(hits) / Double(windows) : nil), 
            RunValue("mean_error", windows > 0 ? Double(error) / Double(windows) : nil), RunValue("mean_offset", windows > 0 ? Double(bias) / Double(windows) : nil),
        ]
        for count in [1, 3] {
            let groups = groups(of: count)
            var own: [Float] = [], others: [Float] = [], ownConfidence: [Float] = [], otherConfidence: [Float] = []
            var random = SeededGenerator(seed: 7, 0)
            for group in groups {
                let found = Self.synchrony(group.map { ($0.mouths[...], $0.sounds[...]) }, dimension: group[0].dimension)
                own.append(Self.nearness(found))
                ownConfidence.append(found.confidence)
                let strangers = groups.filter { $0[0].identity != group[0].identity }
                guard !strangers.isEmpty else { continue }
                for _ in 0..<4 {
                    let stranger = strangers[random.index(below: strangers.count)]
                    let other = Self.synchrony(zip(group, stranger).map { ($0.mouths[...], $1.sounds[...]) }, dimension: group[0].dimension)
                    others.append(Self.nearness(other))
                    otherConfidence.append(other.confidence)
                }
            }
            result.append(RunValue("own_sound_\(count)", auc(own, others)))
            result.append(RunValue("own_confidence_\(count)", auc(ownConfidence, otherConfidence)))
            for (name, values) in [("own", ownConfidence), ("other", otherConfidence)] {
                result.append(RunValue("confidence_\(name)_\(count)", values.isEmpty ? nil : Double(values.reduce(0, +)) / Double(values.count)))
            }
        }
        let talking = talks.map { Self.synchrony([($0.mouths[...], $0.sounds[...])], dimension: $0.dimension) }
        let still = talks.map { Self.synchrony([($0.stillMouths[...], $0.sounds[...])], dimension: $0.dimension) }
        var random = SeededGenerator(seed: 7, 0)
        let others = talks.compactMap { talk -> Synchrony? in
            let strangers = talks.filter { $0.identity != talk.identity }
            guard !strangers.isEmpty else { return nil }
            return Self.synchrony([(talk.mouths[...], strangers[random.index(below: strangers.count)].sounds[...])], dimension: talk.dimension)
        }
        result.append(RunValue("still_mouth", auc(talking.map(\.confidence), still.map(\.confidence))))
        func inStep(_ synchrony: Synchrony) -> Float { synchrony.medianDistance - synchrony.distance(near: 0, within: 2) }
        result.append(RunValue("still_mouth_in_step", auc(talking.map(inStep), still.map(inStep))))
        // What the agent decides by, and the calibration that it needs.
        for place in SynchronyScorer.Calibration.Place.allCases {
            func evidence(_ all: [Synchrony]) -> [Float] { all.map { $0.evidence(near: 0, within: place.tolerance) } }
            let own = evidence(talking), against = (still: evidence(still), others: evidence(others))
            let isSame = own.map { _ in true } + (against.still + against.others).map { _ in false }
            let calibration = (try? ScoredTrials(scores: own + against.still + against.others, isSame: isSame)).map(ScoreCalibration.init(fitting:))
            let name = "evidence_\(place.rawValue)"
            result += [
                RunValue("\(name)_still", auc(own, against.still)), RunValue("\(name)_other", auc(own, against.others)), RunValue("\(name)_slope", calibration?.slope),
                RunValue("\(name)_offset", calibration?.offset),
            ]
        }
        return result
    }

    /// Rows of one person, so many together.
    private func groups(of count: Int) -> [[Talk]] {
        var byIdentity: [String: [Talk]] = [:]
        for talk in talks { byIdentity[talk.identity, default: []].append(talk) }
        return byIdentity.sorted { $0.key < $1.key }.flatMap { _, own in
            stride(from: 0, through: own.count - count, by: count).map { Array(own[$0..<$0 + count]) }
        }
    }
}

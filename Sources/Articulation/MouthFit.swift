import FrontEnd

/// Makes mouth models from recordings, and says how well one reads others.
public enum MouthFit {
    /// Relative to the variance of each input. Found on held-out speakers: 0.03 to 0.3 are alike.
    public static let penalty = 0.1

    /// - Throws: ``MouthModelError`` where there is less than a minute.
    public static func fit(_ recordings: [MouthRecording], penalty: Double = penalty) throws -> MouthModel {
        var regression = RidgeRegression(inputs: SoundWindow.count, outputs: 2)
        var (openings, openingSquares, widthSquares, count) = (0.0, 0.0, 0.0, 0)
        for recording in recordings {
            let sound = try SoundWindow(recording.samples)
            let n = recording.times.count
            guard n > 1 else { continue }
            var windows = [Float](repeating: 0, count: n * SoundWindow.count), answers = [Float](repeating: 0, count: 2 * n)
            // About the clip's mean: how wide somebody's face is, and how far open it hangs, is not heard.
            let mean = recording.openings.reduce(0, +) / Float(n), corners = recording.corners.reduce(0, +) / Float(n)
            for (index, time) in recording.times.enumerated() {
                sound.write(at: time, into: &windows, from: index * SoundWindow.count)
                answers[2 * index] = recording.openings[index] - mean
                answers[2 * index + 1] = recording.corners[index] - corners
                openingSquares += Double(answers[2 * index] * answers[2 * index])
                widthSquares += Double(answers[2 * index + 1] * answers[2 * index + 1])
            }
            openings += Double(mean) * Double(n)
            count += n
            regression.add(windows, answers)
        }
        guard count >= 1500, let solution = regression.solve(penalty: penalty) else {
            throw MouthModelError(.badData, "\(count) pictures of \(recordings.count) clips, expected a minute (1500) and more of talking faces")
        }
        return MouthModel(
            weights: solution.weights.map(Float.init), bias: solution.bias.map(Float.init), meanOpening: Float(openings / Double(count)),
            openingDeviation: Float((openingSquares / Double(count)).squareRoot()), widthDeviation: Float((widthSquares / Double(count)).squareRoot()))
    }

    public struct Score: Sendable, Hashable {
        /// Means over clips of the correlation of what is heard with what is seen.
        public var opening, width: Float
        /// Clips whose lag is found within one picture, of those that are long enough.
        public var foundLags: Int
        public var lags: Int
        public var clips: Int
    }

    /// - Parameter seconds: of a stretch in which a lag is looked for; clips give as many as they have.
    public static func score(_ model: MouthModel, _ recordings: [MouthRecording], seconds: Double = 3) throws -> Score {
        var (openings, widths): ([Float], [Float]) = ([], [])
        var (found, lags) = (0, 0)
        for recording in recordings {
            let heard = try model.read(recording.samples, at: recording.times)
            let (open, wide) = (heard.map(\.x), heard.map(\.y))
            if let value = LipLag.correlation(open[...], recording.openings[...]) { openings.append(value) }
            if let value = LipLag.correlation(wide[...], recording.corners[...]) { widths.append(value) }
            var start = 0
            while start < recording.times.count {
                let end = recording.times.firstIndex { $0 >= recording.times[start] + seconds - 0.001 } ?? recording.times.count
                // A clip of three seconds may have lost a picture.
                if recording.times[end - 1] - recording.times[start] > 0.93 * seconds,
                    let lag = LipLag.find(heard: Array(open[start..<end]), seen: Array(recording.openings[start..<end])) {
                    lags += 1
                    if abs(lag.pictures) <= 1 { found += 1 }
                }
                start = end
            }
        }
        func mean(_ values: [Float]) -> Float { values.isEmpty ? 0 : values.reduce(0, +) / Float(values.count) }
        return Score(opening: mean(openings), width: mean(widths), foundLags: found, lags: lags, clips: recordings.count)
    }
}

/// What is taken of a file, and what is refused. Stored in the shards; a folder is gone on with by the same settings only.
public struct PrepareSettings: Hashable, Sendable {
    /// Aligned faces kept of a clip, a second.
    public var facesPerSecond = 5.0
    public var mouths: Set<MouthCrop> = [.lips]
    public var subject = SubjectChoice.only
    /// Pictures are aligned faces of 112×112 already, and are taken as they are.
    public var isAligned = false
    /// Seconds. Longer stretches are cut into equal pieces.
    public var longestRow = 10.0
    /// Seconds. Shorter stretches are refused.
    public var shortestRow = 0.5
    /// Seconds of a file that are read; what comes after is refused.
    public var longestFile = 300.0
    /// Height of a face's box in pixels.
    public var smallestFace: Float = 24
    /// Variance of the Laplacian of the aligned face; visibly blurred ones have less than about 50.
    public var leastSharpness: Float = 12
    /// Seconds of speech by the person in a row; with less the row keeps no sound.
    public var leastSpeech = 0.3

    public init() {}

    /// As `key: value`, each setting that changes what is in the rows.
    var origin: [String: String] {
        [
            "faces-per-second": "\(facesPerSecond)", "mouths": mouths.map(\.rawValue).sorted().joined(separator: ","), "face": "\(subject)",
            "aligned": "\(isAligned)", "longest-row": "\(longestRow)", "shortest-row": "\(shortestRow)", "longest-file": "\(longestFile)",
            "smallest-face": "\(smallestFace)", "least-sharpness": "\(leastSharpness)", "least-speech": "\(leastSpeech)",
        ]
    }

    func check() throws(DatasetError) {
        func require(_ condition: Bool, _ text: String) throws(DatasetError) { guard condition else { throw DatasetError(.configuration, text) } }
        try require((0.1...25).contains(facesPerSecond), "faces-per-second is \(facesPerSecond), expected 0.1…25")
        try require((0.04...60).contains(shortestRow) && (shortestRow...60).contains(longestRow), "rows of \(shortestRow)…\(longestRow) s, expected 0.04…60 s")
        try require((longestRow...3600).contains(longestFile), "longest-file is \(longestFile), expected at least the longest row and at most 3600 s")
        try require(smallestFace >= 1 && leastSharpness >= 0 && leastSpeech >= 0, "smallest-face, least-sharpness and least-speech must not be negative")
    }
}

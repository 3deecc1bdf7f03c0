/// The mouth of one face through one clip, and what was heard.
public struct MouthRecording: Sendable, Codable, Hashable {
    public var path: String
    /// Whose mouth it is, as far as that is known: the folder of the clip.
    public var speaker: String
    /// Presentation times, s, ascending.
    public var times: [Double]
    /// Gap of the inner lips, and distance of the mouth's corners, over the face's width.
    public var openings: [Float]
    public var corners: [Float]
    /// Mono at 16 kHz from time zero; not part of what is stored.
    public var samples: [Float] = []

    enum CodingKeys: String, CodingKey { case path, speaker, times, openings, corners }

    public init(path: String, speaker: String, times: [Double], openings: [Float], corners: [Float], samples: [Float] = []) {
        self.path = path
        self.speaker = speaker
        self.times = times
        self.openings = openings
        self.corners = corners
        self.samples = samples
    }

    /// Corners less their median: as ``MouthShape/width``.
    public var widths: [Float] {
        guard !corners.isEmpty else { return [] }
        let rest = corners.sorted()[corners.count / 2]
        return corners.map { $0 - rest }
    }
}

import Foundation
import MediaTypes

/// Whether one appearance speaks: log odds on the grid, smoothed, with hysteresis.
///
/// Keeps the newest ``capacity`` grid frames for the crediting of speech. Allocates at init only.
struct SpeakingEvidence {
    static let capacity = 256
    /// Share of the past in the smoothed log odds: about 8 frames (0.3 s).
    static let smoothing: Float = 0.88
    /// Lead in smoothed log odds that makes one of several faces the one that speaks: the network calls listeners who nod speakers too.
    static let lead: Float = 0.5
    static let on: Float = 0.4
    static let off: Float = -0.4

    private var smoothed = [Float](repeating: 0, count: capacity)
    private var states = [Bool](repeating: false, count: capacity)
    /// Smoothed log odds of the newest answered grid frame.
    private(set) var value: Float = 0
    /// Grid frame after the newest answered one.
    private(set) var answered: Int
    private var first: Int
    private(set) var isSpeaking = false

    init(at gridFrame: Int) {
        answered = gridFrame
        first = gridFrame
    }

    /// 0…1.
    var confidence: Float { 1 / (1 + exp(-value)) }

    mutating func add(_ logOdds: Float, at gridFrame: Int) {
        // One frame cannot say more than this: a confident mistake must not outlast its neighbours.
        let bounded = min(max(logOdds, -4), 4)
        value = answered == first ? bounded : value * Self.smoothing + bounded * (1 - Self.smoothing)
        if value > Self.on { isSpeaking = true }
        if value < Self.off { isSpeaking = false }
        let slot = Self.slot(gridFrame)
        smoothed[slot] = value
        states[slot] = isSpeaking
        answered = gridFrame + 1
    }

    /// Smoothed log odds of a grid frame; `nil` where it is unanswered or forgotten.
    func logOdds(at gridFrame: Int) -> Float? { isKept(gridFrame) ? smoothed[Self.slot(gridFrame)] : nil }

    func speaks(at gridFrame: Int) -> Bool { isKept(gridFrame) && states[Self.slot(gridFrame)] }

    private func isKept(_ gridFrame: Int) -> Bool {
        gridFrame >= first && gridFrame < answered && gridFrame >= answered - Self.capacity
    }

    private static func slot(_ gridFrame: Int) -> Int { ((gridFrame % capacity) + capacity) % capacity }

    mutating func reset(at gridFrame: Int) {
        answered = gridFrame
        first = gridFrame
        value = 0
        isSpeaking = false
    }
}

import Foundation
public import Publishing

/// An identity event as a line for people.
public enum EventLine {
    public static func text(_ event: IdentityEvent) -> String {
        var parts = ["\(event.ts.dropFirst(11).dropLast(1))", event.type.padding(toLength: 6, withPad: " ", startingAt: 0), "track \(event.track)"]
        parts.append(event.person.map { "\(event.decision) \($0.name)" } ?? event.decision)
        if let modality = event.modality { parts.append("by \(modality == "both" ? "face and voice" : modality)") }
        if let score = event.score { parts.append(String(format: "score %.2f (%.2f needed)", score, event.threshold)) }
        if let face = event.face?.score { parts.append(String(format: "face %.2f", face)) }
        if let voice = event.voice, let score = voice.score {
            parts.append(String(format: "voice %.2f of %.1f s", score, Double(voice.speechMs) / 1000))
        }
        if let speaking = event.speaking, speaking.state { parts.append("speaking") }
        return parts.joined(separator: "  ")
    }
}

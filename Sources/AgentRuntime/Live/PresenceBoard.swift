public import Foundation
import Gallery
import MediaTypes
public import Publishing
public import Recognition

/// Who is here now, from the decisions about appearances: identified people by name, and how many nobody knows. A value.
public struct PresenceBoard: Sendable {
    private struct Entry {
        var decision: IdentityDecision
        var since: Date
    }

    private var entries: [TrackID: Entry] = [:]

    public init() {}

    /// - Returns: whether who is here changed, or how well it is known.
    public mutating func note(_ decision: IdentityDecision, time: Date) -> Bool {
        let old = entries[decision.track]
        if decision.stage == .end {
            entries[decision.track] = nil
            return old != nil
        }
        let isSame = old?.decision.person?.id == decision.person?.id
        entries[decision.track] = Entry(decision: decision, since: isSame ? old?.since ?? time : time)
        return old?.decision.person != decision.person || old?.decision.verdict != decision.verdict || old?.decision.modality != decision.modality
    }

    public mutating func removeAll() { entries.removeAll() }

    /// - Returns: somebody seen twice at once is one person, since the first time.
    public func payload(node: String, time: Date) -> PresencePayload {
        var people: [String: (person: PresencePayload.Person, since: Date)] = [:]
        var unknown = 0
        for entry in entries.values {
            guard let person = entry.decision.person else {
                unknown += 1
                continue
            }
            if let other = people[person.id.rawValue], other.since <= entry.since { continue }
            people[person.id.rawValue] = (
                PresencePayload.Person(
                    id: person.id.rawValue, name: person.name, since: entry.since, score: entry.decision.score.map(Double.init),
                    modality: entry.decision.modality?.rawValue), entry.since)
        }
        return PresencePayload(
            node: node, time: time, people: people.values.sorted { ($0.since, $0.person.id) < ($1.since, $1.person.id) }.map(\.person), unknown: unknown)
    }
}

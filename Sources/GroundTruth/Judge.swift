/// Compares names over time with who is there.
struct Judge {
    /// In order of time.
    private(set) var claims: [EventScore.Claim] = []
    /// When each person of the gallery should be named.
    let due: [String: [TimeRange]]
    /// When each person was.
    private(set) var rightRanges: [String: [TimeRange]] = [:]
    /// Decisions that name somebody, and whether rightly or just held.
    private var decisions: [(time: Double, person: String?, isWrong: Bool)] = []

    /// Speech that pauses for no longer than that goes on.
    private static let pause = 1.0

    init(_ events: RecordedEvents, _ truth: ClipTruth, _ settings: EventScore.Settings) {
        let whole = TimeRange(0, truth.duration)
        var due: [String: [TimeRange]] = [:], heard: [String: [TimeRange]] = [:]
        for person in truth.people {
            heard[person.id] = truth.heard(person.id).joined(gap: Self.pause).clipped(to: whole)
            if !settings.strangers.contains(person.id) { due[person.id] = (person.onScreen + (heard[person.id] ?? [])).clipped(to: whole) }
        }
        self.due = due

        let boxes = TrueBoxes(truth)
        let tracks = Dictionary(grouping: events.decisions, by: \.track)
        var sightings: [Int: [(time: Double, person: String?)]] = [:]
        for frame in events.frames ?? [] {
            guard let index = boxes.index(at: frame.time) else { continue }
            for (face, person) in zip(frame.faces, boxes.match(frame.faces.map(\.box), frame: index)) where tracks[face.track] != nil {
                sightings[face.track, default: []].append((frame.time, person))
            }
        }
        for decision in events.decisions {
            guard let box = decision.box, let index = boxes.index(at: decision.time) else { continue }
            sightings[decision.track, default: []].append((decision.time, boxes.match([box], frame: index)[0]))
        }

        for (track, decisions) in tracks.sorted(by: { $0.key < $1.key }) {
            let seen = sightings[track, default: []].sorted { $0.time < $1.time }
            let isVoice = decisions.allSatisfy { $0.box == nil } && seen.isEmpty
            for (index, decision) in decisions.enumerated() where decision.type != "end" {
                guard let name = decision.name else { continue }
                let end = index + 1 < decisions.count ? decisions[index + 1].time : truth.duration
                guard let range = TimeRange(decision.time, end).intersection(whole) else { continue }
                let meant = settings.names[name] ?? truth.people.first { $0.id == name || $0.name == name }?.id
                let pieces = isVoice ? Self.heardPieces(range, meant, heard) : Self.seenPieces(range, seen)
                let parts = pieces.flatMap { Self.judged($0.range, $0.person, meant, name, track, isVoice, truth, heard, settings.hold) }
                claims += parts
                if let first = parts.first { self.decisions.append((decision.time, first.person, first.judgement == .wrong)) }
            }
        }
        claims.sort { ($0.range.start, $0.track) < ($1.range.start, $1.track) }
        for claim in claims where claim.judgement == .right {
            if let person = claim.person { rightRanges[person, default: []].append(claim.range) }
        }
        rightRanges = rightRanges.mapValues { $0.joined() }
    }

    /// A stretch of a face's appearance, cut where it is another person's.
    private static func seenPieces(_ range: TimeRange, _ seen: [(time: Double, person: String?)]) -> [(range: TimeRange, person: String?)] {
        guard let first = seen.last(where: { $0.time <= range.start }) ?? seen.first else { return [(range, nil)] }
        var pieces: [(range: TimeRange, person: String?)] = [(range, first.person)]
        for sighting in seen where sighting.time > range.start && sighting.time < range.end && sighting.person != pieces[pieces.count - 1].person {
            pieces[pieces.count - 1].range.end = sighting.time
            pieces.append((TimeRange(sighting.time, range.end), sighting.person))
        }
        return pieces
    }

    /// A voice is the person named, where that one is heard, or else who is.
    private static func heardPieces(_ range: TimeRange, _ meant: String?, _ heard: [String: [TimeRange]]) -> [(range: TimeRange, person: String?)] {
        [(range, meant.map { !(heard[$0] ?? []).isEmpty } ?? false ? meant : nil)]
    }

    private static func judged(
        _ range: TimeRange, _ person: String?, _ meant: String?, _ name: String, _ track: Int, _ isVoice: Bool, _ truth: ClipTruth, _ heard: [String: [TimeRange]],
        _ hold: Double
    ) -> [EventScore.Claim] {
        func claim(_ range: TimeRange, _ judgement: EventScore.Claim.Judgement) -> EventScore.Claim {
            EventScore.Claim(range: range, track: track, name: name, meant: meant, person: person, judgement: judgement)
        }
        guard let person, person == meant else { return [claim(range, .wrong)] }
        let there = isVoice ? heard[person] ?? [] : (truth.people.first { $0.id == person }?.onScreen ?? []).joined()
        let held = there.map { TimeRange($0.end, $0.end + hold) }
        let cuts = Set([range.start, range.end] + (there + held).flatMap { [$0.start, $0.end] }.filter { range.start < $0 && $0 < range.end }).sorted()
        var claims: [EventScore.Claim] = []
        for (start, end) in zip(cuts, cuts.dropFirst()) {
            let middle = (start + end) / 2
            let judgement: EventScore.Claim.Judgement = there.contains(middle) ? .right : held.contains(middle) ? .held : .wrong
            if claims.last?.judgement == judgement { claims[claims.count - 1].range.end = end } else { claims.append(claim(TimeRange(start, end), judgement)) }
        }
        return claims
    }

    /// Seconds within some stretches; of one person, or of all and of nobody.
    func tally(_ ranges: [TimeRange], person: String? = nil) -> EventScore.Tally {
        var tally = EventScore.Tally()
        for (id, due) in due where person == nil || id == person {
            for range in ranges {
                let part = due.clipped(to: range)
                tally.due += part.duration
                for moment in part { tally.named += (rightRanges[id] ?? []).clipped(to: moment).duration }
            }
        }
        for claim in claims where person == nil || claim.person == person {
            let seconds = ranges.reduce(0) { $0 + (claim.range.intersection($1)?.duration ?? 0) }
            switch claim.judgement {
            case .right: tally.right += seconds
            case .wrong: tally.wrong += seconds
            case .held: tally.held += seconds
            }
        }
        for decision in decisions where (person == nil || decision.person == person) && ranges.contains(decision.time) {
            tally.decisions += 1
            tally.wrongDecisions += decision.isWrong ? 1 : 0
        }
        return tally.rounded
    }
}

extension EventScore.Tally {
    /// To microseconds: what sums of binary fractions leave behind depends on their order.
    var rounded: Self {
        func round(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 }
        var result = self
        (result.due, result.named, result.right, result.wrong, result.held) = (round(due), round(named), round(right), round(wrong), round(held))
        return result
    }
}

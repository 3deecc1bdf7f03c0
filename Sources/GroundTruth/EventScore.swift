// Identification over time, with seconds as weights. At each moment
//   due     a person of the gallery is in the picture or heard, lost modalities included, pauses of speech of up to a second too;
//   right   a due person is named by an appearance that is this person;
//   wrong   a name stands on somebody else, on nobody, or on who has been gone for longer than the hold;
//   held    a name still stands on who has just left or fallen silent, no longer than the hold: neither right nor wrong.
// Precision = right / (right + wrong), recall = seconds of due people with somebody right / seconds of due people.
//
// An appearance is the person whose true box its box overlaps most (intersection over union at least 0.2) where it was last seen; one without a box is
// a voice, and right where the named person is heard. Average precision of speaking faces: see AveragePrecision.swift; a face is true where its person
// speaks with its own voice, moments in which picture or sound is lost left out.
//
// Edge rules: precision without a name, and recall without a due person, are absent; an appearance whose end was not said lasts to the clip's end.

/// How well events say what is true in a clip.
public struct EventScore: Sendable, Hashable, Codable {
    public struct Settings: Sendable, Hashable {
        /// What a name in the events is in the truth, where it is neither a person's name nor identifier there.
        public var names: [String: String] = [:]
        /// Identifiers of people who are not in the gallery: they are never due, and every name on them is wrong.
        public var strangers: Set<String> = []
        /// How long a name may outlive who bore it, in seconds: the agent's own hold and what it needs to find a modality lost.
        public var hold = 2.6
        /// How much later than the picture it belongs to the agent may say that somebody speaks, in seconds.
        public var speakingDelay = 0.0

        public init() {}
    }

    /// Seconds of names and people.
    public struct Tally: Sendable, Hashable, Codable {
        public var due = 0.0
        /// Seconds of `due` in which the person was rightly named.
        public var named = 0.0
        public var right = 0.0
        public var wrong = 0.0
        public var held = 0.0
        /// Decisions that name somebody, and how many of them wrongly.
        public var decisions = 0
        public var wrongDecisions = 0

        public init() {}

        public var precision: Double? { right + wrong > 0 ? right / (right + wrong) : nil }
        public var recall: Double? { due > 0 ? named / due : nil }
    }

    public struct PersonScore: Sendable, Hashable, Codable {
        public var id: String
        public var name: String
        public var isStranger: Bool
        public var tally = Tally()
        /// From the first moment in the picture or first word to the first right name, in seconds; absent where there is none.
        public var firstNamed: Double?
    }

    public struct WrongName: Sendable, Hashable, Codable {
        /// As in the events.
        public var name: String
        /// On whom it stood; absent: on nobody.
        public var person: String?
        public var ranges: [TimeRange]

        public init(name: String, person: String?, ranges: [TimeRange]) {
            self.name = name
            self.person = person
            self.ranges = ranges
        }
    }

    public struct SpeakingScore: Sendable, Hashable, Codable {
        public var averagePrecision: Double?
        /// The best of those that it would be if the agent said it so many seconds later than it is true, and with how many: lips and sound are compared over
        /// a while, so that what it says of a moment is of the one before.
        public var bestAveragePrecision: Double?
        public var bestDelay: Double?
        /// Faces in frames that were compared, and how many of them spoke.
        public var faces = 0
        public var speaking = 0
        /// Speaking faces of the truth that were not followed.
        public var missed = 0
    }

    public struct OffsetScore: Sendable, Hashable, Codable {
        /// Seconds, positive: sound later than picture.
        public var measured: Double
        public var truth: Double
        public var error: Double { measured - truth }
    }

    /// What stands on a person's lane of a time line.
    public struct Claim: Sendable, Hashable, Codable {
        public enum Judgement: String, Sendable, Hashable, Codable { case right, wrong, held }

        public var range: TimeRange
        public var track: Int
        /// As in the events.
        public var name: String
        /// Whom the name means; absent where nobody in the truth is called so.
        public var meant: String?
        /// On whom it stood.
        public var person: String?
        public var judgement: Judgement
    }

    public var duration: Double
    public var all: Tally
    public var people: [PersonScore]
    /// The same while all modalities were there, and while each was lost.
    public var complete: Tally
    public var withoutVideo: Tally
    public var withoutSound: Tally
    public var wrongNames: [WrongName]
    /// Absent where the events were written without observations.
    public var speaking: SpeakingScore?
    /// Absent where the events do not say it.
    public var offset: OffsetScore?
    public var claims: [Claim]

    public init(_ events: RecordedEvents, truth: ClipTruth, path: String = "events", settings: Settings = Settings()) throws(GroundTruthError) {
        for (name, id) in settings.names.sorted(by: { $0.key < $1.key }) where !truth.people.contains(where: { $0.id == id }) {
            throw GroundTruthError(.badData, "\(name)=\(id): ‘\(id)’ is none of the people of \(truth.clip): \(truth.people.map(\.id).joined(separator: ", "))")
        }
        for id in settings.strangers.sorted() where !truth.people.contains(where: { $0.id == id }) {
            throw GroundTruthError(.badData, "‘\(id)’ is none of the people of \(truth.clip): \(truth.people.map(\.id).joined(separator: ", "))")
        }
        // The agent answers a little after the end, for what was waiting for more.
        if let stray = events.decisions.first(where: { $0.time < -1 || $0.time > truth.duration + 10 }) {
            throw GroundTruthError(
                .badData, "\(path): an event at \(stray.time) s, but \(truth.clip) lasts \(truth.duration) s: these are the events of another clip, or the clip says when it was recorded and that is not this time")
        }
        let judge = Judge(events, truth, settings)
        duration = truth.duration
        claims = judge.claims
        let whole = TimeRange(0, truth.duration)
        let video = (truth.lost.video + truth.lost.frozen).clipped(to: whole), sound = truth.lost.sound.clipped(to: whole)
        all = judge.tally([whole])
        complete = judge.tally(Self.complement(video + sound, in: whole))
        withoutVideo = judge.tally(video)
        withoutSound = judge.tally(sound)
        people = truth.people.map { person in
            var score = PersonScore(id: person.id, name: person.name, isStranger: settings.strangers.contains(person.id))
            score.tally = judge.tally([whole], person: person.id)
            if let due = judge.due[person.id]?.first, let first = judge.rightRanges[person.id]?.first { score.firstNamed = max(0, first.start - due.start) }
            return score
        }
        wrongNames = Dictionary(grouping: claims.filter { $0.judgement == .wrong }) { [$0.name, $0.person ?? ""] }
            .map { WrongName(name: $0.key[0], person: $0.value[0].person, ranges: $0.value.map(\.range).joined()) }
            .sorted { ($0.ranges[0].start, $0.name) < ($1.ranges[0].start, $1.name) }
        speaking = events.frames.map { frames in
            var score = Self.speaking(frames, truth, delay: settings.speakingDelay)
            for step in 0...15 {
                let delay = Double(step) / 10
                guard let value = Self.speaking(frames, truth, delay: delay).averagePrecision, value > score.bestAveragePrecision ?? -1 else { continue }
                (score.bestAveragePrecision, score.bestDelay) = (value, delay)
            }
            return score
        }
        offset = events.soundOffset.map { OffsetScore(measured: $0, truth: truth.meanSoundOffset) }
    }

    static func complement(_ ranges: [TimeRange], in whole: TimeRange) -> [TimeRange] {
        var rest: [TimeRange] = [], start = whole.start
        for range in ranges.clipped(to: whole) {
            if range.start > start { rest.append(TimeRange(start, range.start)) }
            start = range.end
        }
        if start < whole.end { rest.append(TimeRange(start, whole.end)) }
        return rest
    }

    private static func speaking(_ frames: [RecordedEvents.Frame], _ truth: ClipTruth, delay: Double) -> SpeakingScore {
        var score = SpeakingScore()
        var scored: [(score: Double, isTrue: Bool)] = []
        let lost = truth.lost.video + truth.lost.frozen + truth.lost.sound
        let boxes = TrueBoxes(truth)
        for frame in frames {
            let time = frame.time - delay
            guard !lost.contains(time), let index = boxes.index(at: frame.time), let spoken = boxes.index(at: time) else { continue }
            let people = boxes.match(frame.faces.map(\.box), frame: index)
            let speakers = Set(truth.frames[spoken].faces.filter { $0.speech == .own }.map(\.person))
            for (face, person) in zip(frame.faces, people) {
                // Who does not move lips to any sound is given no score by the agent, and is as sure not to speak as can be.
                scored.append((face.speaking ?? 0, person.map(speakers.contains) ?? false))
            }
            let followed = Set(people.compactMap { $0 })
            score.missed += truth.frames[index].faces.count { speakers.contains($0.person) && !followed.contains($0.person) }
        }
        score.faces = scored.count
        score.speaking = scored.count { $0.isTrue }
        score.averagePrecision = AveragePrecision.of(scored, missed: score.missed)
        return score
    }
}

import Biometrics

extension TrialList {
    /// An item with the person that it is of.
    public struct LabelledItem: Sendable, Hashable {
        public var name: String
        public var identity: String

        public init(name: String, identity: String) {
            self.name = name
            self.identity = identity
        }
    }

    /// Every pair of different items once: n(n−1)/2.
    public static func allPairs(_ items: [LabelledItem]) throws(EvaluationError) -> TrialList {
        let items = try unique(items)
        var trials: [Trial] = []
        for (index, a) in items.enumerated() {
            for b in items[(index + 1)...] { trials.append(Trial(a: a.name, b: b.name, isSame: a.identity == b.identity)) }
        }
        return try checked(trials)
    }

    /// Different pairs drawn at random: up to `perKind` of the same person and as many of different people.
    ///
    /// Drawn by identity: first the person or the two people, each as likely as any other, then the items. People with many items
    /// would otherwise decide the result alone. Where there are fewer pairs of a kind, all of them are taken.
    /// The result depends on the items, not on their order.
    public static func sampled(_ items: [LabelledItem], perKind: Int, seed: UInt64) throws(EvaluationError) -> TrialList {
        guard perKind > 0 else { throw EvaluationError(.badData, "\(perKind) trials of each kind, expected at least 1") }
        let items = try unique(items).sorted { ($0.identity, $0.name) < ($1.identity, $1.name) }
        let people = Labelling(items.map(\.identity)).members
        var generator = SeededGenerator(seed: seed)
        var trials: [Trial] = []
        func trial(_ a: Int, _ b: Int) -> Trial { Trial(a: items[a].name, b: items[b].name, isSame: items[a].identity == items[b].identity) }

        let several = people.filter { $0.count >= 2 }
        let samePairs = several.reduce(0) { $0 + $1.count * ($1.count - 1) / 2 }
        let differentPairs = items.count * (items.count - 1) / 2 - samePairs
        func take(_ available: Int, all: () -> [SIMD2<Int>], draw: () -> SIMD2<Int>) {
            // Drawing again and again what was drawn already takes long where nearly all pairs are wanted.
            if available <= 2 * perKind {
                let pairs = all()
                let order = generator.sample(min(perKind, available), of: Array(pairs.indices))
                trials += order.map { trial(pairs[$0].x, pairs[$0].y) }
                return
            }
            var drawn: Set<SIMD2<Int>> = [], attempts = 0
            while drawn.count < perKind, attempts < 100 * perKind {
                attempts += 1
                let pair = draw()
                if drawn.insert(pair).inserted { trials.append(trial(pair.x, pair.y)) }
            }
        }
        take(samePairs, all: {
            several.flatMap { members in members.indices.flatMap { i in members.indices.filter { $0 > i }.map { SIMD2(members[i], members[$0]) } } }
        }, draw: {
            let pair = generator.sample(2, of: several[generator.below(several.count)])
            return SIMD2(min(pair[0], pair[1]), max(pair[0], pair[1]))
        })
        take(differentPairs, all: {
            people.indices.flatMap { p in people.indices.filter { $0 > p }.flatMap { q in people[p].flatMap { a in people[q].map { SIMD2(a, $0) } } } }
        }, draw: {
            let pair = generator.sample(2, of: Array(people.indices))
            let a = people[pair[0]], b = people[pair[1]]
            let i = a[generator.below(a.count)], j = b[generator.below(b.count)]
            return SIMD2(min(i, j), max(i, j))
        })
        return try checked(trials)
    }

    private static func unique(_ items: [LabelledItem]) throws(EvaluationError) -> [LabelledItem] {
        var seen: Set<String> = []
        for item in items where !seen.insert(item.name).inserted { throw EvaluationError(.badData, "item '\(item.name)' is there twice; names must differ") }
        return items
    }

    private static func checked(_ trials: [Trial]) throws(EvaluationError) -> TrialList {
        guard trials.contains(where: \.isSame) else {
            throw EvaluationError(.badData, "no trials of one person with themself can be made; at least one person needs two items")
        }
        guard trials.contains(where: { !$0.isSame }) else {
            throw EvaluationError(.badData, "no trials of different people can be made; the items are all of one person")
        }
        return TrialList(trials: trials)
    }
}

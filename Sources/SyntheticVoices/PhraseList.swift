internal import Datasets

/// Short things that people say every day, some hundred thousand of them, from templates.
public struct PhraseList: Sendable {
    private var random: SeededGenerator

    public init(seed: UInt64) { random = SeededGenerator(seed: seed, 0x7068_7261_7365) }

    /// The next one: 3 to 16 words, about one to four seconds.
    public mutating func next() -> String {
        let template = Self.templates[random.index(below: Self.templates.count)]
        var phrase = ""
        var slot: Substring?
        for character in template {
            switch (character, slot) {
            case ("<", _): slot = ""
            case (">", let name?):
                let words = Self.words[String(name)] ?? []
                phrase += words.isEmpty ? String(name) : words[random.index(below: words.count)]
                slot = nil
            case (_, let name?): slot = name + String(character)
            case (_, nil): phrase.append(character)
            }
        }
        return phrase.prefix(1).uppercased() + phrase.dropFirst()
    }

    /// As many sentences as it takes for so many words.
    public mutating func text(words: Int) -> String {
        var sentences: [String] = []
        var count = 0
        repeat {
            let phrase = next()
            sentences.append(phrase)
            count += phrase.split(separator: " ").count
        } while count < words
        return sentences.joined(separator: " ")
    }

    private static let words: [String: [String]] = [
        "person": ["my sister", "your brother", "the neighbour", "my old teacher", "the doctor", "our cousin", "the new colleague", "my aunt", "the plumber", "his wife", "the postman", "their son"],
        "place": ["the station", "the harbour", "a small cafe", "the library", "our garden", "the museum", "the market", "a quiet village", "the office", "the swimming pool", "the old bridge", "the airport"],
        "thing": ["the blue umbrella", "a box of apples", "my keys", "the broken lamp", "this heavy suitcase", "a good book", "the yellow jacket", "your phone", "the garden hose", "a pair of shoes", "the green bottle", "that photograph"],
        "food": ["pumpkin soup", "fresh bread", "a cheese sandwich", "roast potatoes", "apple pie", "mushroom risotto", "a bowl of rice", "strong coffee", "peppermint tea", "vanilla ice cream"],
        "time": ["on Monday", "this evening", "tomorrow morning", "next week", "at half past four", "before lunch", "in November", "by the end of the month", "on Friday afternoon", "very early"],
        "past": ["yesterday", "last night", "two weeks ago", "in the summer", "on Sunday", "this morning", "a year ago", "when we were young"],
        "weather": ["rain", "snow", "a strong wind", "bright sunshine", "thick fog", "a thunderstorm", "mild weather", "a cold front"],
        "number": ["three", "seven", "twelve", "twenty-five", "forty", "sixty-eight", "nineteen", "a hundred and four"],
        "doing": ["mowing the lawn", "painting the fence", "looking for a parking space", "learning to play the violin", "fixing the roof", "baking bread", "walking the dog", "moving house", "watching the birds"],
        "feeling": ["quite happy", "rather tired", "a bit nervous", "very proud", "surprised", "not so sure", "curious", "relieved"],
        "adverb": ["probably", "really", "always", "hardly ever", "usually", "certainly", "sometimes"],
        "town": ["Bristol", "Vancouver", "Geneva", "Oxford", "Chicago", "Dublin", "Melbourne", "Vienna", "Cape Town", "Wellington"],
    ]

    private static let templates = [
        "<person> was <doing> when I called <past>.", "Could you bring <thing> to <place> <time>?", "They promised <weather> for <time>, but I do not believe it.",
        "I think we should meet at <place> <time>.", "How much did you pay for <thing>?", "We had <food> at <place> <past>.", "<person> is <adverb> <feeling> about it.",
        "Please put <thing> back where you found it.", "The bus to <place> leaves in <number> minutes.", "Have you ever been to <town> in <weather>?",
        "I left <thing> at <place> <past>.", "My flight from <town> was <number> minutes late.", "<person> <adverb> orders <food> with <food>.", "What are you doing <time>?",
        "You will need <number> eggs and a cup of flour.", "It takes <number> minutes to walk from here to <place>.", "Why is <person> always <doing>?",
        "Nobody told me that <person> moved to <town>.", "I am <feeling>, because <person> forgot about <food>.", "Good morning, I have a question about <thing>.",
        "There were at least <number> people at <place> <past>.", "If <weather> comes, we will stay at home and cook <food>.", "Turn left at <place>, then it is the <number>th house on the right.",
        "She said that <thing> belongs to <person>.", "Thank you very much, that was <adverb> helpful.", "Let me know <time> whether <person> can join us.",
        "We spent the whole day <doing> near <place>.", "Do you prefer <food> or <food>?", "The meeting with <person> begins <time> in room <number>.",
        "I have been <doing> since <number> o'clock, and now I am <feeling>.", "Just a moment, I am looking for <thing>.", "The train from <town> to <town> stops at <place>.",
        "It was the best <weather> that we had all year.", "Would you mind <doing> a little more quietly?", "<person> sent me a picture of <thing> from <town>.", "Okay, see you at <place> <time>.",
    ]
}

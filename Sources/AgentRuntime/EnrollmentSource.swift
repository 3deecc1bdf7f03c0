import Foundation
import FrontEnd
public import Gallery
import MediaFiles
import MediaTypes
public import Recognition

/// Which face of a clip or picture is meant where there are several.
public enum FaceChoice: Sendable, Hashable {
    /// There must be only one.
    case only
    /// The one with the largest area over time.
    case largest
    /// The one that speech was credited to most.
    case speaking
    /// The one that this track number belongs to, as `replay` prints it.
    case track(Int)
}

/// Templates for the gallery, made from files with the same recognition that will use them.
public struct EnrollmentSource {
    /// What was found in one clip, folder or recording.
    public struct Findings: Sendable {
        public var candidates: [TemplateCandidate] = []
        /// What was left out and why, for the user.
        public var notes: [String] = []
        public var speechSeconds: Double = 0
        /// Why a clip gave a face and no voice, where it did.
        public var withoutVoice: EmbeddingAbsence?
    }

    /// Least speech in seconds that a recording must hold to be enrolled by itself.
    public static let leastSpeech = 2.0
    /// Most face templates from one clip.
    static let mostFaces = 8

    private let makeRecognizer: () throws -> Recognizer
    private let detector: () throws -> FaceDetector
    private let encoder: () throws -> FaceEncoder
    private let choice: FaceChoice

    /// - Parameters:
    ///   - detector, encoder: for pictures.
    ///   - makeRecognizer: for clips and recordings: a recognizer with an empty gallery.
    public init(
        choice: FaceChoice, detector: @escaping () throws -> FaceDetector, encoder: @escaping () throws -> FaceEncoder,
        makeRecognizer: @escaping () throws -> Recognizer
    ) {
        self.makeRecognizer = makeRecognizer
        self.detector = detector
        self.encoder = encoder
        self.choice = choice
    }

    /// For pictures; its networks are built anew.
    func makePictureEmbedder() throws -> PictureEmbedder { PictureEmbedder(detector: try detector(), encoder: try encoder()) }

    /// Face and voice from a clip: the face's pictures, and the speech that its lips spoke.
    public func clip(_ path: String) throws -> Findings {
        let (collector, recognizer) = try collect(path, video: true)
        let groups = collector.people()
        let name = (path as NSString).lastPathComponent
        guard !groups.isEmpty else {
            throw EmbeddingAbsence(path, .noFace, "no face found in this clip; a face must be at least 20 pixels high and in view for half a second")
        }
        let chosen: EvidenceCollection.Person
        switch choice {
        case .only:
            guard groups.count == 1 else {
                let list = groups.map { "track \($0.tracks.map { "\($0.value)" }.joined(separator: "+")) (\($0.faces.count) pictures)" }
                throw EmbeddingAbsence(
                    path, .severalFaces,
                    "\(groups.count) faces found: \(list.joined(separator: ", ")); say who is meant with --face largest, --face speaking or --face TRACK")
            }
            chosen = groups[0]
        case .largest:
            chosen = groups.max { $0.area < $1.area } ?? groups[0]
        case .speaking:
            guard let speaker = groups.max(by: { $0.speechSeconds < $1.speechSeconds }), speaker.speechSeconds > 0 else {
                throw EmbeddingAbsence(path, .nobodySpeaks, "no face in this clip speaks; choose with --face largest or --face TRACK")
            }
            chosen = speaker
        case .track(let number):
            guard let group = groups.first(where: { $0.tracks.contains(TrackID(number)) }) else {
                let known = groups.flatMap(\.tracks).map { "\($0.value)" }.joined(separator: ", ")
                throw EmbeddingAbsence(path, .noSuchTrack, "no track \(number); the tracks with a usable face are \(known)")
            }
            chosen = group
        }
        var findings = Findings()
        findings.speechSeconds = chosen.speechSeconds
        for face in chosen.selectedFaces(limit: Self.mostFaces) {
            findings.candidates.append(
                TemplateCandidate(
                    modality: .face, embedding: face.embedding, quality: face.quality,
                    origin: TemplateCandidate.origin(file: name, at: face.instant.seconds)))
        }
        for voice in chosen.voices {
            findings.candidates.append(
                TemplateCandidate(
                    modality: .voice, embedding: voice.embedding, quality: min(1, voice.seconds / TemplateCandidate.voiceOfFullQuality),
                    origin: TemplateCandidate.origin(file: name, at: voice.instant.seconds)))
        }
        if chosen.voices.isEmpty {
            let reason =
                recognizer.lastSpeechKnown
                ? "too little speech was spoken by this face alone (0.8 s in one go are needed)" : "no speech in it"
            findings.withoutVoice = EmbeddingAbsence(path, .tooLittleSpeech, reason)
            findings.notes.append("voice not enrolled from \(name): \(reason)")
        }
        return findings
    }

    /// A voice from a recording that holds one person's speech.
    public func sound(_ path: String) throws -> Findings {
        let (collector, _) = try collect(path, video: false)
        let seconds = collector.voices.reduce(0) { $0 + Double($1.seconds) }
        guard seconds >= Self.leastSpeech else {
            throw EmbeddingAbsence(
                path, .tooLittleSpeech, String(format: "too little speech: %.1f s found, at least %.1f s are needed", seconds, Self.leastSpeech))
        }
        let name = (path as NSString).lastPathComponent
        var findings = Findings()
        findings.speechSeconds = seconds
        findings.candidates = collector.voices.map {
            TemplateCandidate(
                modality: .voice, embedding: $0.embedding, quality: min(1, $0.seconds / TemplateCandidate.voiceOfFullQuality),
                origin: TemplateCandidate.origin(file: name, at: $0.instant.seconds))
        }
        return findings
    }

    /// A face from every picture in a folder. Pictures without a face, or with several, are left out and named.
    public func pictures(_ directory: String) throws -> Findings {
        var isDirectory = ObjCBool(false)
        guard unsafe FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory) else {
            throw AgentError(.noInput, "\(directory): no such folder")
        }
        guard isDirectory.boolValue else { throw AgentError(.noInput, "\(directory): not a folder; --images takes a folder of pictures") }
        let names = (try FileManager.default.contentsOfDirectory(atPath: directory)).sorted().filter { !$0.hasPrefix(".") }
        var findings = Findings()
        let embedder = try makePictureEmbedder()
        for name in names {
            let path = (directory as NSString).appendingPathComponent(name)
            do {
                let (embedding, quality) = try embedder.embed(try PictureReader.read(path).frame, name: name, choice: choice)
                findings.candidates.append(
                    TemplateCandidate(modality: .face, embedding: embedding, quality: quality, origin: TemplateCandidate.origin(file: name)))
            } catch let absence as EmbeddingAbsence {
                findings.notes.append("left out \(absence)")
            } catch let error as MediaError {
                findings.notes.append("left out \(error)")
            }
        }
        guard !findings.candidates.isEmpty else {
            throw AgentError(
                .badData,
                "\(directory): no picture with one clear face among \(names.count) files"
                    + (findings.notes.isEmpty ? "" : ":\n  " + findings.notes.prefix(10).joined(separator: "\n  ")))
        }
        return findings
    }

    private func collect(_ path: String, video: Bool) throws -> (EvidenceCollection, Recognizer) {
        var options = MediaReader.Options()
        options.readsVideo = video
        let reader = try MediaReader(path: path, options: options)
        let recognizer = try makeRecognizer()
        let collector = EvidenceCollection(samePersonCosine: recognizer.samePersonCosine)
        recognizer.collector = collector
        while let item = reader.next() {
            switch item {
            case .video(let frame): try recognizer.consume(frame)
            case .audio(let block): try recognizer.consume(block)
            }
            for observation in recognizer.observations { collector.note(observation) }
            recognizer.takeDecisions { _ in }
        }
        try recognizer.finish()
        return (collector, recognizer)
    }
}

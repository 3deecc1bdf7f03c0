public import Datasets
import Foundation
import GroundTruth
import MediaFiles

/// Makes the clips of a recipe, several at the same time, into one folder; what is there already is not made again.
///
/// `DIR/clips/000/000012.mp4` with its truth beside it, `DIR/recipe.yaml` as it was given, and a manifest that `fwoc-train prepare --layout manifest` takes.
/// Which part makes a clip follows from its name; the clip follows from recipe and number alone.
public final class Corpus: Sendable {
    public struct Progress: Sendable {
        public var done = 0
        public var total = 0
        /// Were there before.
        public var before = 0
        /// Of the clips made now.
        public var mediaSeconds = 0.0
    }

    public struct Summary: Sendable {
        public var progress: Progress
        public var manifest: String
        /// Lines of the manifest.
        public var rows: Int
        /// Seconds of work, of all threads together.
        public var cost: ClipMaker.Cost
    }

    private let recipe: CorpusRecipe
    private let folder: String
    private let parts: SynthesisParts

    /// - Parameter recipeText: is kept in the folder, and compared with what is there.
    public init(_ recipe: CorpusRecipe, recipeText: String, folder: String, parts: SynthesisParts) throws {
        self.recipe = recipe
        self.folder = folder
        self.parts = parts
        do { try FileManager.default.createDirectory(atPath: folder + "/clips", withIntermediateDirectories: true) } catch {
            throw ClipError(.inputOutput, "\(folder): cannot be created: \(error.localizedDescription)")
        }
        let kept = folder + "/recipe.yaml"
        if let old = try? String(contentsOfFile: kept, encoding: .utf8) {
            guard old == recipeText else { throw ClipError(.badData, "\(folder): was made with another recipe, see \(kept); give that one, or another folder") }
        } else {
            do { try Data(recipeText.utf8).write(to: URL(fileURLWithPath: kept), options: .atomic) } catch {
                throw ClipError(.inputOutput, "\(kept): writing failed: \(error.localizedDescription)")
            }
        }
    }

    public func path(_ number: Int) -> String { "clips/\(CorpusRecipe.name(number)).\(recipe.formats[0].container.rawValue)" }

    /// - Parameter progress: called from one thread at a time.
    public func make(part: WorkPart = .whole, jobs: Int = 1, progress: @escaping @Sendable (Progress) -> Void = { _ in }) throws -> Summary {
        let numbers = (0..<recipe.clips).filter { part.contains(CorpusRecipe.name($0)) }
        let missing = numbers.filter { !isThere($0) }
        let state = Shared(total: numbers.count, before: numbers.count - missing.count, queue: missing)
        let group = DispatchGroup()
        for index in 0..<max(1, min(jobs, missing.count)) {
            group.enter()
            let thread = Thread { [self] in
                let maker = ClipMaker(parts: parts)
                while let number = state.take() {
                    do { state.finish(seconds: try make(number, maker), progress) } catch {
                        state.fail(error)
                        break
                    }
                }
                state.add(maker.cost)
                group.leave()
            }
            thread.name = "corpus \(index)"
            // Encoders want more than Foundation's half megabyte.
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        if let error = state.failure { throw error }
        let manifest = part.count == 1 ? "manifest.csv" : "manifest-\(part.index)-of-\(part.count).csv"
        let rows = try numbers.flatMap { try self.rows($0) }
        let text = "file,identity,start,end,session,face\n" + rows.map { $0 + "\n" }.joined()
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + manifest), options: .atomic) } catch {
            throw ClipError(.inputOutput, "\(folder)/\(manifest): writing failed: \(error.localizedDescription)")
        }
        return Summary(progress: state.progress, manifest: folder + "/" + manifest, rows: rows.count, cost: state.cost)
    }

    /// The truth is written last, and whole.
    private func isThere(_ number: Int) -> Bool {
        let clip = folder + "/" + path(number)
        return FileManager.default.fileExists(atPath: TruthPath.of(clip)) && FileManager.default.fileExists(atPath: clip)
    }

    private func make(_ number: Int, _ maker: ClipMaker) throws -> Double {
        let clip = folder + "/" + path(number)
        do {
            try FileManager.default.createDirectory(atPath: (clip as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            let truth = try maker.make(recipe.scene(number), to: clip)
            try truth.json().write(to: URL(fileURLWithPath: TruthPath.of(clip)), options: .atomic)
            return truth.duration
        } catch let error as ClipError {
            throw ClipError(error.category, "clip \(number): \(error.description)")
        }
    }

    /// Whose face and voice prepare is to find: the only person of a clip, else who speaks with an own voice and alone.
    private func rows(_ number: Int) throws -> [String] {
        let file = path(number), truth = try ClipTruth(contentsOf: TruthPath.of(folder + "/" + file)), session = CorpusRecipe.name(number)
        let seen = truth.people.filter { !$0.onScreen.isEmpty }
        if truth.people.count == 1, seen.count == 1, truth.speech.allSatisfy({ $0.kind == .own }) { return ["\(file),\(seen[0].id),,,\(session),only"] }
        var rows: [String] = []
        for speech in truth.speech where speech.kind == .own && speech.heard == speech.person && seen.contains(where: { $0.id == speech.person }) {
            let range = TimeRange(speech.start, min(speech.end, truth.duration))
            let isAlone = !truth.speech.contains { $0 != speech && $0.range.intersection(range) != nil }
            guard isAlone, range.duration >= 1 else { continue }
            rows.append("\(file),\(speech.person),\(String(format: "%.2f", range.start)),\(String(format: "%.2f", range.end)),\(session),\(seen.count == 1 ? "only" : "speaking")")
        }
        return rows
    }

    /// What threads share; everything is behind one lock, hence `@unchecked`.
    private final class Shared: @unchecked Sendable {
        private let lock = NSLock()
        private var queue: ArraySlice<Int>
        private(set) var progress = Progress()
        private(set) var failure: (any Error)?
        private(set) var cost = ClipMaker.Cost()

        init(total: Int, before: Int, queue: [Int]) {
            self.queue = queue[...]
            (progress.total, progress.before, progress.done) = (total, before, before)
        }

        func take() -> Int? { lock.withLock { failure == nil ? queue.popFirst() : nil } }

        func finish(seconds: Double, _ report: (Progress) -> Void) {
            lock.withLock {
                progress.done += 1
                progress.mediaSeconds += seconds
                report(progress)
            }
        }

        func fail(_ error: any Error) { lock.withLock { failure = failure ?? error } }

        func add(_ other: ClipMaker.Cost) {
            lock.withLock {
                cost.speech += other.speech
                cost.drawing += other.drawing
                cost.camera += other.camera
                cost.encoding += other.encoding
            }
        }
    }
}

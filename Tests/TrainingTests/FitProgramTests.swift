import Datasets
import Evaluation
import Foundation
import Glibc
import ModelBundle
import RunRecords
import Tensors
import Testing
import Training

/// `fwoc-train fit` as people call it, killed and resumed, on a full disk, and by two processes at once.
@Suite(.serialized) struct FitProgramTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "fwoc-train")

    /// A process whose complaints go to a file. It does not outlive its test.
    private final class Trainer {
        let process = Process()
        private let errors: URL

        /// - Parameter shell: what a shell does before it becomes the program.
        init(_ arguments: [String], in scratch: ScratchFolder, shell: String = ":", environment: [String: String] = [:]) throws {
            errors = scratch.url.appending(path: "\(UUID()).err")
            try Data().write(to: errors)
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", shell + "; exec \"$@\"", "sh", FitProgramTests.program.path] + arguments
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            process.standardOutput = FileHandle.nullDevice
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        var complaint: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

        func end() async throws -> Int32 {
            while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
            return process.terminationStatus
        }
    }

    private static func run(_ arguments: [String], in scratch: ScratchFolder, shell: String = ":") async throws -> (status: Int32, complaint: String) {
        let trainer = try Trainer(arguments, in: scratch, shell: shell)
        let status = try await trainer.end()
        return (status, trainer.complaint)
    }

    /// Networks that a picture of 112×112 and half a second of sound go through in a moment, as files: trained like any other.
    private static func networks(_ scratch: ScratchFolder) throws {
        var net = GraphBuilder(name: "face", seed: 1)
        let picture = net.input("picture", [.free("batch"), .fixed(3), .fixed(112), .fixed(112)])
        var x = net.tanh(net.linear(net.flatten(net.averagePool(picture, kernel: 16, stride: 16)), 24))
        try net.graph(outputs: ["embedding": net.linear(net.dropout(x, 0.2), 8)]).write(onnxFile: URL(fileURLWithPath: scratch.file("face.onnx")))
        net = GraphBuilder(name: "voice", seed: 2)
        let frames = net.input("frames", [.free("batch"), .fixed(48), .fixed(80)])
        x = net.tanh(net.batchNormalization(net.linear(net.reduceMax(frames, [1]), 24)))
        try net.graph(outputs: ["embedding": net.linear(x, 8)]).write(onnxFile: URL(fileURLWithPath: scratch.file("voice.onnx")))
    }

    private static let recipe = """
        seed: 7
        data: {shards: [shards], split: {seed: 2, validation: 0.3, test: 0.2}}
        modalities:
          - {name: face, encoder: face.onnx}
          - {name: voice, encoder: voice.onnx, seconds: 0.5}
        fuser: {name: embracenet, size: 8}
        losses:
          - {name: triplet, on: fused}
          - {name: info-nce, on: [face, voice], bank: 12}
        optimizer: {name: adam, rate: 0.01}
        schedule: {name: cosine, warm_up: 1}
        batch: {people: 2, samples: 2}
        modality_dropout: 0.25
        epochs: 4
        checkpoint_steps: 3

        """

    private static func prepare(_ scratch: ScratchFolder) throws -> String {
        try networks(scratch)
        try RealColumns(people: 10, samples: 4).write(to: scratch.file("shards"))
        let path = scratch.file("recipe.yaml")
        try Data(recipe.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func `Killed again and again, a run ends with the weights of one that was not`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), whole = scratch.run("whole"), killed = scratch.run("killed")
        let straight = try await Self.run(["fit", recipe, "-o", whole.path, "--threads", "1", "--quiet"], in: scratch)
        try #require(straight.status == 0, "\(straight.complaint)")
        let total = try whole.load().steps.count
        try #require(total >= 12)
        var generator = SystemRandomNumberGenerator()
        var moments: [Int] = []
        for round in 0..<5 {
            let trainer = try Trainer(["fit", recipe, "-o", killed.path, "--threads", "1", "--quiet", "--resume"], in: scratch)
            // From its beginning, before there is a record, to its end; then some more, so that it is not always right behind a row.
            let wanted = round == 0 ? 0 : Int.random(in: (round - 1) * total / 5...(round + 1) * total / 5, using: &generator)
            while trainer.process.isRunning, try wanted > 0 && (!killed.holdsRun || killed.load().steps.count < wanted) { try await Task.sleep(for: .milliseconds(1)) }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...30_000, using: &generator)))
            kill(trainer.process.processIdentifier, SIGKILL)
            _ = try await trainer.end()
            // Whatever is there is whole.
            moments.append(killed.holdsRun ? try killed.load().steps.count : 0)
            if FileManager.default.fileExists(atPath: killed.lastCheckpoint) { _ = try killed.lastTensors() }
        }
        let last = try await Self.run(["fit", recipe, "-o", killed.path, "--threads", "1", "--quiet", "--resume"], in: scratch)
        try #require(last.status == 0, "\(last.complaint)")
        #expect(try killed.lastTensors() == whole.lastTensors(), "killed after \(moments) of \(total) steps")
        #expect(try killed.bestTensors() == whole.bestTensors() && killed.timelessSteps() == whole.timelessSteps() && killed.timelessEpochs() == whole.timelessEpochs(), "\(moments)")
        #expect(try killed.load().record.status == .finished)
    }

    @Test func `A full disk is an error, and the run goes on when there is room`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), whole = scratch.run("whole"), full = scratch.run("full")
        // Checkpoints that are larger than all else: a teacher's size of face.
        let command = ["fit", recipe, "--threads", "1", "--quiet", "-c", "epochs=2", "-c", "fuser.size=512", "-c", "losses=[{name: triplet, on: fused}]"]
        let straight = try await Self.run(command + ["-o", whole.path], in: scratch)
        try #require(straight.status == 0, "\(straight.complaint)")
        let size = try ScratchFolder.bytes(whole.lastCheckpoint).count
        try #require(size > 100_000)
        // Files of at most 160 blocks of 512 bytes, as a disk without room.
        let outcome = try await Self.run(command + ["-o", full.path], in: scratch, shell: "ulimit -f 160")
        #expect(outcome.status == 74, "\(outcome.status): \(outcome.complaint)")
        #expect(outcome.complaint.contains("last.checkpoint: writing it failed: File too large; make room, and go on with --resume"), "\(outcome.complaint)")
        #expect(!FileManager.default.fileExists(atPath: full.lastCheckpoint) && !FileManager.default.fileExists(atPath: full.lastCheckpoint + ".part"))
        #expect(try full.load().record.status == .failed && full.load().record.reason?.contains("File too large") == true)
        let resumed = try await Self.run(command + ["-o", full.path, "--resume"], in: scratch)
        try #require(resumed.status == 0, "\(resumed.complaint)")
        #expect(try full.lastTensors() == whole.lastTensors() && full.timelessSteps() == whole.timelessSteps())
    }

    @Test func `Ctrl-C leaves a checkpoint, and mistakes end with the exit codes that scripts read`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), folder = scratch.run()
        let trainer = try Trainer(["fit", recipe, "-o", folder.path, "--threads", "1", "-c", "epochs=10000"], in: scratch)
        while trainer.process.isRunning, try !folder.holdsRun || folder.load().steps.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        kill(trainer.process.processIdentifier, SIGINT)
        let status = try await trainer.end()
        #expect(status == 0 && trainer.complaint.contains("interrupted") && trainer.complaint.contains("--resume"), "\(trainer.complaint)")
        let contents = try folder.load()
        #expect(contents.record.status == .interrupted)
        #expect(try SafetensorsFile(contentsOf: URL(fileURLWithPath: folder.lastCheckpoint)).metadata["fwoc.state"]?.contains("\"step\":\(contents.steps.count)") == true)
        let cases: [(arguments: [String], status: Int32, message: String)] = [
            (["fit", recipe, "-o", folder.path], 78, "holds a run already"), (["fit", recipe, "-o", scratch.file("x"), "-c", "epoch=3"], 78, "unknown key ‘epoch’"),
            (["fit", recipe, "-o", scratch.file("x"), "-c", "losses.7.name=triplet"], 78, "no such place"), (["fit", recipe, "-o", scratch.file("x"), "-c", "epochs"], 64, "expected key=value"),
            (["fit", scratch.file("none.yaml"), "-o", scratch.file("x")], 66, "none.yaml: no such file; expected a recipe"), (["fit", recipe, "-o", scratch.file("x"), "--device", "abacus"], 64, "expected cpu, cuda"),
            (["fit", recipe, "-o", scratch.file("x"), "-c", "data.shards=empty"], 66, "no such folder"), (["fit", recipe, "-o", recipe + "/x"], 74, "cannot be made"),
            (["export", scratch.file("nothing"), "-o", scratch.file("y")], 66, "no such folder"), (["import", recipe], 65, "recipe.yaml"),
        ]
        for entry in cases {
            let outcome = try await Self.run(entry.arguments, in: scratch)
            #expect(outcome.status == entry.status && outcome.complaint.contains(entry.message), "\(entry.arguments): \(outcome.status) \(outcome.complaint)")
        }
    }

    /// From the recipe to what the agent's executor runs, by commands alone.
    @Test func `Fit, evaluate, export and import follow one another`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), folder = scratch.run()
        let fit = try await Self.run(["fit", recipe, "-o", folder.path, "--threads", "1", "-c", "epochs=1"], in: scratch)
        #expect(fit.status == 0 && fit.complaint.contains("weights learn") && fit.complaint.contains("done, best auc"), "\(fit.complaint)")
        let evaluate = try await Self.run(["evaluate", folder.path, "--subset", "train", "--samples", "3", "--html", scratch.file("report.html")], in: scratch)
        #expect(evaluate.status == 0, "\(evaluate.complaint)")
        let report = try #require(try folder.load().evaluation)
        #expect(report.sections.map(\.condition.rawValue).contains("missing") && report.sections[0].role == .fused)
        let export = try await Self.run(["export", folder.path, "-o", scratch.file("networks")], in: scratch)
        #expect(export.status == 0, "\(export.complaint)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("networks")).sorted() == ["face.onnx", "fuser.onnx", "voice.onnx"])
        let part = try await Self.run(["export", folder.path, "-o", scratch.file("x.onnx"), "--part", "nose"], in: scratch)
        #expect(part.status == 78 && part.complaint.contains("the run has face, voice, fuser"))
        let back = try await Self.run(["import", scratch.file("networks/face.onnx")], in: scratch)
        #expect(back.status == 0, "\(back.complaint)")
        // What was trained is what was written.
        let graph = try Graph(onnxFile: URL(fileURLWithPath: scratch.file("networks/face.onnx")))
        let weights = try folder.bestTensors().filter { $0.key.hasPrefix("face/") }
        #expect(weights.count == 4)
        for (name, tensor) in weights { #expect(graph.initializers[String(name.dropFirst(5))] == tensor, "\(name)") }
    }

    /// Each process takes half of the people of every batch. Without batch normalisation and lots, the sum is one process's step but for rounding;
    /// what is drawn for a sample (augmentation, lost modalities) is the same whoever draws it.
    @Test(.enabled(if: ProcessGroup.isAvailable, "this libtorch has no gloo engine"))
    func `Two processes learn what one learns`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), alone = scratch.run("alone"), together = scratch.run("together")
        var net = GraphBuilder(name: "face", seed: 1)
        let picture = net.input("picture", [.free("batch"), .fixed(3), .fixed(112), .fixed(112)])
        let x = net.tanh(net.linear(net.flatten(net.averagePool(picture, kernel: 16, stride: 16)), 24))
        try net.graph(outputs: ["embedding": net.linear(x, 8)]).write(onnxFile: URL(fileURLWithPath: scratch.file("face.onnx")))
        // A loss that is a mean over samples, and an optimizer that does not blow up small differences.
        let command = [
            "fit", recipe, "--threads", "1", "--quiet", "-c", "losses=[{name: cross-entropy, on: fused}]", "-c", "modalities.1={name: voice, encoder: face-like.onnx, seconds: 0.5}", "-c", "fuser.name=linear",
            "-c", "optimizer={name: sgd, rate: 0.02}", "-c", "epochs=2", "-c", "validation.metric=loss",
        ]
        net = GraphBuilder(name: "voice", seed: 2)
        let frames = net.input("frames", [.free("batch"), .fixed(48), .fixed(80)])
        try net.graph(outputs: ["embedding": net.linear(net.tanh(net.linear(net.reduceMax(frames, [1]), 24)), 8)]).write(onnxFile: URL(fileURLWithPath: scratch.file("face-like.onnx")))
        let single = try await Self.run(command + ["-o", alone.path], in: scratch)
        try #require(single.status == 0, "\(single.complaint)")
        let port = try Self.freePort()
        let trainers = try (0..<2).map { rank in
            try Trainer(command + ["-o", together.path], in: scratch, environment: ["RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)"])
        }
        for trainer in trainers {
            let status = try await trainer.end()
            try #require(status == 0, "\(trainer.complaint)")
        }
        let one = try alone.lastTensors(), two = try together.lastTensors()
        #expect(one.keys == two.keys)
        var worst: Float = 0, moved: Float = 0
        let fresh = try FusionModel(Recipe(contentsOf: URL(fileURLWithPath: alone.recipe)), classes: nil).state()
        for (name, tensor) in one where tensor.elementType == .float32 {
            let a: [Float] = tensor.values(), b: [Float] = try #require(two[name]).values()
            worst = zip(a, b).reduce(worst) { max($0, abs($1.0 - $1.1)) }
            if let begin: [Float] = fresh[name]?.values() { moved = zip(a, begin).reduce(moved) { max($0, abs($1.0 - $1.1)) } }
        }
        // Rounding, by how far the weights went.
        #expect(worst < 3e-5 * max(1, moved) && moved > 1e-3, "\(worst) apart, \(moved) moved")
        let epochs = try zip(alone.load().epochs, together.load().epochs).map { abs($0.trainingLoss - $1.trainingLoss) }
        #expect(epochs.count == 2 && epochs.allSatisfy { $0 < 1e-4 }, "\(epochs)")
        #expect(try together.load().record.processes == 2)
        // Told of another process, and not which one it is.
        let odd = try Trainer(command + ["-o", scratch.file("odd"), "-c", "batch.people=3"], in: scratch, environment: ["WORLD_SIZE": "2"])
        let status = try await odd.end()
        #expect(status == 69 && odd.complaint.contains("RANK is not set"), "\(odd.complaint)")
    }

    /// Ctrl-C reaches one of them: all stop after the same step. Memory banks hold what every process has seen, so that one checkpoint serves all.
    @Test(.enabled(if: ProcessGroup.isAvailable, "this libtorch has no gloo engine"))
    func `Two processes are stopped by one's signal, and end with the weights of two that were not`() async throws {
        let scratch = try ScratchFolder()
        let recipe = try Self.prepare(scratch), whole = scratch.run("whole"), pieces = scratch.run("pieces")
        let command = ["fit", recipe, "--threads", "1", "--quiet", "-c", "epochs=6", "-c", "losses.1.momentum=0.5"]
        func begin(_ arguments: [String]) throws -> [Trainer] {
            let port = try Self.freePort()
            return try (0..<2).map { rank in
                try Trainer(command + arguments, in: scratch, environment: ["RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)"])
            }
        }
        func end(_ trainers: [Trainer]) async throws {
            for trainer in trainers {
                let status = try await trainer.end()
                try #require(status == 0, "\(trainer.complaint)")
            }
        }
        try await end(begin(["-o", whole.path]))
        let total = try whole.load().steps.count
        let trainers = try begin(["-o", pieces.path])
        while trainers[0].process.isRunning, try !pieces.holdsRun || pieces.load().steps.count < 2 { try await Task.sleep(for: .milliseconds(1)) }
        kill(trainers[1].process.processIdentifier, SIGINT)
        try await end(trainers)
        let stopped = try pieces.load()
        // Unless it was done before the signal came.
        #expect(stopped.record.status == .interrupted || stopped.steps.count == total)
        try await end(begin(["-o", pieces.path, "--resume"]))
        #expect(try pieces.lastTensors() == whole.lastTensors() && pieces.timelessSteps() == whole.timelessSteps(), "stopped after \(stopped.steps.count) of \(total) steps")
        #expect(try whole.lastTensors().keys.contains("bank.1"))
    }

    /// A port that nothing listens at now.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let size = length
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        try #require(status)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

public import Foundation

/// libv4l2's plug-in that makes files cameras, compiled from `Tests/LiveLab/fake-camera` and installed where libv4l2 looks.
public enum FakeCameraPlugin {
    private static let outcome = Result { try install() }

    /// Returns when it is installed in its present version; throws what to do where that is impossible.
    public static func require() throws { try outcome.get() }

    private static func install() throws {
        let source = LiveLab.folder.appending(path: "fake-camera")
        let folder = FileManager.default.temporaryDirectory.appending(path: "fwoc-fake-camera-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let remedy = "install gcc and make, and run `sudo make -C Tests/LiveLab/fake-camera install`"
        let (status, output) = try ChildProcess.run("make", ["-s", "-C", source.path, "OUT=\(folder.path)"])
        guard status == 0 else { throw LivePartFailure("the fake camera does not compile; \(remedy)\n\(output)") }
        let made = try Data(contentsOf: folder.appending(path: "fwoc-fake-camera.so"))
        if let installed = pluginFolders.first, FileManager.default.contents(atPath: installed + "/fwoc-fake-camera.so") == made { return }
        let (installation, complaint) = try ChildProcess.run("make", ["-s", "-C", source.path, "OUT=\(folder.path)", "install"])
        guard installation == 0 else { throw LivePartFailure("the fake camera cannot be installed for libv4l2; \(remedy)\n\(complaint)") }
    }

    private static var pluginFolders: [String] {
        let architectures = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? []
        return architectures.map { "/usr/lib/\($0)/libv4l/plugins" }.filter { FileManager.default.fileExists(atPath: $0 + "/fwoc-fake-camera.so") }
    }
}

/// A file that is a camera; see `Tests/LiveLab/fake-camera`.
public struct FakeCamera: Sendable {
    /// Without symbolic links in it: the plug-in sees the real path.
    public let node: String

    /// Writes its description; it is not plugged in yet.
    /// - Parameter modes: lines as the plug-in reads them, such as `mode YUYV 640x480 25 0 FRAMES`.
    public init(_ node: URL, modes: [String]) throws {
        try FakeCameraPlugin.require()
        self.node = node.deletingLastPathComponent().resolvingSymlinksInPath().appending(path: node.lastPathComponent).path
        try show(modes)
    }

    /// Other modes, from the next opening on.
    public func show(_ modes: [String]) throws {
        try (["fake camera"] + modes).map { $0 + "\n" }.joined().write(toFile: node + ".fake-camera", atomically: true, encoding: .utf8)
    }

    public func plug() throws {
        guard FileManager.default.createFile(atPath: node, contents: nil) else { throw LivePartFailure("\(node) cannot be made") }
    }

    public func unplug() throws { try FileManager.default.removeItem(atPath: node) }

    /// A fault as the plug-in knows it, or none.
    public func fail(_ fault: String?) throws {
        if let fault {
            try fault.write(toFile: node + ".fault", atomically: true, encoding: .utf8)
        } else {
            try FileManager.default.removeItem(atPath: node + ".fault")
        }
    }

    /// Whether a process has it open.
    public func isOpen(in process: Int32) -> Bool {
        let folder = "/proc/\(process)/fd"
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return descriptors.contains { (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == node }
    }
}

import Foundation
import Testing

/// The units as systemd reads them, without a running systemd.
@Suite struct UnitTests {
    static let systemUnits = ["fwoc-agent.service", "fwoc-agent@.service"]

    /// A unit whose program is there, for `systemd-analyze verify`.
    private static func installed(_ unit: String, as name: String, in scratch: Scratch) throws -> String {
        let text = try Package.text("systemd/\(unit)").replacingOccurrences(of: "ExecStart=/usr/bin/fwoc-agent", with: "ExecStart=/bin/true")
        try #require(text.contains("ExecStart=/bin/true"))
        return try scratch.write(text, to: name, mode: 0o644).path
    }

    @Test(arguments: [("fwoc-agent.service", "fwoc-agent.service"), ("fwoc-agent@.service", "fwoc-agent@door.service")])
    func `systemd finds nothing wrong with a unit`(_ unit: String, _ name: String) throws {
        let scratch = try Scratch()
        let path = try Self.installed(unit, as: name, in: scratch)
        let result = try Tool.run("systemd-analyze", ["verify", "--man=no", path])
        // Other units of the machine that the tests run on may have faults of their own.
        #expect(result.exitCode == 0 && !result.output.contains("fwoc-agent"), "\(result.output)")
    }

    @Test func `systemd finds nothing wrong with the user's unit`() throws {
        let scratch = try Scratch()
        let path = try Self.installed("user/fwoc-agent.service", as: "fwoc-agent.service", in: scratch)
        try FileManager.default.createDirectory(at: scratch.url.appending(path: "run"), withIntermediateDirectories: true)
        let result = try Tool.run("systemd-analyze", ["verify", "--user", "--man=no", path], environment: ["XDG_RUNTIME_DIR": scratch.path("run")])
        #expect(result.exitCode == 0 && !result.output.contains("fwoc-agent"), "\(result.output)")
    }

    /// `systemd-analyze security` adds up what an attacker inside the service could still do, from 0 to 10.
    @Test(arguments: systemUnits) func `A unit is exposed no more than 1.5`(_ unit: String) throws {
        let path = Package.systemd.appending(path: unit).path
        // The threshold is in tenths.
        let result = try Tool.run("systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=15", path])
        #expect(result.exitCode == 0, "\(result.output)")
        #expect(result.output.contains("Overall exposure level"))
    }

    @Test func `The instances differ from the unit in nothing but whose they are`() throws {
        func settings(_ unit: String) throws -> Set<String> {
            Set(try Package.text("systemd/\(unit)").split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") })
        }
        let one = try settings("fwoc-agent.service"), instance = try settings("fwoc-agent@.service")
        #expect(one.subtracting(instance) == ["Description=Who is in front of the camera and microphone", "StateDirectory=fwoc"])
        #expect(
            instance.subtracting(one) == [
                "Description=Who is in front of the camera and microphone: %i", "StateDirectory=fwoc fwoc/%i", "Environment=FWOC_INSTANCE=%i",
            ])
    }

    /// What the agent's threads, sockets and libraries do, and what it never does; one line each where the unit says otherwise.
    private static let calls = """
        import ctypes, mmap, os, socket, threading
        def expect(isAllowed, what, call):
            try: call(); result = True
            except PermissionError: result = False
            if result != isAllowed: print(what, "is allowed" if result else "is refused")
        libc = ctypes.CDLL(None, use_errno=True)
        def raw(number, *arguments):
            if libc.syscall(number, *arguments) < 0 and ctypes.get_errno() == 1: raise PermissionError()
        expect(True, "a thread", lambda: threading.Thread(target=lambda: None).start())
        expect(True, "binding to processors", lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)))
        expect(True, "a nice value", lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0)))
        expect(True, "shared memory", lambda: os.close(os.memfd_create("sound")))
        expect(True, "a UNIX socket", lambda: socket.socket(socket.AF_UNIX).close())
        expect(True, "the network", lambda: socket.socket(socket.AF_INET).close())
        expect(False, "mounting", lambda: raw(__import__("platform").machine() == "x86_64" and 165 or 40, 0, 0, 0, 0, 0))
        expect(False, "a root of its own", lambda: os.chroot("/"))
        expect(False, "another user", lambda: os.setuid(os.getuid()))
        print("done")
        """

    @Test(arguments: systemUnits + ["user/fwoc-agent.service"]) func `A unit allows what the agent does and refuses what it never does`(_ unit: String) throws {
        let script = try #require(Bundle.module.url(forResource: "Fixtures/under_unit", withExtension: "py"))
        let result = try Tool.run("python3", [script.path, Package.systemd.appending(path: unit).path, "/usr/bin/python3", "-c", Self.calls])
        #expect(result.output == "done\n" && result.exitCode == 0, "\(result.output)")
    }

    @Test func `Users and folders are such as systemd makes them`() throws {
        let users = try Tool.run("systemd-sysusers", ["--dry-run", Package.systemd.appending(path: "sysusers.d/fwoc.conf").path])
        #expect(users.exitCode == 0, "\(users.output)")
        let scratch = try Scratch()
        try scratch.write("root:x:0:0:root:/root:/bin/sh\n", to: "etc/passwd", mode: 0o644)
        try scratch.write("root:x:0:\n", to: "etc/group", mode: 0o644)
        let folders = try Tool.run(
            "systemd-tmpfiles", ["--create", "--root=\(scratch.url.path)", Package.systemd.appending(path: "tmpfiles.d/fwoc.conf").path])
        #expect(folders.exitCode == 0, "\(folders.output)")
        #expect(FileManager.default.fileExists(atPath: scratch.path("etc/fwoc/agent.d")))
    }

    @Test(arguments: [("252", false), ("255", true)]) func `make install puts everything in its place, and make uninstall takes it away`(
        _ version: String, _ knowsReload: Bool
    ) throws {
        let scratch = try Scratch()
        func make(_ target: String, _ more: [String] = []) throws -> Tool.Result {
            try Tool.run("make", ["-s", target, "DESTDIR=\(scratch.url.path)", "SYSTEMD_VERSION=\(version)"] + more, folder: Package.folder)
        }
        for (prefix, units) in [("/usr", "/usr/lib/systemd"), ("/usr/local", "/etc/systemd")] {
            let installed = try make("install", ["PREFIX=\(prefix)", "PROGRAM=/bin/true"])
            try #require(installed.exitCode == 0, "\(installed.output)")
            for file in [
                "\(prefix)/bin/fwoc-agent", "\(prefix)/share/fwoc/firmware-profiles/raspberry-pi-5.yaml", "\(prefix)/share/fwoc/firmware-profiles/profile.schema.json",
                "\(prefix)/share/fwoc/schemas/fwoc.identity-1.schema.json", "\(prefix)/share/fwoc/models/reference/bundle.yaml",
                "\(units)/system/fwoc-agent.service", "\(units)/system/fwoc-agent@.service", "\(units)/user/fwoc-agent.service",
            ] { #expect(FileManager.default.fileExists(atPath: scratch.path(file)), "\(file)") }
            let unit = try String(contentsOfFile: scratch.path("\(units)/system/fwoc-agent.service"), encoding: .utf8)
            #expect(unit.contains("ExecStart=\(prefix)/bin/fwoc-agent run") && unit.contains("FWOC_MODELS=\(prefix)/share/fwoc/models"))
            #expect(FileManager.default.fileExists(atPath: scratch.path("\(units)/system/fwoc-agent.service.d/notify-reload.conf")) == knowsReload)

            #expect(try make("uninstall", ["PREFIX=\(prefix)"]).exitCode == 0)
            let left = FileManager.default.enumerator(atPath: scratch.url.path)?.compactMap { $0 as? String }.filter { path in
                var isFolder: ObjCBool = false
                return unsafe FileManager.default.fileExists(atPath: scratch.path(path), isDirectory: &isFolder) && !isFolder.boolValue
            }
            #expect(left == [])
        }
        let missing = try make("install", ["PROGRAM=/nowhere/fwoc-agent"])
        #expect(missing.exitCode != 0 && missing.output.contains("run make build first"))
    }
}

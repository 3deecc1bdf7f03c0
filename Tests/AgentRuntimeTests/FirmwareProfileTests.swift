import AgentRuntime
import Foundation
import Testing

@Suite struct FirmwareProfileTests {
    static let names = ["generic-x86_64", "intel-n100", "jetson-orin-nano", "raspberry-pi-4", "raspberry-pi-5"]

    @Test func `All profiles conform to their schema`() throws {
        let files = ProfileLibrary(folders: [Package.profiles]).files()
        #expect(files.map(\.name) == Self.names)
        let texts = try files.map { try String(contentsOf: $0.file, encoding: .utf8) }
        #expect(try ConfigurationSchemaTests.complaints(ConfigurationSchema.profile, texts) == Array(repeating: [], count: files.count))
        let wrong = [
            "schema: fwoc.profile/1\nname: a\ndescription: b\nsettings: {gallery: x}", "schema: fwoc.profile/2\nname: a\ndescription: b",
            "schema: fwoc.profile/1\nname: a\ndescription: b\nmatch: [{cpu: x}]",
        ]
        for complaints in try ConfigurationSchemaTests.complaints(ConfigurationSchema.profile, wrong) { #expect(!complaints.isEmpty) }
    }

    @Test(arguments: names) func `Each profile loads and gives what depends on the box`(_ name: String) throws {
        let fixture = try ConfigurationFixture("mqtt: {host: b}\n")
        let loaded = try fixture.load(profile: name)
        #expect(loaded.configuration.profile == name)
        #expect(fixture.origin("profile", in: loaded) == "--profile \(name)")
        for key in ["camera.size", "camera.rate", "camera.formats", "bundle", "recognition.detection_interval", "recognition.latency_budget", "threads.inference.cpus"] {
            guard case .profile = loaded.origins[key] else {
                Issue.record("\(key) is from \(fixture.origin(key, in: loaded))")
                continue
            }
        }
        // One frame's search must fit into the budget, and the next must not be due before a frame has come.
        let configuration = loaded.configuration
        #expect(configuration.recognition.latencyBudget > configuration.recognition.detectionInterval)
        #expect(configuration.recognition.detectionInterval >= .seconds(1 / configuration.camera.rate))
    }

    // MARK: - Detection

    private static func machine(_ files: [String: String]) throws -> Scratch {
        let scratch = try Scratch()
        for (path, text) in files { try scratch.write(text, to: path) }
        return scratch
    }

    @Test(arguments: [
        (["proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0", "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"], "aarch64", "raspberry-pi-5"),
        (["sys/firmware/devicetree/base/compatible": "raspberrypi,4-compute-module\0brcm,bcm2711\0"], "aarch64", "raspberry-pi-4"),
        (["sys/firmware/devicetree/base/compatible": "raspberrypi,400\0brcm,bcm2711\0"], "aarch64", "raspberry-pi-4"),
        (["proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0"], "aarch64", "jetson-orin-nano"),
        (["proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0"], "aarch64", "jetson-orin-nano"),
        (["proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) N100\n"], "x86_64", "intel-n100"),
        (["sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000fam0006mod00BE:feature:,0000,0001\n"], "x86_64", "intel-n100"),
        (["proc/cpuinfo": "model name\t: AMD Ryzen 7\n", "sys/devices/system/cpu/modalias": "cpu:type:x86,ven0002fam0019mod0044:feature:\n"], "x86_64", "generic-x86_64"),
        ([:], "x86_64", "generic-x86_64"),
        (["proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0"], "aarch64", nil),
        (["proc/device-tree/compatible": "raspberrypi,3-model-b\0brcm,bcm2837\0"], "aarch64", nil),
    ] as [([String: String], String, String?)])
    func `A machine is known by what it says of itself`(_ files: [String: String], _ architecture: String, _ expected: String?) throws {
        let scratch = try Self.machine(files)
        let identity = MachineIdentity(root: scratch.url, architecture: architecture)
        let match = try ProfileDetector(library: ProfileLibrary(folders: [Package.profiles]), machine: identity).detect()
        #expect(match?.profile.name == expected, "\(identity)")
        #expect(match?.evidence.isEmpty != true)
    }

    @Test func `auto takes the profile of the machine and says by what`() throws {
        let fixture = try ConfigurationFixture("profile: auto\n")
        try fixture.scratch.write("raspberrypi,5-model-b\0brcm,bcm2712\0", to: "root/proc/device-tree/compatible")
        let loaded = try fixture.load()
        #expect(loaded.configuration.profile == "raspberry-pi-5")
        #expect(fixture.origin("profile", in: loaded) == "found by device_tree_compatible: raspberrypi,5-model-b")
        #expect(loaded.configuration.camera.rate == 15)
    }

    @Test func `A box that nobody knows has the built-in defaults and a warning`() throws {
        var fixture = try ConfigurationFixture("")
        fixture.profileFolders = []
        let loaded = try fixture.load()
        #expect(loaded.configuration.profile == nil)
        #expect(loaded.warnings.contains { $0.contains("no firmware profile is known for this machine") })
    }

    // MARK: - Mistakes

    private static let head = "schema: fwoc.profile/1\nname: box\ndescription: A box\n"

    @Test(arguments: [
        ("schema: fwoc.profile/2\n", "box.yaml:1: schema: got ‘fwoc.profile/2’, expected fwoc.profile/1"),
        ("schema: fwoc.profile/1\nname: other\n", "box.yaml:1: name: got ‘other’, expected box"),
        ("schema: fwoc.profile/1\nname: box\n", "box.yaml:1: description: missing"),
        (head + "setings: {}\n", "box.yaml:4): setings: unknown key; did you mean settings?"),
        (head + "match: {processor: x}\n", "box.yaml:4): match: got keys with values (processor), expected a list"),
        (head + "match:\n  - {procesor: x}\n", "box.yaml:5): match: procesor: unknown fact; did you mean processor?"),
        (head + "settings:\n  camera: {rat: 5}\n", "box.yaml:5): camera.rat: unknown key; did you mean camera.rate?"),
        (head + "settings:\n  camera: {rate: 500}\n", "box.yaml:5): camera.rate: got ‘500’, expected a number from 1 to 120"),
        (head + "settings:\n  mqtt: {host: b}\n", "mqtt.host: does not depend on the box; it belongs into agent.yaml"),
        (head + "extends: bx\n", "box.yaml: extends: there is no firmware profile ‘bx’; did you mean box?"),
        (head + "extends: box\n", "box.yaml: extends itself: box → box"),
    ])
    func `A mistake in a profile is named with its place`(_ yaml: String, _ message: String) throws {
        var fixture = try ConfigurationFixture("profile: box\n")
        try fixture.scratch.write(yaml, to: "profiles/box.yaml")
        fixture.profileFolders = [fixture.scratch.url.appending(path: "profiles")]
        let mistakes = try fixture.mistakes()
        #expect(mistakes.contains { $0.contains(message) }, "\(mistakes)")
    }

    @Test func `A profile in a folder before replaces the one that is installed`() throws {
        var fixture = try ConfigurationFixture("profile: raspberry-pi-5\n")
        try fixture.scratch.write(
            "schema: fwoc.profile/1\nname: raspberry-pi-5\ndescription: Mine\nextends: generic-x86_64\nsettings: {camera: {rate: 11}}\n",
            to: "profiles/raspberry-pi-5.yaml")
        fixture.profileFolders.insert(fixture.scratch.url.appending(path: "profiles"), at: 0)
        #expect(try fixture.load().configuration.camera.rate == 11)
    }
}

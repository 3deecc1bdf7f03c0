public import Foundation
import Glibc

/// What a firmware profile can ask about a machine.
public enum MachineFact: String, CaseIterable, Hashable, Sendable {
    case deviceTreeCompatible = "device_tree_compatible"
    case deviceTreeModel = "device_tree_model"
    case vendor
    case product
    case board
    case processor
    case processorID = "processor_id"
    case architecture

    /// How much more a match says than one of a fact below; the rule with the largest sum wins.
    var weight: Int {
        switch self {
        case .deviceTreeCompatible: 32
        case .deviceTreeModel: 16
        case .product, .board: 12
        case .processor: 8
        case .processorID: 6
        case .vendor: 4
        case .architecture: 1
        }
    }

    var summary: String {
        switch self {
        case .deviceTreeCompatible: "One of the device tree’s compatible strings, such as raspberrypi,5-model-b."
        case .deviceTreeModel: "The device tree’s model."
        case .vendor: "DMI system vendor (/sys/class/dmi/id/sys_vendor)."
        case .product: "DMI product name (/sys/class/dmi/id/product_name)."
        case .board: "DMI board name (/sys/class/dmi/id/board_name)."
        case .processor: "Model name in /proc/cpuinfo, which a service with ProcSubset=pid does not see."
        case .processorID: "Type, vendor, family and model in /sys/devices/system/cpu/modalias, such as x86,ven0000fam0006mod00BE."
        case .architecture: "As `uname -m` says it: x86_64, aarch64."
        }
    }
}

/// What a machine says about itself, read from `/sys` and `/proc`; what is not there is not known.
public struct MachineIdentity: Hashable, Sendable {
    /// One text for most facts; a device tree names several compatible boards.
    public var facts: [MachineFact: [String]]

    public init(facts: [MachineFact: [String]]) { self.facts = facts }

    /// - Parameters:
    ///   - root: `/` but for tests.
    ///   - architecture: as `uname -m` says it.
    public init(root: URL, architecture: String = Self.architecture) {
        func read(_ path: String) -> [String] {
            guard let file = try? FileHandle(forReadingFrom: root.appending(path: path)), let data = try? file.read(upToCount: 1 << 16) else { return [] }
            // Device trees end and separate their texts with a zero byte.
            return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
        }
        facts = [.architecture: [architecture]]
        // The same tree in two places, of which a sandbox may hide one.
        for tree in ["sys/firmware/devicetree/base", "proc/device-tree"] where facts[.deviceTreeCompatible, default: []].isEmpty {
            facts[.deviceTreeCompatible] = read("\(tree)/compatible")
            facts[.deviceTreeModel] = read("\(tree)/model")
        }
        facts[.vendor] = read("sys/class/dmi/id/sys_vendor")
        facts[.product] = read("sys/class/dmi/id/product_name")
        facts[.board] = read("sys/class/dmi/id/board_name")
        facts[.processor] = read("proc/cpuinfo").first.flatMap { text in
            text.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
                .map { [$0.trimmingCharacters(in: .whitespaces)] }
        }
        // cpu:type:x86,ven0000fam0006mod00BE:feature:,0000,…
        facts[.processorID] = read("sys/devices/system/cpu/modalias").first.flatMap { text in
            let parts = text.split(separator: ":")
            return parts.count > 2 && parts[1] == "type" ? [String(parts[2])] : nil
        }
        facts = facts.filter { !$0.value.isEmpty }
    }

    /// Of the machine that this runs on.
    public static var architecture: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "" }
        return unsafe withUnsafeBytes(of: &name.machine) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

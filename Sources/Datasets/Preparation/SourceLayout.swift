import Foundation

/// How a source says whose file is whose.
public enum SourceLayout: String, Hashable, Sendable, CaseIterable {
    /// `identity/video/utterance.ext`, as VoxCeleb2 has it.
    case voxceleb
    /// `identity/…/file`: pictures, recordings or clips, at any depth.
    case folders
    /// A CSV file with the columns `file` and `identity`, and perhaps `start`, `end` (seconds), `session` and `face`.
    case manifest

    /// Lists a source's files in the order of their names.
    ///
    /// - Parameter source: a folder; for ``manifest`` the CSV file, whose paths are relative to its folder.
    /// - Throws: ``DatasetError`` where it cannot be read, or nothing is in it.
    public func items(of source: String) throws(DatasetError) -> [SourceItem] {
        let items: [SourceItem]
        switch self {
        case .manifest: items = try ClipManifest.items(path: source)
        case .voxceleb, .folders: items = try folderItems(source)
        }
        guard !items.isEmpty else {
            throw DatasetError(.noInput, "\(source): no file in it; expected \(expectation)")
        }
        return items.sorted { $0.key < $1.key }
    }

    public var expectation: String {
        switch self {
        case .voxceleb: "folders identity/video/ with utterances in them (--layout voxceleb)"
        case .folders: "a folder for each identity with files in it (--layout folders)"
        case .manifest: "a CSV file with the columns file and identity (--layout manifest)"
        }
    }

    private func folderItems(_ source: String) throws(DatasetError) -> [SourceItem] {
        var isDirectory = ObjCBool(false)
        guard unsafe FileManager.default.fileExists(atPath: source, isDirectory: &isDirectory) else {
            throw DatasetError(.noInput, "\(source): no such folder; expected \(expectation)")
        }
        guard isDirectory.boolValue else { throw DatasetError(.noInput, "\(source): not a folder; expected \(expectation)") }
        guard let files = FileManager.default.enumerator(atPath: source) else {
            throw DatasetError(.inputOutput, "\(source): cannot be listed; check the permissions of the folder")
        }
        var items: [SourceItem] = []
        var misplaced: String?
        while let name = files.nextObject() as? String {
            let parts = name.split(separator: "/").map(String.init)
            if parts.contains(where: { $0.hasPrefix(".") }) { continue }
            let path = (source as NSString).appendingPathComponent(name)
            var isFolder = ObjCBool(false)
            guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { continue }
            guard parts.count >= 2, self == .folders || parts.count == 3 else {
                misplaced = misplaced ?? name
                continue
            }
            items.append(SourceItem(path: path, name: name, identity: parts[0], session: parts.count == 2 ? parts[0] : parts[..<(parts.count - 1)].joined(separator: "/")))
        }
        if items.isEmpty, let misplaced {
            throw DatasetError(.badData, "\(source): '\(misplaced)' does not lie in the folder of an identity; expected \(expectation)")
        }
        return items
    }
}
